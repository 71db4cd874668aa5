public import OpenSSL

/// The options string ("OCC"), by which the two sides compare their configurations: `V4,dev-type tun,link-mtu
/// 1549,...,tls-client`. A difference is worth a warning to the client, never a refusal.
public struct OptionsString: Equatable, Sendable {
    public static let maxLength = 2048
    public static let maxOptions = 64

    public enum Device: String, Sendable { case tun, tap }

    /// Without the leading version.
    public private(set) var options: [String]
    public let version: String

    private init(version: String, options: [String]) {
        self.version = version
        self.options = options
    }

    /// Options beyond the bound are dropped.
    public init(parsing text: String) {
        let parts = text.split(separator: ",").prefix(Self.maxOptions).map(String.init)
        version = parts.first ?? "V4"
        options = Array(parts.dropFirst())
    }

    /// What follows `name` and a space; nil if the option is absent or has no value.
    public subscript(name: String) -> String? {
        for option in options where option.hasPrefix(name + " ") {
            return String(option.dropFirst(name.count + 1))
        }
        return nil
    }

    public func has(_ option: String) -> Bool { options.contains(option) }

    public var device: Device? { self["dev-type"].flatMap(Device.init) }
    /// Octets.
    public var tunMTU: Int? { self["tun-mtu"].flatMap { Int($0) } }
    public var cipher: String? { self["cipher"] }
    /// Nil for `[null-digest]`, which stands beside an AEAD cipher.
    public var authentication: DigestAlgorithm? {
        self["auth"].flatMap { DigestAlgorithm(rawValue: $0.uppercased()) }
    }
    /// Some compression framing is on; it need not be LZO.
    public var usesCompressionFraming: Bool { has("comp-lzo") }

    public var text: String { ([version] + options).joined(separator: ",") }
}

extension OptionsString {
    /// What the client expects of a server that is configured as it is itself: its own options with the roles
    /// changed. Sending this back keeps its log free of warnings about things that negotiation settles
    /// anyway.
    public func mirrored() -> OptionsString {
        var mirror = self
        mirror.options = options.map { Self.opposite[$0] ?? $0 }
        return mirror
    }

    private static let opposite: [String: String] = [
        "tls-client": "tls-server", "tls-server": "tls-client", "keydir 0": "keydir 1",
        "keydir 1": "keydir 0",
        "proto TCPv4_CLIENT": "proto TCPv4_SERVER", "proto TCPv4_SERVER": "proto TCPv4_CLIENT",
        "proto TCPv6_CLIENT": "proto TCPv6_SERVER", "proto TCPv6_SERVER": "proto TCPv6_CLIENT",
    ]

    /// Ours, for a client that sent none.
    public static func server(_ suite: DataCipherSuite, device: Device, isTCP: Bool) -> OptionsString {
        let linkMTU = DataEncapsulation(suite, isTCP: isTCP).announcedLinkMTU(device: device)
        let options = [
            "dev-type \(device.rawValue)", "link-mtu \(linkMTU)",
            "tun-mtu \(DataEncapsulation.defaultTunMTU)", "proto \(isTCP ? "TCPv4_SERVER" : "UDPv4")",
            "cipher \(suite.cipher.rawValue)", "auth \(suite.authentication?.rawValue ?? "[null-digest]")",
            "keysize \(suite.cipher.keyLength * 8)", "key-method 2", "tls-server",
        ]
        return OptionsString(version: "V4", options: options)
    }
}
