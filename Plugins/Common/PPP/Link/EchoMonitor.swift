public import Wire

/// Finds a dead peer by LCP's Echo-Request, RFC 1661 §5.8. Any frame proves the peer alive.
public struct EchoMonitor: Sendable {
    public static let maxUnanswered = 3

    public enum Output: Equatable, Sendable {
        case sendEchoRequest
        case peerIsDead
    }

    public let interval: Duration
    public internal(set) var deadline: Instant?
    var unanswered = 0

    public init(interval: Duration, openedAt now: Instant) {
        self.interval = interval
        deadline = now + interval
    }

    public mutating func receivedFrame(at now: Instant) {
        guard deadline != nil else { return }
        unanswered = 0
        deadline = now + interval
    }

    public mutating func handleTimeout(at now: Instant) -> Output? {
        guard let deadline, now >= deadline else { return nil }
        guard unanswered < Self.maxUnanswered else {
            self.deadline = nil
            return .peerIsDead
        }
        unanswered += 1
        self.deadline = now + interval
        return .sendEchoRequest
    }
}
