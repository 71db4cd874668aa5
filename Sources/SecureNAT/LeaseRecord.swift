public import Wire

/// What the owner of a DHCP server keeps of one address, so that clients find theirs again after a restart.
/// A record replaces the one of the same address; there are never more than the pool has addresses.
public struct LeaseRecord: Equatable, Sendable {
    /// The raw values are kept on disk.
    public enum State: UInt8, Sendable, CaseIterable {
        case bound = 1
        /// Given back, but remembered for the same client.
        case released = 2
        /// A client found it in use by somebody else; lent to nobody until it expires.
        case declined = 3
    }

    public var address: IPv4Address
    public var state: State
    /// Seconds since 1970-01-01 UTC.
    public var expiresAt: Int64
    public var client: DHCPClient

    public init(address: IPv4Address, state: State, expiresAt: Int64, client: DHCPClient) {
        self.address = address
        self.state = state
        self.expiresAt = expiresAt
        self.client = client
    }
}

/// A DHCP client as its server knows it.
public struct DHCPClient: Equatable, Sendable {
    public static let maxHostNameLength = 63

    /// Option 61, or the hardware type and chaddr if there is none: RFC 2131 §4.2. At most 255 octets; empty
    /// for nobody.
    public var identifier: [UInt8]
    public var chaddr: MACAddress
    /// Printable ASCII, or empty.
    public var hostName: String

    public init(identifier: [UInt8], chaddr: MACAddress, hostName: String = "") {
        self.identifier = identifier
        self.chaddr = chaddr
        self.hostName = hostName
    }

    public static let nobody = DHCPClient(identifier: [], chaddr: MACAddress(0))

    init(_ message: DHCPMessage) {
        let given = message.options[.clientIdentifier] ?? []
        // An option joined from parts (RFC 3396) may be longer than any that a client sends.
        identifier = (2...255).contains(given.count) ? given : [1] + message.chaddr.octets
        chaddr = message.chaddr
        hostName = String((message.options.text(.hostName) ?? "").prefix(Self.maxHostNameLength))
    }
}
