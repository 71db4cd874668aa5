/// What a session was granted of its client's wishes.
public struct SessionTerms: Equatable, Sendable {
    /// The most of its connections.
    public static let maxConnections = 32

    public let connections: Int
    public let isHalfDuplex: Bool
    /// One connection is kept for what must not wait.
    public let hasPriority: Bool
    public let compresses: Bool
    /// The client joins a network of its own to the hub.
    public let isBridge: Bool
    /// The client sees all frames of the hub, and sends none.
    public let isMonitor: Bool
    /// A connection that is silent for so long is gone, and so is a session without connections.
    public let timeout: Duration
    /// After so long one has reason to think so: keep-alives come within half of the timeout.
    public var silence: Duration { timeout * 3 / 5 }

    init(_ wishes: SessionWishes, _ settings: SessionSettings) {
        isHalfDuplex = wishes.isHalfDuplex
        isBridge = wishes.isBridge
        isMonitor = wishes.isMonitor
        compresses = wishes.compresses && settings.allowsCompression
        let least = isHalfDuplex ? 2 : 1
        let most = max(least, min(settings.maxConnections, Self.maxConnections))
        // Priority takes twice as many, where the administrator has not set fewer.
        hasPriority = wishes.hasPriority && most >= 2 * least
        let fewest = hasPriority ? 2 * least : least
        connections = min(max(wishes.connections, fewest), most)
        timeout = settings.timeout
    }
}

/// What the administrator has decided about sessions.
public struct SessionSettings: Equatable, Sendable {
    /// 1 to 32.
    public var maxConnections = SessionTerms.maxConnections
    /// 5 to 60 seconds.
    public var timeout: Duration = .seconds(20)

    /// Whether frames are compressed for clients that ask for it.
    public var allowsCompression = true

    public init() {}
}
