public import Wire

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
