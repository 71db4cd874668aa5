import OpenSSL
import Wire

/// An ISAKMP SA, from the exchange of keys on: in main mode the peer's address is proved then, in aggressive
/// mode it is not. What it knows is plain values; its `IKEServer` makes all calls about it.
final class ISAKMPSA {
    /// Quick modes and what is remembered of them, at once.
    static let maxQuickModes = 32
    /// ESP SAs, those included that are being replaced.
    static let maxChildren = 64
    /// Message ids of the peer that are remembered, of quick modes and of informational messages each: a
    /// replayed first message of quick mode makes no SA.
    static let maxUsedIDs = 256

    enum Stage {
        /// Keys were exchanged; the peer has to prove who it is.
        case awaitingProof(Handshake)
        case established(Established)
        /// Its lifetime is over, its children's not: they live on, until the peer has made another one.
        case lingering
        case over
    }

    struct Handshake {
        var exchange: PhaseOneKeys.Exchange
        /// The first message without its header: vendor ids and all.
        var firstMessage: [UInt8]
        /// The body of its SA payload, SAi_b.
        var offer: [UInt8]
        var lifetime: Duration
        /// How often the peer may still try to prove who it is: each time many keys are tried.
        var attempts = 4
        /// In aggressive mode.
        var claim: Claim?
    }

    /// Who the peer says it is before it proves it, and what the proof will be judged by.
    struct Claim {
        let keys: PhaseOneKeys
        let identity: Identification
        let identityBody: [UInt8]
        let scope: KeyRing.Scope
    }

    struct Established {
        var keys: PhaseOneKeys
        /// Of phase 1: where the IVs of later exchanges begin.
        var lastBlock: [UInt8]
        var identity: Identification
        /// By what it is proved.
        var scope: KeyRing.Scope
    }

    let cookies: Cookies
    let suite: PhaseOneSuite
    /// Once it has proved who it is.
    var peer: IKEServer.Peer?
    let abilities: Abilities
    /// By what limits count; stays when the path changes.
    let source: TransportAddress
    var stage: Stage
    var path: IKEPath
    var nat: NATOutcome = []
    /// When this stage ends by itself.
    var expiresAt: Instant

    /// The last message of phase 1 that we took, and our answer: who sends it again gets that again.
    var lastReceived: [UInt8] = []
    var lastSent: [UInt8] = []
    var reassembly = Reassembly()

    var quickModes: [UInt32: QuickMode] = [:]
    var usedIDs: [ExchangeType: [UInt32]] = [:]
    /// Our SPIs.
    var children: [UInt32] = []

    /// Anything authentic: IKE, or ESP of a child.
    var lastHeard: Instant
    var probe = DeadPeerProbe()
    /// When the server has asked to be called for this SA.
    var scheduledAt: Instant?

    init(
        _ suite: PhaseOneSuite, _ abilities: Abilities, _ handshake: Handshake, path: IKEPath,
        expiresAt: Instant, at now: Instant
    ) {
        cookies = handshake.exchange.cookies
        self.suite = suite
        self.abilities = abilities
        self.path = path
        source = path.remote.source
        self.expiresAt = expiresAt
        stage = .awaitingProof(handshake)
        lastHeard = now
    }

    /// One that another instance has begun, in the stage that it is in.
    init(
        _ cookies: Cookies, _ suite: PhaseOneSuite, _ abilities: Abilities, source: TransportAddress,
        _ stage: Stage, path: IKEPath
    ) {
        self.cookies = cookies
        self.suite = suite
        self.abilities = abilities
        self.source = source
        self.stage = stage
        self.path = path
        expiresAt = .distantFuture
        lastHeard = Instant(nanoseconds: 0)
    }

    func establish(_ established: Established) {
        peer = IKEServer.Peer(
            source: source, identity: established.identity, scope: established.scope)
        stage = .established(established)
    }

    var established: Established? {
        if case .established(let established) = stage { established } else { nil }
    }

    /// In aggressive mode: the peer has to prove what it has said.
    var claim: Claim? {
        if case .awaitingProof(let handshake) = stage { handshake.claim } else { nil }
    }

    var isHalfOpen: Bool {
        if case .awaitingProof = stage { true } else { false }
    }

    var isOver: Bool {
        if case .over = stage { true } else { false }
    }

    /// Notes a message id of the peer's. False: it was used already. Ours are not among them, nor does one
    /// exchange push out what is remembered of another.
    func use(_ messageID: UInt32, _ exchange: ExchangeType) -> Bool {
        guard !hasUsed(messageID) else { return false }
        var ids = usedIDs[exchange, default: []]
        if ids.count == Self.maxUsedIDs { ids.removeFirst() }
        ids.append(messageID)
        usedIDs[exchange] = ids
        return true
    }

    func hasUsed(_ messageID: UInt32) -> Bool {
        quickModes[messageID] != nil || usedIDs.values.contains { $0.contains(messageID) }
    }

    func deadline(_ options: IKEOptions) -> Instant {
        var deadline = expiresAt
        for quickMode in quickModes.values { deadline = min(deadline, quickMode.deadline) }
        if established != nil, abilities.contains(.deadPeerDetection) {
            deadline = min(deadline, probe.deadline(lastHeard: lastHeard, options))
        }
        return deadline
    }
}

/// Asks a silent peer whether it is there, RFC 3706.
struct DeadPeerProbe {
    var sequence: UInt32 = 0
    /// Of the peer's newest question.
    var received: UInt32?
    var unanswered = 0
    var askedAt: Instant?

    func deadline(lastHeard: Instant, _ options: IKEOptions) -> Instant {
        guard let askedAt, askedAt > lastHeard else { return lastHeard + options.deadPeerInterval }
        return askedAt + IKEOptions.deadPeerRetry
    }

    /// What the number in a peer's message says of it.
    enum Age {
        case new
        /// Sent again.
        case repeated
        case old
    }

    /// RFC 3706 §5.3: the peer's numbers grow, from wherever they began.
    mutating func age(ofQuestion number: UInt32) -> Age {
        guard let received else {
            self.received = number
            return .new
        }
        let distance = Int32(bitPattern: number &- received)
        guard distance > 0 else { return distance == 0 ? .repeated : .old }
        self.received = number
        return .new
    }

    /// Whether a question with this number waits for its answer.
    func isAsked(_ number: UInt32) -> Bool { sequence &- number < UInt32(unanswered) }

    enum Step {
        case wait
        case ask
        case isDead
    }

    mutating func step(lastHeard: Instant, _ options: IKEOptions, at now: Instant) -> Step {
        if let askedAt, askedAt <= lastHeard {
            self.askedAt = nil
            unanswered = 0
        }
        guard now >= deadline(lastHeard: lastHeard, options) else { return .wait }
        guard unanswered < IKEOptions.maxUnansweredProbes else { return .isDead }
        unanswered += 1
        askedAt = now
        sequence &+= 1
        return .ask
    }
}
