/// How often something may be done: `burst` times at once, and from then on once in `interval`.
public struct TokenBucket: Sendable {
    private let interval: Duration
    private let burst: Int
    /// When all that was taken is made up for.
    private var fullAt = Instant(nanoseconds: 0)

    public init(burst: Int, interval: Duration) {
        self.burst = burst
        self.interval = interval
    }

    /// `count`: of what costs as much as several. False: not now, and nothing is taken.
    public mutating func take(_ count: Int = 1, at now: Instant) -> Bool {
        let next = max(fullAt, now) + interval * count
        guard next <= now + interval * burst else { return false }
        fullAt = next
        return true
    }
}
