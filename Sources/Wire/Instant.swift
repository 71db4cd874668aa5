/// A point on the host's monotonic clock, in nanoseconds since a moment that never changes while it runs.
/// Protocol code gets it as an argument and never reads a clock.
public struct Instant: InstantProtocol, Hashable, Sendable {
    public let nanoseconds: UInt64
    @inlinable public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// Whole seconds, as forwarding tables count.
    public var seconds: UInt64 { nanoseconds / 1_000_000_000 }

    /// Later than everything that happens.
    public static let distantFuture = Instant(nanoseconds: .max)

    public func advanced(by duration: Duration) -> Instant {
        let (seconds, attoseconds) = duration.components
        return Instant(
            nanoseconds: nanoseconds
                &+ UInt64(bitPattern: seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000))
    }

    public func duration(to other: Instant) -> Duration {
        .nanoseconds(Int64(bitPattern: other.nanoseconds &- nanoseconds))
    }

    public static func + (instant: Instant, duration: Duration) -> Instant { instant.advanced(by: duration) }

    @inlinable public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
}
