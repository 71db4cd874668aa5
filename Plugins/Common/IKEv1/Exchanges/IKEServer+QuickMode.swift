import ESP
import OpenSSL
public import Wire

/// Quick mode as responder.
extension IKEServer {
    func receiveQuickMode(_ message: Message, _ sa: ISAKMPSA, at now: Instant) throws(WireError) {
        let id = message.header.messageID
        guard let established = sa.established, message.header.flags.contains(.encryption), id != 0 else {
            return
        }
        if let quickMode = sa.quickModes[id] {
            if message.octets == quickMode.lastReceived { return repeatAnswer(id, sa, message.path) }
            return continueQuickMode(quickMode, message, sa, at: now)
        }
        guard sa.quickModes.count < ISAKMPSA.maxQuickModes,
            let iv = try? established.keys.iv(lastBlock: established.lastBlock, messageID: id)
        else { return }
        var chain = CipherChain(established.keys, iv: iv)
        guard let plain = chain.decrypt(message.body),
            let content = ProtectedMessage(plain, first: message.header.nextPayload),
            let expected = try? established.keys.authenticate(id.octets, content.authenticated),
            constantTimeEquals(expected, content.hash), sa.use(id, .quickMode)
        else { return unauthentic += 1 }
        chain.advance(past: message.body)
        heard(sa, message.path, at: now)
        let request = try QuickModeRequest(content.payloads)
        do throws(NotifyType) {
            try answer(request, chain, message, sa, established, at: now)
        } catch {
            log(
                .notice,
                "phase 2 refused identity=\"\(established.identity.text)\" notify=\(error.rawValue)", sa.path)
            let notification = Notification(error, .esp, spi: request.offer.proposals.first?.spi ?? [])
            sendInformational([Payload(.notification, notification.body)], sa)
        }
    }

    /// Authentic: the peer lives, and this is where it is.
    func heard(_ sa: ISAKMPSA, _ path: IKEPath, at now: Instant) {
        sa.lastHeard = now
        sa.path = path
    }

    private func repeatAnswer(_ id: UInt32, _ sa: ISAKMPSA, _ path: IKEPath) {
        guard let last = sa.quickModes[id]?.lastSent, !last.isEmpty else { return }
        send(last, ISAKMPHeader(sa.cookies, .quickMode, messageID: id), to: path)
    }

    private func answer(
        _ request: QuickModeRequest, _ chain: CipherChain, _ message: Message, _ sa: ISAKMPSA,
        _ established: ISAKMPSA.Established, at now: Instant
    ) throws(NotifyType) {
        guard let choice = options.phaseTwo.choose(request.offer, isInUDP: !sa.nat.isEmpty) else {
            throw .noProposalChosen
        }
        guard choice.suite.group != nil || request.publicValue == nil else { throw .noProposalChosen }
        makeRoom(sa)
        guard sa.children.count < ISAKMPSA.maxChildren else { throw .noProposalChosen }
        do throws(OpenSSLError) {
            var negotiation = Negotiation(
                choice.suite, nonce: try randomBytes(Self.nonceLength), spi: makeSPI(),
                peerSPI: choice.proposal.spi.reduce(0) { $0 << 8 | UInt32($1) })
            try negotiation.agree(with: request.publicValue)
            let lifetime = PhaseTwoSuite.lifetime(choice.proposal.transforms[0])
            let child = try negotiation.child(
                initiatorNonce: request.nonce, responderNonce: negotiation.nonce, established.keys,
                Terms(sa, established, request, lifetime, options, at: now))
            var accepted = choice.proposal
            accepted.spi = negotiation.spi.octets
            let answer = Answer(
                payloads: request.answer(accepted, negotiation, nat: natOriginalAddresses(request, sa)),
                child: child, theirNonce: request.nonce, ownNonce: negotiation.nonce)
            try send(answer, chain, message, sa, established, at: now)
        } catch {
            throw .invalidKeyInformation
        }
    }

    private func natOriginalAddresses(_ request: QuickModeRequest, _ sa: ISAKMPSA) -> [Payload] {
        guard let type = request.natOriginalAddressType, let local = sa.path.local else { return [] }
        return [sa.path.remote, local].map { address in
            Payload(type, Identification(address).body)
        }
    }

    /// The second message, and what it promises.
    private struct Answer {
        let payloads: [Payload]
        let child: ChildSA
        let theirNonce: [UInt8]
        let ownNonce: [UInt8]
    }

