/// What the data channel adds to a packet, and the sizes that follow from it. All sizes in octets.
public struct DataEncapsulation: Equatable, Sendable {
    public static let defaultTunMTU = 1500

    public let suite: DataCipherSuite
    /// TCP puts a length of two octets before each packet.
    public let isTCP: Bool
    /// P_DATA_V2 with its peer id, or the older P_DATA_V1.
    public let hasPeerID: Bool
    public let framing: CompressionFraming

    public init(
        _ suite: DataCipherSuite, isTCP: Bool, hasPeerID: Bool = true, framing: CompressionFraming = .none
    ) {
        self.suite = suite
        self.isTCP = isTCP
        self.hasPeerID = hasPeerID
        self.framing = framing
    }

    /// Opcode and key id, and the peer id.
    private var opcodeLength: Int { hasPeerID ? 4 : 1 }
    private var authenticator: Int { suite.authentication?.digestLength ?? 16 }
    private var ivOnWire: Int { suite.cipher.isAEAD ? 0 : 16 }
    private static let packetIDLength = 4

    /// What stands before the payload; more than this is never written there. Without TCP's length.
    public var headroom: Int {
        opcodeLength + authenticator + ivOnWire + Self.packetIDLength + framing.maxOverhead
    }
    /// What `seal` may write behind the payload: the padding, and the octet that swapped framing moves there.
    public var tailroom: Int { (suite.cipher.isAEAD ? 0 : 16) + (framing == .stubSwapped ? 1 : 0) }

    /// The largest payload whose packet, TCP's length included, has at most `link` octets. Zero if none fits.
    public func maxPayload(link: Int) -> Int {
        let outside = (isTCP ? 2 : 0) + opcodeLength + authenticator + ivOnWire
        let inside = Self.packetIDLength + framing.maxOverhead
        guard !suite.cipher.isAEAD else { return max(0, link - outside - inside) }
        // At least one octet of the last block is padding.
        let blocks = max(0, link - outside) / 16
        return max(0, blocks * 16 - 1 - inside)
    }

    /// The `link-mtu` of the options string, which is more than a packet has: it counts a whole IV and a
    /// whole block for every cipher, 32 octets for an Ethernet header, and an opcode without peer id.
    func announcedLinkMTU(device: OptionsString.Device) -> Int {
        let ivAndBlock =
            switch suite.cipher {
            case .chaCha20Poly1305: 12 + 1
            case .aes128GCM, .aes192GCM, .aes256GCM: 12 + 16
            case .aes128CBC, .aes192CBC, .aes256CBC: 16 + 16
            }
        return Self.defaultTunMTU + 1 + Self.packetIDLength + authenticator + ivAndBlock + (isTCP ? 2 : 0)
            + (device == .tap ? 32 : 0) + (framing == .stub || framing == .stubSwapped ? 1 : 0)
    }
}

/// How a peer marks its packets as not compressed. Nothing is ever compressed (VORACLE), and compressed
/// packets are refused; but a client that is configured for compression expects the marks.
public enum CompressionFraming: UInt8, Sendable {
    case none
    /// `comp-lzo no`: an octet 0xfa before the payload.
    case stub
    /// `compress` and `compress stub`: 0xfb takes the place of the first octet, which goes to the end.
    case stubSwapped
    /// `compress stub-v2`: nothing, unless the payload begins with 0x50: then 0x50 0x00 before it.
    case stubV2

    var maxOverhead: Int {
        switch self {
        case .none: 0
        case .stub, .stubSwapped: 1
        case .stubV2: 2
        }
    }
}
