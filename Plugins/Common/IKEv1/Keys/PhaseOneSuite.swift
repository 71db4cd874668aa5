public import OpenSSL

/// How an ISAKMP SA is protected: the attributes of a phase-1 transform that we can do. RFC 2409 appendix A.
public struct PhaseOneSuite: Hashable, Sendable {
    public let cipher: CipherAlgorithm
    /// HMAC with it is the pseudo-random function.
    public let hash: DigestAlgorithm
    public let group: DiffieHellmanGroup
    public let authentication: AuthenticationMethod

    public init(
        _ cipher: CipherAlgorithm, _ hash: DigestAlgorithm, _ group: DiffieHellmanGroup,
        _ authentication: AuthenticationMethod = .preSharedKey
    ) {
        self.cipher = cipher
        self.hash = hash
        self.group = group
        self.authentication = authentication
    }

    /// KEY_IKE, RFC 2407 §4.4.2.
    static let transformID: UInt8 = 1

    private enum Class {
        static let encryption: UInt16 = 1
        static let hash: UInt16 = 2
        static let authentication: UInt16 = 3
        static let group: UInt16 = 4
        static let lifeType: UInt16 = 11
        static let lifeDuration: UInt16 = 12
        static let keyLength: UInt16 = 14
    }

    private static let tripleDESCBC: UInt32 = 5
    private static let aesCBC: UInt32 = 7
    private static let hashes: [(number: UInt32, digest: DigestAlgorithm)] = [
        (1, .md5), (2, .sha1), (4, .sha256), (5, .sha384), (6, .sha512),
    ]

    /// Nil: something that we cannot do.
    init?(_ transform: Transform) {
        guard transform.id == Self.transformID, let cipher = Self.cipher(transform),
            let number = transform.number(Class.hash),
            let hash = Self.hashes.first(where: { $0.number == number })?.digest,
            let group = transform.number(Class.group).flatMap({
                UInt16(exactly: $0).flatMap(DiffieHellmanGroup.init)
            }),
            let authentication = transform.number(Class.authentication).flatMap({
                UInt16(exactly: $0).flatMap(AuthenticationMethod.init)
            })
        else { return nil }
        self.init(cipher, hash, group, authentication)
    }

    private static func cipher(_ transform: Transform) -> CipherAlgorithm? {
        switch transform.number(Class.encryption) {
        case aesCBC: CipherAlgorithm(cbcKeyBits: transform.number(Class.keyLength) ?? 128)
        // Its length is fixed, and not to be named.
        case tripleDESCBC: transform.number(Class.keyLength) == nil ? .tripleDESCBC : nil
        default: nil
        }
    }

    /// As an offer, which lasts for so long.
    public func transform(number: UInt8, lifetime: Duration) -> Transform {
        let hash = Self.hashes.first { $0.digest == self.hash }?.number ?? 0
        let encryption =
            cipher == .tripleDESCBC
            ? [Attribute(Class.encryption, UInt16(Self.tripleDESCBC))]
            : [
                Attribute(Class.encryption, UInt16(Self.aesCBC)),
                Attribute(Class.keyLength, UInt16(cipher.keyLength * 8)),
            ]
        return Transform(
            number: number, id: Self.transformID,
            encryption + [
                Attribute(Class.hash, UInt16(hash)), Attribute(Class.group, group.rawValue),
                Attribute(Class.authentication, authentication.rawValue),
                Attribute(Class.lifeType, 1),
                Attribute(Class.lifeDuration, long: UInt32(clamping: lifetime.components.seconds)),
            ])
    }

    static func authenticationNumber(of transform: Transform) -> UInt32? {
        transform.number(Class.authentication)
    }

    /// In seconds; nil: not offered, or in kilobytes alone.
    static func lifetime(_ transform: Transform) -> Duration? {
        Lifetime(transform, type: Class.lifeType, duration: Class.lifeDuration).seconds
    }

    /// "AES-256-CBC, SHA256, modp2048"
    public var name: String { "\(cipher.rawValue), \(hash.rawValue), \(group)" }
}

/// RFC 2409 appendix A: those that we do.
public enum AuthenticationMethod: UInt16, Sendable {
    case preSharedKey = 1
    case rsaSignature = 3

