public import Wire

/// Who asks a DHCP server for an address, and which one it would like.
public struct DHCPIdentity: Equatable, Sendable {
    /// Longer host names are cut, RFC 1123 §2.1.
    static let maxHostName = 63

    public var mac: MACAddress
    /// Option 61. By default hardware type and MAC address, RFC 2132 §9.14.
    public var clientIdentifier: [UInt8]
    /// Option 12; what a host name must not contain is replaced by hyphens.
    public var hostName: String?
    /// Option 60.
    public var vendorClass: String?
    /// The address that the client would like to have.
    public var wish: IPv4Address?
    /// Whether a server leased the wished address to this identity before: then it is asked for at once
    /// (INIT-REBOOT).
    public var wishIsFormerLease = false

    public init(mac: MACAddress) {
        self.mac = mac
        clientIdentifier = [1] + mac.octets
    }

    /// Letters, digits and inner hyphens of `hostName`; nil if nothing is left.
    var wireHostName: [UInt8]? {
        guard let hostName else { return nil }
        let name = hostName.utf8.prefix(Self.maxHostName).map { octet in
            switch octet {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: octet
            case _: UInt8(ascii: "-")
            }
        }
        let hyphen = UInt8(ascii: "-")
        let trimmed = Array(name.drop { $0 == hyphen }.reversed().drop { $0 == hyphen }.reversed())
        return trimmed.isEmpty ? nil : trimmed
    }
}
