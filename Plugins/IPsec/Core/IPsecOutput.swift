public import IKEv1
public import PPP
public import Wire

/// What the engine wants done. Drained with `IPsecServer.nextOutput()` after every input.
public enum IPsecOutput: Sendable {
    /// A datagram of IKE.
    case send([UInt8], IKEPath)
    /// Whose place on a hub is this peer's?
    case authenticate(IdentityQuestion)
    /// Who is it that has shown this? To be answered by `decided`.
    case authenticateUser(UserQuestion)
    case withdrawAuthentication(PlaceID, ticket: UInt64)
    case openSession(SessionWish)
    /// Also where it is still being opened, or, for a call, where only its user is known.
    case closeSession(PlaceID, IPsecEnding)
    /// A client of a session on layer 3 has IPv6, with these interface identifiers.
    case joinIPv6Link(PlaceID, own: UInt64, peer: UInt64)
    case moved(PlaceID, TransportAddress)
    case log(LogEvent)
}

public struct IdentityQuestion: Sendable {
    public let place: PlaceID
    public let ticket: UInt64
    /// As administrators write it.
    public let identity: String
    /// By what it was proved, and where that leads.
    public let scope: KeyRing.Scope
    public let remote: TransportAddress
    public let protocolName: String
}

/// A question about whoever is at the other end of a PPP link.
public struct UserQuestion: Sendable {
    public let place: PlaceID
    public let ticket: UInt64
    public let evidence: Evidence
    /// The only hubs that the key below leads to; nil: any.
    public let hubs: Set<String>?
    public let remote: TransportAddress
    public let software: String?
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
    /// Of IKE.
    public let identity: String
    public let remote: TransportAddress
    /// Nil: a session on layer 2, to be answered by `sessionOpened`; else on layer 3, answered by
    /// `networkOpened`.
    public let network: NetworkWish?
}

/// What a PPP client wants of the network that it joins.
public struct NetworkWish: Equatable, Sendable {
    /// Nil: any.
    public let address: IPv4Address?
    /// What the client calls its system and itself.
    public let software: String?
    public let hostName: String?
}

/// Why a session ends.
public enum IPsecEnding: Sendable {
    case client
    case protocolError
    case authentication
    case administrator
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