    /// Those by which a user logs in once the machine has, drafts of 1999 to 2001: XAUTH with any method, and
    /// hybrid authentication.
    static let withUserBehind: ClosedRange<UInt32> = 64_221...65_010
}

/// How long an SA shall last: pairs of attributes, a type and what it counts, RFC 2407 §4.5.
struct Lifetime: Equatable {
    var seconds: Duration?
    /// In units of 1024 octets.
    var kilobytes: UInt64?

    init(_ transform: Transform, type: UInt16, duration: UInt16) {
        var unit: UInt32?
        for attribute in transform.attributes {
            if attribute.type == type {
                unit = attribute.number
            } else if attribute.type == duration {
                // What does not fit 32 bits is as good as for ever.
                let count = attribute.number ?? .max
                if unit == 1 { seconds = .seconds(Int64(count)) }
                if unit == 2 { kilobytes = UInt64(count) }
                unit = nil
            }
        }
    }
}

extension CipherAlgorithm {
    init?(cbcKeyBits bits: UInt32) {
        switch bits {
        case 128: self = .aes128CBC
        case 192: self = .aes192CBC
        case 256: self = .aes256CBC
        default: return nil
        }
    }
}

extension CipherAlgorithm {
    /// Its blocks of 64 bits repeat after some gigabytes; taken only from clients that offer nothing better.
    var isWeak: Bool { self == .tripleDESCBC }
}

extension DiffieHellmanGroup {
    /// Within reach of those who have prepared for it; taken only from clients that offer nothing better.
    var isWeak: Bool { self == .modp1024 || self == .modp1536 }

    /// Milliseconds of work, which nobody gets for a forged address.
    var isCostly: Bool {
        switch self {
        case .modp3072, .modp4096, .modp6144, .modp8192: true
        case .modp1024, .modp1536, .modp2048, .ecp256, .ecp384: false
        }
    }
}

/// What is acceptable in phase 1.
public struct PhaseOnePolicy: Sendable {
    public var ciphers: Set<CipherAlgorithm> = [.aes128CBC, .aes192CBC, .aes256CBC]
    public var hashes: Set<DigestAlgorithm> = [.sha1, .sha256, .sha384, .sha512]
    public var groups: Set<DiffieHellmanGroup> = Set(DiffieHellmanGroup.allCases)
    public var authentication: Set<AuthenticationMethod> = [.preSharedKey]

    public init() {}

    /// For aggressive mode.
    var withoutCostlyGroups: PhaseOnePolicy {
        var policy = self
        policy.groups = groups.filter { !$0.isCostly }
        return policy
    }

    /// The first acceptable transform in the peer's order, strong groups and ciphers before weak ones.
    func choose(_ offer: SAPayload) -> (proposal: Proposal, suite: PhaseOneSuite)? {
        var weak: (Proposal, PhaseOneSuite)?
        for proposal in offer.proposals where proposal.protocolID == .isakmp {
            for transform in proposal.transforms {
                guard let suite = PhaseOneSuite(transform), accepts(suite) else { continue }
                var chosen = proposal
                chosen.transforms = [transform]
                if !suite.group.isWeak, !suite.cipher.isWeak { return (chosen, suite) }
                if weak == nil { weak = (chosen, suite) }
            }
        }
        return weak
    }

    /// Why nothing of an offer is chosen, for a log.
    func objection(to offer: SAPayload) -> String {
        let methods = Set(
            offer.proposals.flatMap(\.transforms).compactMap { PhaseOneSuite.authenticationNumber(of: $0) })
        if !methods.isEmpty, methods.allSatisfy({ AuthenticationMethod.withUserBehind.contains($0) }) {
            return "XAUTH and hybrid authentication are not spoken"
        }
        if methods == [UInt32(AuthenticationMethod.rsaSignature.rawValue)],
            !authentication.contains(.rsaSignature)
        {
            return "the peer offers certificates alone, and no ike-client-ca says whose are good"
        }
        return "no proposal chosen"
    }

    private func accepts(_ suite: PhaseOneSuite) -> Bool {
        ciphers.contains(suite.cipher) && hashes.contains(suite.hash) && groups.contains(suite.group)
            && authentication.contains(suite.authentication)
    }
}
