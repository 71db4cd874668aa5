import EngineParts
public import OpenSSL
public import Wire

/// The IKE responder of one lane: gives each message to its SA, makes SAs, keeps them alive, ends them. No
/// IO, no clock.
///
/// Messages and time come in by `receive` and `handleTimeout`; after every input `nextOutput()` is drained to
/// nil, and `deadline` asked.
public final class IKEServer {
    /// Octets of an IKE message that leaves in one datagram where the peer understands fragments.
    static let fragmentLimit = 1280
    static let timerResolution: Duration = .milliseconds(1)
    /// Lines about refused strangers: one in this time.
    static let refusalLogInterval: Duration = .seconds(10)

    let options: IKEOptions
    private(set) var keys: KeyRing
    /// Nil: no proofs by signature.
    private(set) var certificates: CertificateAuthentication?
    /// What is acceptable now.
    private(set) var phaseOne: PhaseOnePolicy
    var book: OfferBook
    var random: any RandomNumberGenerator
    var outbox = Outbox<IKEOutput>()
    var sas: [Cookies: ISAKMPSA] = [:]
    var children: [UInt32: Child] = [:]
    private var timers = TimerQueue<Cookies>()
    /// The SAs whose peers have not proved who they are.
    var halfOpen: HalfOpenTable<Cookies>
    /// SAs that began in aggressive mode: a first message that comes again makes no second one.
    var initiators: [Initiator: Cookies] = [:]
    /// Exchanges of keys for addresses that nothing has proved.
    var unprovedExchanges = TokenBucket(burst: IKEServer.unprovedBurst, interval: IKEServer.unprovedInterval)
    private var countBySource: [TransportAddress: Int] = [:]
    /// The established SAs of each peer: more than one while phase 1 is renewed.
    var peers: [Peer: [Cookies]] = [:]
    /// The last octet of the SPIs that this instance gives away: its successor's, and those of the next 254,
    /// give others.
    var generation: UInt8 = 0
    private var refused = 0
    private var refusalLoggedAt: Instant?

    /// Messages that were dropped because they are none, or not authentic. Only grow.
    public internal(set) var malformed = 0
    public internal(set) var unauthentic = 0

    struct Peer: Hashable {
        let source: TransportAddress
        let identity: Identification
        /// Who has proved the same name by the key of another hub, or by the certificate of another subject
        /// or issuer, is somebody else.
        let scope: KeyRing.Scope
    }

    struct Initiator: Hashable {
        let cookie: UInt64
        let source: TransportAddress
    }

    /// A pair of ESP SAs and whose it is.
    struct Child {
        var sa: ChildSA
        var owner: Cookies
        var isActive = false
        /// A successor was asked for.
        var isBeingReplaced = false
    }

    /// `cookieKey`: 32 random octets, handed over at a module's swap.
    public init(
        _ options: IKEOptions, cookieKey: [UInt8], random: any RandomNumberGenerator
    ) throws(OpenSSLError) {
        self.options = options
        phaseOne = options.phaseOne
        keys = KeyRing(own: options.preSharedKeys)
        halfOpen = HalfOpenTable(capacity: options.maxHalfOpen, perSource: options.maxHalfOpenPerSource)
        book = try OfferBook(key: cookieKey)
        self.random = random
    }

    public var saCount: Int { sas.count }
    public var halfOpenCount: Int { halfOpen.count }

    /// Keys beside the server's own, for handshakes from now on.
    public func setPeerKeys(_ peers: [KeyRing.PeerKey]) {
        keys = KeyRing(own: options.preSharedKeys, peers: peers)
    }

    /// For proofs by signature, in handshakes from now on; nil: there are to be none.
    public func setCertificates(_ certificates: CertificateAuthentication?) {
        self.certificates = certificates
        phaseOne = options.phaseOne
        if certificates != nil { phaseOne.authentication.insert(.rsaSignature) }
    }

    // MARK: The engine

    public func nextOutput() -> IKEOutput? { outbox.next() }

    public var deadline: Instant? { timers.deadline }

    /// `octets`: a message without the four zeros of a shared port.
    public func receive(_ octets: [UInt8], from path: IKEPath, at now: Instant) {
        do throws(WireError) {
            try take(octets, from: path, at: now)
        } catch {
            malformed += 1
        }
    }

    private func take(_ octets: [UInt8], from path: IKEPath, at now: Instant) throws(WireError) {
        var input = ByteReader(octets.rawSpan)
        let header = try ISAKMPHeader(parsing: &input)
        let message = Message(header: header, body: input.rest(), octets: octets, path: path)
        if let sa = sas[header.cookies] {
            if header.nextPayload == .fragment { return try addFragment(message, to: sa, at: now) }
            try receive(message, sa, at: now)
            settle(sa, at: now)
        } else if header.cookies.responder == 0 {
            if header.exchange == .aggressive {
                try receiveAggressive(message, at: now)
            } else {
                try receiveFirst(message, at: now)
            }
        } else if header.exchange == .identityProtection, !header.flags.contains(.encryption) {
            try receiveKeyExchange(message, at: now)
        }
    }