    private func send(
        _ answer: Answer, _ chain: CipherChain, _ message: Message, _ sa: ISAKMPSA,
        _ established: ISAKMPSA.Established, at now: Instant
    ) throws(OpenSSLError) {
        var chain = chain
        let id = message.header.messageID
        let keys = established.keys
        let body = try chain.encrypt(
            ProtectedMessage.octets(answer.payloads) { rest throws(OpenSSLError) in
                try keys.authenticate(id.octets, answer.theirNonce, rest)
            })
        let header = ISAKMPHeader(
            sa.cookies, .quickMode, messageID: id, flags: .encryption, nextPayload: .hash)
        var octets: [UInt8] = []
        header.serialize(into: &octets, bodyLength: body.count)
        octets += body
        let expected = try keys.authenticate([0], id.octets, answer.theirNonce, answer.ownNonce)
        sa.quickModes[id] = QuickMode(
            stage: .awaitingConfirmation(expected: expected, spi: answer.child.spi), chain: chain,
            lastReceived: message.octets, lastSent: octets, deadline: now + QuickMode.retransmitInterval)
        install(answer.child, sa)
        send(octets, header, to: sa.path)
    }

    /// HASH(3), or the answer to a quick mode of our own.
    private func continueQuickMode(
        _ quickMode: QuickMode, _ message: Message, _ sa: ISAKMPSA, at now: Instant
    ) {
        guard let plain = quickMode.chain.decrypt(message.body),
            let content = ProtectedMessage(plain, first: message.header.nextPayload)
        else { return unauthentic += 1 }
        switch quickMode.stage {
        case .awaitingConfirmation(let expected, let spi):
            guard constantTimeEquals(expected, content.hash) else { return unauthentic += 1 }
            heard(sa, message.path, at: now)
            finish(message, sa, lastSent: [], at: now)
            activate(spi)
        case .awaitingAnswer(let asked):
            receiveAnswer(asked, content, quickMode.chain, message, sa, at: now)
        case .done:
            break
        }
    }

    func finish(_ message: Message, _ sa: ISAKMPSA, lastSent: [UInt8], at now: Instant) {
        let id = message.header.messageID
        sa.quickModes[id]?.stage = .done
        sa.quickModes[id]?.lastReceived = message.octets
        sa.quickModes[id]?.lastSent = lastSent
        sa.quickModes[id]?.deadline = now + QuickMode.memory
    }

    // MARK: Children

    func install(_ child: ChildSA, _ sa: ISAKMPSA) {
        children[child.spi] = Child(sa: child, owner: sa.cookies)
        sa.children.append(child.spi)
        put(.install(child))
    }

    /// A packet of this SA was authentic: the peer lives.
    public func heard(_ spi: UInt32, at now: Instant) {
        guard let child = children[spi] else { return }
        sas[child.owner]?.lastHeard = now
    }

    /// The newest packet of this SA, which travels in UDP as IKE does, came by another path.
    public func moved(_ spi: UInt32, to path: IKEPath) {
        guard let child = children[spi], let sa = sas[child.owner] else { return }
        sa.path = path
    }

    /// The peer has it as well. Called too when the first packet comes by it: HASH(3) may be late or lost.
    public func activate(_ spi: UInt32) {
        guard children[spi]?.isActive == false else { return }
        children[spi]?.isActive = true
        put(.activate(spi: spi))
    }

    /// A peer that makes SAs without end loses its oldest.
    private func makeRoom(_ sa: ISAKMPSA) {
        guard sa.children.count >= ISAKMPSA.maxChildren, let oldest = sa.children.first else { return }
        sendDeletion(of: [oldest], sa)
        sa.children.removeFirst()
        forget(oldest, .replaced)
    }

    func makeSPI() -> UInt32 {
        while true {
            let number = UInt32.random(in: ESPHeader.firstSPI ... .max, using: &random)
            let spi = number & ~0xff | UInt32(generation)
            if children[spi] == nil { return spi }
        }
    }
}

/// The payloads of a first or second message.
struct QuickModeRequest {
    let offer: SAPayload
    let nonce: [UInt8]
    let publicValue: [UInt8]?
    /// Both, or none: what the initiator's side of the SA is for, and the responder's.
    let selectors: (initiator: Identification, responder: Identification)?
    private let selectorBodies: [[UInt8]]
    let natOriginalAddressType: PayloadType?

