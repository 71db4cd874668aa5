public import Wire

#if os(Linux)
import Glibc
#endif

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

#if os(Linux)
extension Moment {
    /// Both clocks, read now.
    static var now: Moment {
        var (monotonic, wall) = (timespec(), timespec())
        unsafe clock_gettime(CLOCK_MONOTONIC, &monotonic)
        unsafe clock_gettime(CLOCK_REALTIME, &wall)
        let nanoseconds = UInt64(monotonic.tv_sec) * 1_000_000_000 + UInt64(monotonic.tv_nsec)
        return Moment(instant: Instant(nanoseconds: nanoseconds), wallClock: Int64(wall.tv_sec))
    }

    /// For poll(2), rounded up; -1 for never.
    func milliseconds(until deadline: Instant?) -> Int32 {
        guard let deadline else { return -1 }
        guard deadline > instant else { return 0 }
        let nanoseconds = deadline.nanoseconds - instant.nanoseconds
        return Int32(clamping: nanoseconds / 1_000_000 + 1)
    }
}
#endif
