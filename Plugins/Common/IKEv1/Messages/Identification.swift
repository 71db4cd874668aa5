import OpenSSL
public import Wire

/// Who somebody is (phase 1), or what traffic an SA is for (phase 2), RFC 2407 §4.6.2.
public struct Identification: Hashable, Sendable {
    /// Octets of an identity; a distinguished name fits.
    public static let maxLength = 1024

    public var kind: Kind
    /// Zero: any.
    public var protocolNumber: UInt8
    public var port: UInt16
    public var data: [UInt8]

    public struct Kind: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let ipv4Address = Kind(rawValue: 1)
        public static let fqdn = Kind(rawValue: 2)
        public static let userFQDN = Kind(rawValue: 3)
        public static let ipv4Subnet = Kind(rawValue: 4)
        public static let ipv6Address = Kind(rawValue: 5)
        public static let ipv6Subnet = Kind(rawValue: 6)
        public static let ipv4Range = Kind(rawValue: 7)
        public static let ipv6Range = Kind(rawValue: 8)
        public static let distinguishedName = Kind(rawValue: 9)
        public static let keyID = Kind(rawValue: 11)
    }

    public init(_ kind: Kind, _ data: [UInt8], protocolNumber: UInt8 = 0, port: UInt16 = 0) {
        self.kind = kind
        self.data = data
        self.protocolNumber = protocolNumber
        self.port = port
    }

    /// A host.
    init(_ address: TransportAddress) {
        self.init(address.family == .ipv4 ? .ipv4Address : .ipv6Address, address.octets)
    }

    public init(parsing body: [UInt8]) throws(WireError) {
        var input = ByteReader(body.rawSpan)
        kind = Kind(rawValue: try input.read(UInt8.self))
        protocolNumber = try input.read(UInt8.self)
        port = try input.read(UInt16.self)
        data = input.rest()
        guard data.count <= Self.maxLength, Self.hasValidLength(kind, data.count) else { throw .badLength }
    }

    private static func hasValidLength(_ kind: Kind, _ count: Int) -> Bool {
        switch kind {
        case .ipv4Address: count == 4
        case .ipv4Subnet, .ipv4Range: count == 8
        case .ipv6Address: count == 16
        case .ipv6Subnet, .ipv6Range: count == 32
        default: count > 0
        }
    }

    public var body: [UInt8] {
        var octets = [kind.rawValue, protocolNumber]
        octets.appendBigEndian(port)
        return octets + data
    }

    /// The IPv4 address of one host; nil for everything else.
    public var ipv4: IPv4Address? {
        guard kind == .ipv4Address || kind == .ipv4Subnet && Array(data.suffix(4)) == [255, 255, 255, 255]
        else { return nil }
        return IPv4Address(data.prefix(4).reduce(0) { $0 << 8 | UInt32($1) })
    }

    /// As an administrator writes it: an address, a name (a distinguished one as in RFC 2253), or hexadecimal
    /// octets.
    public var text: String {
        switch kind {
        case .ipv4Address: ipv4.map(\.description) ?? hexadecimal
        case .ipv6Address: ipv6.description
        case .fqdn, .userFQDN, .keyID: printable ?? hexadecimal
        case .distinguishedName: distinguishedName ?? hexadecimal
        default: hexadecimal
        }
    }

    private var distinguishedName: String? {
        CertificateSubject.text(ofName: data).flatMap { $0.isEmpty || $0.contains("\"") ? nil : $0 }
    }

    private var ipv6: IPv6Address {
        IPv6Address(
            data.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
            data.dropFirst(8).prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// A name with blanks or control characters would look like something else in a log.
    private var printable: String? {
        data.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") }
            ? String(decoding: data, as: UTF8.self) : nil
    }

    private var hexadecimal: String {
        data.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
