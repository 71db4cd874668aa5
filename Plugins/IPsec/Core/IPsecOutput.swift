public import IKEv1
public import Wire

/// What the engine wants done. Drained with `IPsecServer.nextOutput()` after every input.
public enum IPsecOutput: Sendable {
    /// A datagram of IKE.
    case send([UInt8], IKEPath)
    /// Whose place on a hub is this peer's?
    case authenticate(IdentityQuestion)
    case withdrawAuthentication(PlaceID, ticket: UInt64)
    case openSession(SessionWish)
    /// Also where it is still being opened.
    case closeSession(PlaceID, IPsecEnding)
    case moved(PlaceID, TransportAddress)
    case log(LogEvent)
}

public struct IdentityQuestion: Sendable {
    public let place: PlaceID
    public let ticket: UInt64
    /// As administrators write it.
    public let identity: String
    public let remote: TransportAddress
    public let protocolName: String
}

public struct SessionWish: Sendable {
    public let place: PlaceID
    /// The largest IP packet that fits the tunnel in one datagram of the path's assumed MTU.
    public let mtu: Int
    public let headroom: Int
    public let tailroom: Int
    public let protocolName: String
    public let cipher: String
    public let identity: String
    public let remote: TransportAddress
}

/// Why a session ends.
public enum IPsecEnding: Sendable {
    case client
    case timeout
    case shutdown
    case replaced
}

/// Why a packet was dropped. The raw value is the place in `IPsecServer.drops`.
public enum IPsecDrop: Int, CaseIterable, Sendable {
    case unknownSPI
    case notAuthentic
    case replayed
    case malformed
    /// Authentic, but nothing that its SA is for, or that we speak.
    case notAgreed
    /// In tunnel mode inner fragments are not put together.
    case fragment
    /// Nobody is on the hub (yet).
    case noSession
    /// Made up by the peer, to hide how much traffic there is.
    case dummy
    /// Ours: no room, no number, no way out.
    case notSealed
}
