/// Storm control: how many frames a second one port may have flooded (group and unknown destinations).
/// A token bucket that is filled when it has run empty; what exceeds it is dropped and counted.
public struct FloodBudget: Sendable {
    /// Frames a second, and how many may come at once.
    public static let defaultRate: UInt64 = 1000

    private let rate: UInt64
    private var tokens: UInt64
    private var filledAt: UInt64?

    /// - Parameter rate: frames a second; 0 lets nothing be flooded.
    public init(rate: UInt64 = defaultRate) {
        self.rate = rate
        tokens = rate
    }

    /// Whether one more frame may be flooded. `now` in nanoseconds.
    public mutating func spend(at now: UInt64) -> Bool {
        if tokens == 0 || filledAt == nil { fill(at: now) }
        guard tokens > 0 else { return false }
        tokens -= 1
        return true
    }

    private mutating func fill(at now: UInt64) {
        guard let filledAt else {
            self.filledAt = now
            return
        }
        let elapsed = min(now &- filledAt, 1_000_000_000)
        let earned = elapsed * rate / 1_000_000_000
        guard earned > 0 else { return }
        tokens = min(earned, rate)
        self.filledAt = now
    }
}
