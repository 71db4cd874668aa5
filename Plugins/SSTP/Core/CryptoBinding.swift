import OpenSSL
import Wire

/// The hash functions of the crypto binding, as the bits of MS-SSTP §2.2.6.
public struct HashProtocols: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let sha1 = HashProtocols(rawValue: 1)
    public static let sha256 = HashProtocols(rawValue: 2)

    /// Nil unless it is one alone, and known.
    var digest: DigestAlgorithm? {
        switch self {
        case .sha1: .sha1
        case .sha256: .sha256
        default: nil
        }
    }
}

/// The Crypto Binding attribute, MS-SSTP §2.2.7: shows that the TLS connection and the PPP authentication
/// have the same two ends, so that nobody between them relays the one into the other.
///
///      reserved (3) | hash protocol (1) | nonce (32) | certificate hash (32) | compound MAC (32)
///
/// The hashes of SHA-1 are followed by zeros.
struct CryptoBinding: Equatable, Sendable {
    static let valueLength = 100
    static let nonceLength = 32
    /// Of the HLAK, §3.2.5.2.
    static let keyLength = 32
    static let fieldLength = 32
    /// Octets of the whole Call Connected message, §2.2.11, and where its Compound MAC begins.
    static let messageLength = 112
    static let macOffset = 80
    private static let seed = Array("SSTP inner method derived CMK".utf8)

    var hash: HashProtocols
    var nonce: [UInt8]
    var certificateHash: [UInt8]
    var compoundMAC: [UInt8]

    init(hash: HashProtocols, nonce: [UInt8], certificateHash: [UInt8], compoundMAC: [UInt8]) {
        self.hash = hash
        self.nonce = nonce
        self.certificateHash = certificateHash
        self.compoundMAC = compoundMAC
    }

    /// Nil for any other length than 100.
    init?(_ value: [UInt8]) {
        guard value.count == Self.valueLength else { return nil }
        hash = HashProtocols(rawValue: value[3])
        nonce = Array(value[4..<36])
        certificateHash = Array(value[36..<68])
        compoundMAC = Array(value[68...])
    }

    var attribute: ControlMessage.Attribute {
        ControlMessage.Attribute(
            id: .cryptoBinding,
            value: [0, 0, 0, hash.rawValue] + nonce + certificateHash + compoundMAC)
    }

    /// The request for it, §2.2.6.
    static func request(_ hashes: HashProtocols, nonce: [UInt8]) -> ControlMessage.Attribute {
        ControlMessage.Attribute(id: .cryptoBindingRequest, value: [0, 0, 0, hashes.rawValue] + nonce)
    }

    /// The HLAK of a server: MasterReceiveKey and MasterSendKey, and zeros where the method has no keys or
    /// shorter ones.
    static func key(_ receiveKey: [UInt8], _ sendKey: [UInt8]) -> SecretBytes {
        SecretBytes(count: keyLength) { key in
            for (index, octet) in [receiveKey, sendKey].joined().prefix(keyLength).enumerated() {
                key.storeBytes(of: octet, toByteOffset: index, as: UInt8.self)
            }
        }
    }

    /// The HLAK where PPP has an MSK of its own, EAP-TLS's: MasterReceiveKey is the first half of it
    /// (RFC 5216 §2.3), so that its first 32 octets are the key.
    static func key(ofMSK msk: SecretBytes) -> SecretBytes {
        SecretBytes(copying: msk.bytes.extracting(first: keyLength))
    }

    /// The same as a client has it whose keys are those of MPPE with 128 bits, as pppd before 2.5: the first
    /// 16 octets of each of them, concatenated as for MS-CHAPv2. It is as secret as the other one.
    static func halves(ofMSK msk: SecretBytes) -> SecretBytes {
        let half = keyLength / 2
        return SecretBytes(count: keyLength) { key in
            for index in 0..<keyLength {
                let octet: UInt8 = msk.bytes.bigEndian(at: index < half ? index : index + half)
                key.storeBytes(of: octet, toByteOffset: index, as: UInt8.self)
            }
        }
    }

    /// §3.2.5.2: HMAC, under a key that is made of the HLAK, over the Call Connected `message` whose MAC is
    /// taken for zeros. As long as the field.
    static func compoundMAC(
        of message: [UInt8], hlak: SecretBytes, _ digest: DigestAlgorithm
    ) throws(OpenSSLError) -> [UInt8] {
        precondition(message.count == messageLength, "the message has 112 octets")
        var blank = message
        for index in macOffset..<messageLength { blank[index] = 0 }
        // PRF+ of IKEv2, whose first block is long enough; its length is little-endian.
        let length = UInt8(digest.digestLength)
        var key = try HMAC(digest, key: hlak.bytes).authenticate(seed, [length, 0, 1])
        defer { wipe(&key) }
        return padded(try HMAC(digest, key: key).authenticate(blank))
    }

    static func padded(_ hash: [UInt8]) -> [UInt8] {
        hash + [UInt8](repeating: 0, count: fieldLength - hash.count)
    }
}

/// Why a binding is not accepted, for the log; the peer is told but that it is not.
public enum BindingFault: String, Sendable {
    case missing = "no crypto binding"
    case hashProtocol = "a hash protocol that was not offered"
    case nonce = "another nonce"
    case certificate = "the hash of another certificate"
    case compoundMAC = "a wrong compound MAC"
    case unauthenticated = "not authenticated yet"
}

/// What the server holds a client's binding against.
struct BindingExpectation: Sendable {
    /// Offered to the client.
    var hashes: HashProtocols
    /// 32 octets, of this call alone.
    var nonce: [UInt8]
    /// DER of what this very connection presented.
    var certificate: [UInt8]

    /// Nil where the whole Call Connected `message` is as it has to be.
    func fault(of binding: CryptoBinding, in message: [UInt8], hlak: SecretBytes) -> BindingFault? {
        guard let digest = binding.hash.digest, hashes.contains(binding.hash) else { return .hashProtocol }
        guard constantTimeEquals(binding.nonce, nonce) else { return .nonce }
        guard let hash = try? digest.hash(certificate),
            constantTimeEquals(binding.certificateHash, CryptoBinding.padded(hash))
        else { return .certificate }
        guard message.count == CryptoBinding.messageLength,
            let mac = try? CryptoBinding.compoundMAC(of: message, hlak: hlak, digest),
            constantTimeEquals(binding.compoundMAC, mac)
        else { return .compoundMAC }
        return nil
    }
}
