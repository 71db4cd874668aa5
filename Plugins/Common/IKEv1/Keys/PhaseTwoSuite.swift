public import ESP
public import OpenSSL

/// How a pair of ESP SAs is protected and used: the attributes of a phase-2 transform that we can do. RFC
/// 2407 §4.5.
public struct PhaseTwoSuite: Hashable, Sendable {
    public let esp: ESPSuite
    public let mode: EncapsulationMode
    /// With perfect forward secrecy.
    public let group: DiffieHellmanGroup?

    public init(_ esp: ESPSuite, _ mode: EncapsulationMode, group: DiffieHellmanGroup? = nil) {
        self.esp = esp
        self.mode = mode
        self.group = group
    }

    private enum Class {
        static let lifeType: UInt16 = 1
        static let lifeDuration: UInt16 = 2
        static let group: UInt16 = 3
        static let mode: UInt16 = 4
        static let authentication: UInt16 = 5
        static let keyLength: UInt16 = 6
        /// RFC 4304 §3.2.
        static let extendedNumbers: UInt16 = 11
    }

    /// Transform ids, RFC 2407 §4.4.4, RFC 4106 §8.
    private enum Cipher {
        static let tripleDES: UInt8 = 3
        static let aesCBC: UInt8 = 12
        static let aesGCM16: UInt8 = 20
    }

    private static let integrities: [(number: UInt32, digest: DigestAlgorithm)] = [
        (1, .md5), (2, .sha1), (5, .sha256), (6, .sha384), (7, .sha512),
    ]

    /// Nil: something that we cannot do.
    init?(_ transform: Transform) {
        let isExtended = transform.number(Class.extendedNumbers) == 1
        let bits = transform.number(Class.keyLength) ?? 128
        let number = transform.number(Class.authentication)
        switch transform.id {
        case Cipher.aesCBC, Cipher.tripleDES:
            let isTripleDES = transform.id == Cipher.tripleDES
            guard let cipher = isTripleDES ? .tripleDESCBC : CipherAlgorithm(cbcKeyBits: bits),
                let digest = Self.integrities.first(where: { $0.number == number })?.digest
            else { return nil }
            esp = .cbc(cipher, digest, isExtended: isExtended)
        case Cipher.aesGCM16:
            guard number == nil, let cipher = AEADAlgorithm(gcmKeyBits: bits) else { return nil }
            esp = .gcm(cipher, isExtended: isExtended)
        default:
            return nil
        }
        // Left out, the mode is for both sides to know; Linux and Windows always say it.
        guard let mode = EncapsulationMode(number: transform.number(Class.mode) ?? 1) else { return nil }
        self.mode = mode
        guard let group = transform.number(Class.group) else {
            self.group = nil
            return
        }
        guard let group = UInt16(exactly: group).flatMap(DiffieHellmanGroup.init) else { return nil }
        self.group = group
    }

    /// As an offer, which lasts for so long.
    public func transform(number: UInt8, lifetime: Duration) -> Transform {
        var transform = Transform(
            number: number, id: Cipher.aesCBC,
            [
                Attribute(Class.lifeType, 1),
                Attribute(Class.lifeDuration, long: UInt32(clamping: lifetime.components.seconds)),
                Attribute(Class.mode, mode.number),
            ])
        switch esp.cipher {
        case .cbc(.tripleDESCBC):
            transform.id = Cipher.tripleDES
        case .cbc(let cipher):
            transform.attributes.append(Attribute(Class.keyLength, UInt16(cipher.keyLength * 8)))
        case .gcm(let cipher):
            transform.id = Cipher.aesGCM16
            transform.attributes.append(Attribute(Class.keyLength, UInt16(cipher.keyLength * 8)))
        }
        if let digest = esp.integrity?.digest,
            let known = Self.integrities.first(where: { $0.digest == digest })
        {
            transform.attributes.append(Attribute(Class.authentication, UInt16(known.number)))
        }
        if let group { transform.attributes.append(Attribute(Class.group, group.rawValue)) }
        if esp.isExtended { transform.attributes.append(Attribute(Class.extendedNumbers, 1)) }
        return transform
    }