    private func receive(_ message: Message, _ sa: ISAKMPSA, at now: Instant) throws(WireError) {
        switch message.header.exchange {
        case .identityProtection: try receivePhaseOne(message, sa, at: now)
        case .aggressive: try receiveAggressiveProof(message, sa, at: now)
        // Its proof was lost, and it sends that again when it hears the same answer once more.
        case .quickMode where sa.claim != nil: send(sa.lastSent, message.header, to: sa.path)
        case .quickMode: try receiveQuickMode(message, sa, at: now)
        case .informational: try receiveInformational(message, sa, at: now)
        default: throw .badValue
        }
    }

    private func addFragment(_ message: Message, to sa: ISAKMPSA, at now: Instant) throws(WireError) {
        var input = ByteReader(message.body.rawSpan)
        let payloads = try Payload.chain(from: .fragment, in: &input)
        let fragment = try Fragment(parsing: payloads.only(.fragment))
        guard let whole = sa.reassembly.add(fragment) else { return }
        // A fragment of a fragment is nothing that anybody sends.
        var inner = ByteReader(whole.rawSpan)
        guard try ISAKMPHeader(parsing: &inner).nextPayload != .fragment else { throw .badValue }
        try take(whole, from: message.path, at: now)
    }

    public func handleTimeout(at now: Instant) {
        while let entry = timers.popDue(at: now) {
            guard let sa = sas[entry.connection], sa.scheduledAt == entry.at else { continue }
            sa.scheduledAt = nil
            handleTimeout(sa, at: now)
            settle(sa, at: now, notBefore: now + Self.timerResolution)
        }
    }

    /// Says goodbye to everybody.
    public func stop(at now: Instant) {
        for sa in Array(sas.values) {
            close(sa, .shutdown, tellsPeer: true)
            settle(sa, at: now)
        }
    }

    /// After every input of an SA: its timer, its place in the tables.
    func settle(_ sa: ISAKMPSA, at now: Instant, notBefore earliest: Instant = Instant(nanoseconds: 0)) {
        if sa.isOver { return remove(sa) }
        var deadline = sa.deadline(options)
        for spi in sa.children {
            guard let child = children[spi] else { continue }
            deadline = min(deadline, child.isBeingReplaced ? child.sa.expiresAt : child.sa.rekeyAt)
        }
        deadline = max(deadline, earliest)
        if let scheduledAt = sa.scheduledAt, scheduledAt <= deadline { return }
        sa.scheduledAt = deadline
        timers.insert(TimerQueue<Cookies>.Entry(at: deadline, connection: sa.cookies))
        if timers.entries.count > 64 + 4 * sas.count {
            timers.keep { [self] in sas[$0.connection]?.scheduledAt == $0.at }
        }
    }

    // MARK: Tables

    /// A place for another half-open SA, if need be another one's. To be asked before anything is computed
    /// for it. `isUnproved`: the address may be forged.
    func makeRoom(for source: TransportAddress, isUnproved: Bool, at now: Instant) -> Bool {
        guard countBySource[source, default: 0] < options.maxSAsPerSource else { return false }
        for slow in halfOpen.overdue(window: options.halfOpenTime, at: now) { displace(slow, at: now) }
        switch halfOpen.admission(of: source, isUnproved: isUnproved, at: now) {
        case .free: break
        case .refused: return false
        case .inPlaceOf(let former): displace(former, at: now)
        }
        return sas.count < options.maxSAs
    }

    private func displace(_ cookies: Cookies, at now: Instant) {
        guard let sa = sas[cookies] else { return }
        close(sa, .replaced, tellsPeer: false)
        settle(sa, at: now)
    }

    /// The caller has asked for room.
    func add(_ sa: ISAKMPSA, isUnproved: Bool, at now: Instant) {
        enter(sa)
        enterHalfOpen(sa, isUnproved: isUnproved, at: now)
    }

    func enter(_ sa: ISAKMPSA) {
        sas[sa.cookies] = sa
        countBySource[sa.source, default: 0] += 1
    }

    func enterHalfOpen(_ sa: ISAKMPSA, isUnproved: Bool, at beganAt: Instant) {
        halfOpen.insert(
            HalfOpenTable<Cookies>.Entry(
                connection: sa.cookies, source: sa.source, isUnproved: isUnproved, beganAt: beganAt))
    }

    func noLongerHalfOpen(_ sa: ISAKMPSA) { halfOpen.remove(sa.cookies) }