    init(_ payloads: [Payload]) throws(WireError) {
        offer = try SAPayload(parsing: payloads.only(.securityAssociation))
        nonce = try payloads.only(.nonce)
        guard IKEServer.nonceLengths.contains(nonce.count) else { throw .badLength }
        let values = payloads.all(.keyExchange)
        guard values.count <= 1 else { throw .badValue }
        publicValue = values.first
        selectorBodies = payloads.all(.identification)
        switch selectorBodies.count {
        case 0: selectors = nil
        case 2:
            selectors = (
                try Identification(parsing: selectorBodies[0]), try Identification(parsing: selectorBodies[1])
            )
        default: throw .badValue
        }
        natOriginalAddressType =
            payloads.first {
                $0.type == .natOriginalAddress || $0.type == .natOriginalAddressDraft
            }?.type
    }

    /// What we answer, in the order that RFC 2409 gives.
    func answer(_ accepted: Proposal, _ negotiation: Negotiation, nat: [Payload]) -> [Payload] {
        var payloads = [
            Payload(.securityAssociation, SAPayload([accepted]).body), Payload(.nonce, negotiation.nonce),
        ]
        if let ours = negotiation.publicValue { payloads.append(Payload(.keyExchange, ours)) }
        payloads += selectorBodies.map { Payload(.identification, $0) }
        return payloads + nat
    }
}

/// What our side brings to a pair of ESP SAs.
struct Negotiation {
    let suite: PhaseTwoSuite
    let nonce: [UInt8]
    /// Ours.
    let spi: UInt32
    let peerSPI: UInt32
    private(set) var publicValue: [UInt8]?
    private var secret: SecretBytes?

    init(_ suite: PhaseTwoSuite, nonce: [UInt8], spi: UInt32, peerSPI: UInt32) {
        self.suite = suite
        self.nonce = nonce
        self.spi = spi
        self.peerSPI = peerSPI
    }

    /// Perfect forward secrecy, where the suite wants it. `key`: the one that the peer has answered.
    mutating func agree(with peer: [UInt8]?, _ key: DiffieHellmanKey? = nil) throws(OpenSSLError) {
        guard let group = suite.group else { return }
        guard let peer else { throw OpenSSLError("quick mode", reason: "no public value") }
        let key = if let key { key } else { try DiffieHellmanKey(group) }
        secret = try key.agree(with: peer)
        publicValue = key.publicValue
    }

    func child(
        initiatorNonce: [UInt8], responderNonce: [UInt8], _ keys: PhaseOneKeys, _ terms: Terms
    ) throws(OpenSSLError) -> ChildSA {
        let nonces = initiatorNonce + responderNonce
        return ChildSA(
            spi: spi, peerSPI: peerSPI, suite: suite,
            inboundKeys: try QuickModeKeys.material(
                keys, spi: spi, nonces: nonces, secret: secret, count: suite.esp.keyLength),
            outboundKeys: try QuickModeKeys.material(
                keys, spi: peerSPI, nonces: nonces, secret: secret, count: suite.esp.keyLength),
            localSelector: terms.local, remoteSelector: terms.remote, identity: terms.identity,
            scope: terms.scope, path: terms.path, nat: terms.nat, rekeyAt: terms.rekeyAt,
            expiresAt: terms.expiresAt,
            softOctets: terms.softOctets)
    }
}

/// What a pair of ESP SAs is for, whose it is, and how long it lasts.
struct Terms {
    var local: Identification?
    var remote: Identification?
    let identity: Identification
    let scope: KeyRing.Scope
    let path: IKEPath
    let nat: NATOutcome
    let rekeyAt: Instant
    let expiresAt: Instant
    let softOctets: UInt64
}

extension Terms {
    /// The initiator asks anew after most of the lifetime. We ask when it has not: a little later.
    private static let softShare = 0.95

    init(
        _ sa: ISAKMPSA, _ established: ISAKMPSA.Established, _ request: QuickModeRequest,
        _ lifetime: Lifetime, _ options: IKEOptions, at now: Instant
    ) {
        identity = established.identity
        scope = established.scope
        path = sa.path
        nat = sa.nat
        local = request.selectors?.responder
        remote = request.selectors?.initiator
        let seconds = min(lifetime.seconds ?? options.phaseTwoLifetime, options.phaseTwoLifetime)
        expiresAt = now + seconds
        rekeyAt = now + seconds * Self.softShare
        let offered = lifetime.kilobytes.map { $0.multipliedReportingOverflow(by: 1024).partialValue }
        softOctets = UInt64(Double(min(offered ?? .max, options.phaseTwoOctets)) * Self.softShare)
    }
}
