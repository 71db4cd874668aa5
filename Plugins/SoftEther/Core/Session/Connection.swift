public import Wire

/// One stream of a client: first on its way to a session, then a part of it.
public final class Connection {
    enum Stage {
        case opening(Opening)
        /// The host judges what was shown.
        case deciding(question: UInt64, Login)
        /// The host judges a wish for another password.
        case changing(question: UInt64)
        /// Accepted; the hub makes a place.
        case joining
        case attached
        case closed
    }

    /// Which way a connection carries frames.
    public enum Direction: UInt32, Sendable {
        case both = 0
        case toClient = 1
        case toServer = 2
    }

    /// The host's name for the stream.
    public let stream: UInt64
    /// Where it comes from, without the port.
    let source: TransportAddress
    let openedAt: Instant
    var stage: Stage
    public internal(set) var session: Session?
    public internal(set) var direction = Direction.both
    /// Where the stream of blocks stands.
    public var blocks = BlockReader()
    /// When something last came.
    public var heardAt: Instant
    var keepAliveAt: Instant

    init(stream: UInt64, source: TransportAddress, stage: Stage, at now: Instant) {
        self.stream = stream
        self.source = source
        self.stage = stage
        openedAt = now
        heardAt = now
        keepAliveAt = now
    }

    /// The host's answer that it waits for.
    var question: UInt64? {
        switch stage {
        case .deciding(let question, _), .changing(let question): question
        case .opening, .joining, .attached, .closed: nil
        }
    }

    public var isAttached: Bool { if case .attached = stage { true } else { false } }
    /// Whether the client should have been heard, at least by its keep-alive.
    public func isSilent(for silence: Duration, at now: Instant) -> Bool {
        carriesToServer && heardAt.duration(to: now) > silence
    }

    public var carriesToClient: Bool { direction != .toServer }
    var carriesToServer: Bool { direction != .toClient }
}