    /// It is established now, and takes what the same peer has under older ones: a peer that renews phase 1
    /// does not answer under the SA that it is about to delete.
    func register(_ sa: ISAKMPSA, at now: Instant) {
        guard let peer = sa.peer else { return }
        peers[peer, default: []].append(sa.cookies)
        for other in others(of: sa) {
            hand(other.children, of: other, to: sa)
            if other.established == nil { close(other, .replaced, tellsPeer: false) }
            settle(other, at: now)
        }
    }

    func remove(_ sa: ISAKMPSA) {
        guard sas[sa.cookies] === sa else { return }
        sas[sa.cookies] = nil
        if sas.isEmpty { timers = TimerQueue<Cookies>() }
        if initiators[sa.initiator] == sa.cookies { initiators[sa.initiator] = nil }
        Self.decrement(&countBySource, sa.source)
        guard let peer = sa.peer else { return }
        peers[peer]?.removeAll { $0 == sa.cookies }
        if peers[peer]?.isEmpty == true { peers[peer] = nil }
    }

    private static func decrement(_ counts: inout [TransportAddress: Int], _ source: TransportAddress) {
        let left = counts[source, default: 0] - 1
        counts[source] = left > 0 ? left : nil
    }

    /// Ends it, and tells the peer what can be told. Its children go to a successor, or with it.
    func close(_ sa: ISAKMPSA, _ reason: EndReason, tellsPeer: Bool) {
        guard !sa.isOver else { return }
        if sa.isHalfOpen {
            noLongerHalfOpen(sa)
        } else if !adopt(sa) {
            if tellsPeer, !sa.children.isEmpty { sendDeletion(of: sa.children, sa) }
            for spi in sa.children { forget(spi, reason) }
        }
        if tellsPeer, sa.established != nil { sendDeletion(of: sa) }
        if let identity = sa.established?.identity {
            log(.notice, "phase 1 ended identity=\"\(identity.text)\" reason=\"\(reason.rawValue)\"", sa.path)
        }
        sa.stage = .over
    }

    /// Hands the children of an SA to the newest other one of the same peer. False: there is none.
    private func adopt(_ old: ISAKMPSA) -> Bool {
        let heirs = others(of: old).filter { $0.established != nil }
        guard let heir = heirs.max(by: { $0.expiresAt < $1.expiresAt }) else { return false }
        hand(old.children, of: old, to: heir)
        return true
    }

    private func hand(_ spis: [UInt32], of old: ISAKMPSA, to heir: ISAKMPSA) {
        for spi in spis { children[spi]?.owner = heir.cookies }
        heir.children += spis
        old.children = []
    }

    /// The other SAs of the same peer: of the same identity at the same address. Behind a NAT at the same
    /// port, too: others may call themselves the same there.
    func others(of sa: ISAKMPSA) -> [ISAKMPSA] {
        guard let peer = sa.peer else { return [] }
        return peers[peer, default: []].compactMap { $0 == sa.cookies ? nil : sas[$0] }
            .filter { !sa.nat.contains(.peerIsBehind) || $0.path.remote == sa.path.remote }
    }

    func forget(_ spi: UInt32, _ reason: EndReason) {
        guard children.removeValue(forKey: spi) != nil else { return }
        put(.remove(spi: spi, reason))
    }

    // MARK: Words

    func put(_ output: IKEOutput) { outbox.append(output) }

    func log(_ level: LogEvent.Level, _ text: String, _ path: IKEPath) {
        put(.log(LogEvent(level, "\(text) remote=\(path.remote)")))
    }

    /// What a flood could cause is logged now and then.
    func logRefusal(_ text: String, _ path: IKEPath, at now: Instant) {
        refused += 1
        if let refusalLoggedAt, now < refusalLoggedAt + Self.refusalLogInterval { return }
        log(.security, "\(text) count=\(refused)", path)
        refused = 0
        refusalLoggedAt = now
    }

    func send(_ octets: [UInt8], _ header: ISAKMPHeader, to path: IKEPath, mayFragment: Bool = false) {
        let marker: [UInt8] = path.isEncapsulated ? [0, 0, 0, 0] : []
        guard mayFragment, octets.count > Self.fragmentLimit else { return put(.send(marker + octets, path)) }
        let id = UInt16.random(in: 1 ... .max, using: &random)
        for piece in Fragment.pieces(of: octets, header: header, id: id, limit: Self.fragmentLimit) {
            put(.send(marker + piece, path))
        }
    }
}

/// A message on its way through the server.
struct Message {
    let header: ISAKMPHeader
    /// Behind the header, encrypted or not.
    let body: [UInt8]
    /// All of it.
    let octets: [UInt8]
    let path: IKEPath

    /// The payloads of a message in clear.
    func payloads() throws(WireError) -> [Payload] {
        guard !header.flags.contains(.encryption) else { throw .badValue }
        var input = ByteReader(body.rawSpan)
        return try Payload.chain(
            from: header.nextPayload, in: &input, padding: Payload.maxClearPadding)
    }
}
