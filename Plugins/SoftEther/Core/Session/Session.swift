import Wire

/// A client on a hub, over one or several connections that all belong to one lane.
public final class Session {
    /// Names it among the sessions of its lane; never used again.
    public let id: UInt64
    public let key: SessionKey
    public let terms: SessionTerms
    public let name: String
    /// Datagrams beside the connections.
    public let acceleration: Acceleration?
    /// In the order in which they came.
    public internal(set) var connections: [Connection] = []
    /// When the last of its connections broke.
    var lostAt: Instant?
    var isOpen = false

    init(
        id: UInt64, key: SessionKey, terms: SessionTerms, name: String, acceleration: Acceleration?
    ) {
        self.id = id
        self.key = key
        self.terms = terms
        self.name = name
        self.acceleration = acceleration
    }

    /// Of half-duplex sessions the first connection goes to the server, and then each the way that has fewer.
    func directionOfNext() -> Connection.Direction {
        guard terms.isHalfDuplex else { return .both }
        let toServer = connections.count { $0.direction == .toServer }
        return toServer * 2 <= connections.count ? .toServer : .toClient
    }
}
