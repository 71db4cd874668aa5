public import OpenSSL

/// How the packets of an SA are protected.
public struct ESPSuite: Hashable, Sendable {
    public enum Cipher: Hashable, Sendable {
        /// RFC 3602, RFC 2451; needs an integrity algorithm.
        case cbc(CipherAlgorithm)
        /// RFC 4106 with a tag of 16 octets.
        case gcm(AEADAlgorithm)
    }

    /// An HMAC cut to its first octets, RFC 2404, RFC 4868.
    public struct Integrity: Hashable, Sendable {
        public let digest: DigestAlgorithm
        public let icvLength: Int

        /// Cut as the RFCs say: SHA-1 and MD5 to 96 bits, SHA-2 to half.
        public init(_ digest: DigestAlgorithm) {
            self.digest = digest
            switch digest {
            case .md5, .sha1: icvLength = 12
            case .sha256, .sha384, .sha512: icvLength = digest.digestLength / 2
            }
        }
    }

    public let cipher: Cipher
    /// Nil with GCM.
    public let integrity: Integrity?
    /// Sequence numbers of 64 bits, RFC 4303 §2.2.1.
    public let isExtended: Bool

    public static func cbc(
        _ algorithm: CipherAlgorithm, _ digest: DigestAlgorithm, isExtended: Bool = false
    ) -> ESPSuite {
        ESPSuite(cipher: .cbc(algorithm), integrity: Integrity(digest), isExtended: isExtended)
    }

    public static func gcm(_ algorithm: AEADAlgorithm, isExtended: Bool = false) -> ESPSuite {
        ESPSuite(cipher: .gcm(algorithm), integrity: nil, isExtended: isExtended)
    }

    /// Octets of the salt behind a GCM key, RFC 4106 §8.1.
    static let saltLength = 4

    var cipherKeyLength: Int {
        switch cipher {
        case .cbc(let algorithm): algorithm.keyLength
        case .gcm(let algorithm): algorithm.keyLength + Self.saltLength
        }
    }

    /// Octets of key material for one direction: of the cipher, then of the HMAC.
    public var keyLength: Int { cipherKeyLength + (integrity?.digest.digestLength ?? 0) }

    public var ivLength: Int {
        switch cipher {
        case .cbc(let algorithm): algorithm.blockLength
        case .gcm: 8
        }
    }

    public var icvLength: Int { integrity?.icvLength ?? AEADAlgorithm.tagLength }

    /// What the octets from the payload to the next header are padded to.
    var alignment: Int {
        switch cipher {
        case .cbc(let algorithm): algorithm.blockLength
        case .gcm: 4
        }
    }

    /// Octets that sealing puts in front of a payload.
    public var headroom: Int { ESPHeader.length + ivLength }
    /// Octets that it puts behind one, at most.
    public var tailroom: Int { alignment - 1 + ESPHeader.trailerLength + icvLength }

    /// The largest payload whose packet has at most `count` octets.
    public func maxPayload(inPacketOf count: Int) -> Int {
        let room = count - headroom - icvLength
        return max(0, room / alignment * alignment - ESPHeader.trailerLength)
    }

    /// "AES-256-CBC, SHA256" for people.
    public var name: String {
        let numbers = isExtended ? ", ESN" : ""
        return switch cipher {
        case .cbc(let algorithm): "\(algorithm.rawValue), \(integrity?.digest.rawValue ?? "")\(numbers)"
        case .gcm(let algorithm): "\(algorithm.rawValue)\(numbers)"
        }
    }
}

/// The parts of a packet that are the same for all algorithms, RFC 4303 §2.
///
///     | SPI (4) | Sequence Number (4) | IV | Payload | Padding | Pad Length (1) | Next Header (1) | ICV |
///     |-------------------------- authenticated ---------------------------------------------------|
///                                          |------------------- encrypted ------------------------|
public enum ESPHeader {
    public static let length = 8
    static let trailerLength = 2
    /// A packet that is thrown away: made up to hide how much traffic there is, RFC 4303 §2.6.
    static let dummy: UInt8 = 59
    /// SPIs below are reserved, RFC 4303 §2.1.
    public static let firstSPI: UInt32 = 256
}

/// Why a packet was not opened or sealed.
public enum ESPDrop: UInt8, Sendable, CaseIterable {
    case truncated
    case replayed
    case notAuthentic
    /// Authentic, but the padding is longer than the packet.
    case badPadding
    case dummy
    /// The buffer has no room for header or trailer.
    case noRoom
    /// No sequence number is left: the SA has to be replaced.
    case exhausted
    case cipherFailed
}