    static func lifetime(_ transform: Transform) -> Lifetime {
        Lifetime(transform, type: Class.lifeType, duration: Class.lifeDuration)
    }
}

/// What stands in an ESP packet: the payload of an IP packet, or a whole one; and what it stands in: IP, or
/// UDP (RFC 3947 §5.1, and the numbers of its drafts).
public struct EncapsulationMode: Hashable, Sendable {
    public var isTunnel: Bool
    public var isInUDP: Bool
    /// Whether the numbers of the drafts are used.
    public var isDraft = false

    public init(isTunnel: Bool, isInUDP: Bool, isDraft: Bool = false) {
        self.isTunnel = isTunnel
        self.isInUDP = isInUDP
        self.isDraft = isDraft
    }

    init?(number: UInt32) {
        switch number {
        case 1: self.init(isTunnel: true, isInUDP: false)
        case 2: self.init(isTunnel: false, isInUDP: false)
        case 3: self.init(isTunnel: true, isInUDP: true)
        case 4: self.init(isTunnel: false, isInUDP: true)
        case 61443: self.init(isTunnel: true, isInUDP: true, isDraft: true)
        case 61444: self.init(isTunnel: false, isInUDP: true, isDraft: true)
        default: return nil
        }
    }

    var number: UInt16 {
        guard isInUDP else { return isTunnel ? 1 : 2 }
        return (isTunnel ? 3 : 4) + (isDraft ? 61440 : 0)
    }
}

extension AEADAlgorithm {
    init?(gcmKeyBits bits: UInt32) {
        switch bits {
        case 128: self = .aes128GCM
        case 192: self = .aes192GCM
        case 256: self = .aes256GCM
        default: return nil
        }
    }
}

/// What is acceptable in phase 2.
public struct PhaseTwoPolicy: Sendable {
    public var ciphers: Set<CipherAlgorithm> = [.aes128CBC, .aes192CBC, .aes256CBC]
    public var integrities: Set<DigestAlgorithm> = [.sha1, .sha256, .sha384, .sha512]
    public var groups: Set<DiffieHellmanGroup> = Set(DiffieHellmanGroup.allCases)

    public init() {}

    /// The first acceptable transform in the peer's order, strong ciphers before weak ones. `isInUDP`: whether
    /// a NAT stands between us: then ESP has to travel in UDP, and else it must not.
    func choose(_ offer: SAPayload, isInUDP: Bool) -> (proposal: Proposal, suite: PhaseTwoSuite)? {
        var weak: (Proposal, PhaseTwoSuite)?
        for proposal in offer.proposals where proposal.protocolID == .esp && proposal.spi.count == 4 {
            // Proposals of one number want AH or compression beside ESP.
            guard offer.proposals.count(where: { $0.number == proposal.number }) == 1 else { continue }
            for transform in proposal.transforms {
                guard let suite = PhaseTwoSuite(transform), accepts(suite, isInUDP) else { continue }
                var chosen = proposal
                chosen.transforms = [transform]
                if case .cbc(let cipher) = suite.esp.cipher, cipher.isWeak {
                    if weak == nil { weak = (chosen, suite) }
                } else {
                    return (chosen, suite)
                }
            }
        }
        return weak
    }

    private func accepts(_ suite: PhaseTwoSuite, _ isInUDP: Bool) -> Bool {
        if case .cbc(let cipher) = suite.esp.cipher, !ciphers.contains(cipher) { return false }
        if let digest = suite.esp.integrity?.digest, !integrities.contains(digest) { return false }
        if let group = suite.group, !groups.contains(group) { return false }
        return suite.mode.isInUDP == isInUDP
    }
}
