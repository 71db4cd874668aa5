public import Wire

/// The time of an input, by both clocks: deadlines are on the monotonic one, what must outlive the process is
/// told in the other.
public struct Moment: Hashable, Sendable {
    public var instant: Instant
    /// Seconds since 1970-01-01 UTC.
    public var wallClock: Int64

    public init(instant: Instant, wallClock: Int64) {
        self.instant = instant
        self.wallClock = wallClock
    }
}
