public import Wire

/// What a client tells about itself: lines `NAME=value` in its key-method 2 message. Nothing here is
/// authenticated beyond the TLS session that carried it, and nothing is trusted.
public struct PeerInfo: Equatable, Sendable {
    public static let maxLength = 4096
    public static let maxLines = 128

    /// In the order of the message; a repeated name counts where it stands first.
    public private(set) var values: [(name: String, value: String)] = []

    public init() {}

    /// Refuses text that is too long and lines that are too many; skips lines without `=`.
    public init(parsing text: String) throws(WireError) {
        guard text.utf8.count <= Self.maxLength else { throw .badLength }
        let lines = text.split(separator: "\n")
        guard lines.count <= Self.maxLines else { throw .badLength }
        for line in lines {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, self[String(parts[0])] == nil else { continue }
            values.append((String(parts[0]), String(parts[1])))
        }
    }

    public subscript(name: String) -> String? { values.first { $0.name == name }?.value }

    public static func == (a: PeerInfo, b: PeerInfo) -> Bool { a.values.elementsEqual(b.values, by: ==) }
}

extension PeerInfo {
    /// IV_PROTO: what the client can do. Every bit implies `dataV2`, which is how old servers read the
    /// number.
    public struct Capabilities: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        public static let dataV2 = Capabilities(rawValue: 1 << 1)
        /// The reply may be pushed before it is asked for.
        public static let requestPush = Capabilities(rawValue: 1 << 2)
        public static let tlsKeyExport = Capabilities(rawValue: 1 << 3)
        public static let authPendingKeywords = Capabilities(rawValue: 1 << 4)
        public static let cipherNegotiationP2P = Capabilities(rawValue: 1 << 5)
        public static let dnsOption = Capabilities(rawValue: 1 << 6)
        /// EXIT comes over the control channel; `protocol-flags` is understood.
        public static let controlChannelExit = Capabilities(rawValue: 1 << 7)
        public static let authFailedTemporarily = Capabilities(rawValue: 1 << 8)
        public static let dynamicTLSCrypt = Capabilities(rawValue: 1 << 9)
        public static let dataEpoch = Capabilities(rawValue: 1 << 10)
        public static let pushUpdate = Capabilities(rawValue: 1 << 12)
    }

    public var capabilities: Capabilities {
        Capabilities(rawValue: self["IV_PROTO"].flatMap { UInt32($0) } ?? 0)
    }
    /// "2.6.14"
    public var version: String? { self["IV_VER"] }
    /// "linux", "win", "mac", "android", "ios"
    public var platform: String? { self["IV_PLAT"] }
    /// "OpenVPN_GUI_11", "net.openvpn.connect.ios 3.4.1"
    public var graphicalClient: String? { self["IV_GUI_VER"] }
    /// Octets of the largest tun packet that the client can receive.
    public var mtu: Int? { self["IV_MTU"].flatMap { Int($0) } }
    /// A name for the session list: version, platform and what wraps the client.
    public var softwareDescription: String {
        [version.map { "OpenVPN " + $0 }, platform, graphicalClient].compactMap { $0 }.joined(separator: " ")
    }

    /// Ciphers that the client accepts to be told. Nil if it does not negotiate.
    public var ciphers: [String]? {
        if let list = self["IV_CIPHERS"] { return list.split(separator: ":").map(String.init) }
        // IV_NCP=2 of OpenVPN 2.4: both AES-GCM ciphers.
        guard let ncp = self["IV_NCP"].flatMap({ Int($0) }), ncp >= 2 else { return nil }
        return [DataCipher.aes256GCM.rawValue, DataCipher.aes128GCM.rawValue]
    }
}
