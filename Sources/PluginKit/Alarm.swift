public import Wire

/// A timer of the lane that follows an engine's deadline. Tells the host only when the deadline has changed.
public struct Alarm {
    public let token: UInt64
    private var armed: Instant?

    public init(token: UInt64) { self.token = token }

    /// To be called first when the timer has expired: it is not armed any more.
    public mutating func rang() { armed = nil }

    public mutating func move(to deadline: Instant?, _ services: LaneServices) {
        guard deadline != armed else { return }
        armed = deadline
        if let deadline {
            services.arm(timer: token, at: deadline)
        } else {
            services.disarm(timer: token)
        }
    }
}
