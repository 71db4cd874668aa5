public import OpenSSL

/// What an administrator decides about IKE.
public struct IKEOptions: Sendable {
    /// Of everybody who has none of his own, see `KeyRing`. The first one is what new peers are given, the
    /// others are accepted in main mode as well. At most `maxPreSharedKeys`.
    public var preSharedKeys: [SecretBytes]
    public static let maxPreSharedKeys = 8

    /// Whoever asks in aggressive mode is told a hash of the key, by which he may guess it.
    public var allowsAggressiveMode = false

    public var phaseOne = PhaseOnePolicy()
    public var phaseTwo = PhaseTwoPolicy()
    /// Who we say we are; nil: the address that the peer talks to.
    public var identity: Identification?

    /// Upper bounds of what peers offer.
    public var phaseOneLifetime: Duration = .seconds(86_400)
    public var phaseTwoLifetime: Duration = .seconds(28_800)
    /// Of one pair of ESP SAs, in each direction.
    public var phaseTwoOctets: UInt64 = 1 << 36

    /// After so long a silence the peer is asked whether it is there; then again, a few times.
    public var deadPeerInterval: Duration = .seconds(20)
    static let deadPeerRetry: Duration = .seconds(4)
    static let maxUnansweredProbes = 4

    /// From the first state that we hold to an established SA.
    public var halfOpenTime: Duration = .seconds(20)

    public var maxSAs = 30_000
    public var maxHalfOpen = 2_000
    /// Of one address: many clients may stand behind a NAT.
    public var maxHalfOpenPerSource = 32
    public var maxSAsPerSource = 1_000

    public init(preSharedKeys: [SecretBytes]) {
        precondition(preSharedKeys.count <= Self.maxPreSharedKeys, "too many pre-shared keys")
        precondition(preSharedKeys.allSatisfy { $0.count > 0 }, "an empty pre-shared key")
        self.preSharedKeys = preSharedKeys
    }
}
