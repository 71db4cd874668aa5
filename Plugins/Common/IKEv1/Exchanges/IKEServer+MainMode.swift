import OpenSSL
import Wire

/// Main mode as responder, RFC 2409 §5.
///
///     HDR, SA                    -->
///                                <--    HDR, SA
///     HDR, KE, Ni, [NAT-D]       -->
///                                <--    HDR, KE, Nr, [NAT-D]
///     HDR*, IDii, HASH_I         -->
///                                <--    HDR*, IDir, HASH_R
///
/// With signatures (§5.1) we name authorities, `CERTREQ`, beside KE, and `[CERT,] SIG` takes the place of
/// HASH.
extension IKEServer {
    /// Octets of our nonces, and of those that we take (RFC 2409 §5).
    static let nonceLength = 32
    static let nonceLengths = 8...256

    // MARK: SA

    /// Answers an offer and keeps nothing about who made it.
    func receiveFirst(_ message: Message, at now: Instant) throws(WireError) {
        guard message.header.exchange == .identityProtection, message.header.messageID == 0 else {
            throw .badValue
        }
        let payloads = try message.payloads()
        guard payloads.first?.type == .securityAssociation, message.body.count <= OfferBook.maxOffer else {
            throw .badValue
        }
        let offer = try SAPayload(parsing: payloads.only(.securityAssociation))
        guard let choice = phaseOne.choose(offer) else { return refuse(offer, message, at: now) }
        guard
            let cookie = try? book.cookie(
                for: message.body, initiator: message.header.cookies.initiator, from: message.path.remote,
                at: now)
        else { return }
        let answer = SAPayload([choice.proposal])
        send(
            [Payload(.securityAssociation, answer.body)] + Self.vendorIDs(Abilities.of(payloads)),
            Cookies(initiator: message.header.cookies.initiator, responder: cookie), to: message.path)
    }

    /// We name what both can: the newest NAT traversal alone.
    static func vendorIDs(_ abilities: Abilities) -> [Payload] {
        var ids: [VendorID] = []
        if abilities.contains(.natTraversal) {
            ids.append(.rfc3947)
        } else if abilities.contains(.natTraversalDraft) {
            ids += [.draft03, .draft02WithNewline]
        }
        if abilities.contains(.deadPeerDetection) { ids.append(.deadPeerDetection) }
        if abilities.contains(.fragmentation) { ids.append(.fragmentation) }
        return ids.map(\.payload)
    }

    /// None of its proposals will do.
    func refuse(_ offer: SAPayload, _ message: Message, at now: Instant) {
        logRefusal("phase 1 refused reason=\"\(phaseOne.objection(to: offer))\"", message.path, at: now)
        refuse(message, .noProposalChosen)
    }

    /// In clear, as nothing else is possible yet.
    func refuse(_ message: Message, _ type: NotifyType) {
        let header = ISAKMPHeader(
            message.header.cookies, .informational, messageID: UInt32.random(in: 1 ... .max, using: &random))
        let notification = Notification(type, .isakmp)
        send([Payload(.notification, notification.body)], header, to: message.path)
    }

    private func send(_ payloads: [Payload], _ cookies: Cookies, to path: IKEPath) {
        send(payloads, ISAKMPHeader(cookies, .identityProtection), to: path)
    }

    private func send(_ payloads: [Payload], _ header: ISAKMPHeader, to path: IKEPath) {
        send(Self.octets(payloads, header), header, to: path)
    }

    static func octets(_ payloads: [Payload], _ header: ISAKMPHeader) -> [UInt8] {
        var header = header
        header.nextPayload = payloads.first?.type ?? .none
        let body = Payload.serialize(payloads)
        var octets: [UInt8] = []
        header.serialize(into: &octets, bodyLength: body.count)
        return octets + body
    }

    // MARK: KE

    /// The peer has our cookie: its address is its own. Now there is state.
    func receiveKeyExchange(_ message: Message, at now: Instant) throws(WireError) {
        guard message.header.messageID == 0,
            let offered = try? book.offer(
                answered: message.header.cookies, from: message.path.remote, at: now),
            let first = try? FirstMessage(offered), let suite = phaseOne.choose(first.offer)
        else { return }
        let request = PhaseOneRequest(
            message: message, cookies: message.header.cookies, first: first, choice: suite,
            theirs: try KeyExchange(message.payloads(), first.abilities), isUnproved: false)
        do throws(OpenSSLError) {
            try exchangeKeys(request, at: now)
        } catch {
            logRefusal("phase 1 refused reason=\"\(error.reason)\"", message.path, at: now)
        }
    }

    private func exchangeKeys(_ request: PhaseOneRequest, at now: Instant) throws(OpenSSLError) {
        guard let (sa, handshake) = try begin(request, at: now) else { return }
        let (path, header) = (request.message.path, ISAKMPHeader(sa.cookies, .identityProtection))
        sa.nat = try NATDiscovery.outcome(request.theirs.natHashes, path, sa.cookies, sa.suite.hash)
        var answer = [
            Payload(.keyExchange, handshake.exchange.responderPublic),
            Payload(.nonce, handshake.exchange.responderNonce),
        ]
        if sa.suite.authentication == .rsaSignature { answer += certificates?.requests ?? [] }
        if !request.theirs.natHashes.isEmpty {
            answer += try NATDiscovery.payloads(
                path, sa.cookies, sa.suite.hash, sa.abilities.natDiscoveryType)
        }
        sa.lastSent = Self.octets(answer, header)
        send(sa.lastSent, header, to: path)
        settle(sa, at: now)
    }

    /// A half-open SA with our half of the exchange of keys; nil: there is no room.
    func begin(
        _ request: PhaseOneRequest, at now: Instant
    ) throws(OpenSSLError) -> (ISAKMPSA, ISAKMPSA.Handshake)? {
        let (message, theirs, suite) = (request.message, request.theirs, request.choice.suite)
        guard makeRoom(for: message.path.remote.source, isUnproved: request.isUnproved, at: now) else {
            logRefusal("phase 1 refused reason=\"too many\"", message.path, at: now)
            return nil
        }
        let ours = try DiffieHellmanKey(suite.group)
        let exchange = PhaseOneKeys.Exchange(
            cookies: request.cookies, initiatorNonce: theirs.nonce,
            responderNonce: try randomBytes(Self.nonceLength),
            initiatorPublic: theirs.publicValue, responderPublic: ours.publicValue,
            secret: try ours.agree(with: theirs.publicValue))
        let transform = request.choice.proposal.transforms[0]
        let offered = PhaseOneSuite.lifetime(transform) ?? options.phaseOneLifetime
        let handshake = ISAKMPSA.Handshake(
            exchange: exchange, firstMessage: request.first.body, offer: request.first.offerBody,
            lifetime: min(offered, options.phaseOneLifetime))
        let sa = ISAKMPSA(
            suite, request.first.abilities, handshake, path: message.path,
            expiresAt: now + options.halfOpenTime, at: now)
        sa.lastReceived = message.octets
        add(sa, isUnproved: request.isUnproved, at: now)
        return (sa, handshake)
    }

    // MARK: Proof

    func receivePhaseOne(_ message: Message, _ sa: ISAKMPSA, at now: Instant) throws(WireError) {
        if message.octets == sa.lastReceived {
            return send(
                sa.lastSent, message.header, to: message.path,
                mayFragment: sa.abilities.contains(.fragmentation))
        }
        guard case .awaitingProof(var handshake) = sa.stage, message.header.flags.contains(.encryption),
            message.header.messageID == 0, handshake.attempts > 0
        else { return }
        handshake.attempts -= 1
        sa.stage = .awaitingProof(handshake)
        do throws(OpenSSLError) {
            switch sa.suite.authentication {
            case .preSharedKey: try receiveHash(message, sa, handshake, at: now)
            case .rsaSignature: try receiveSignature(message, sa, handshake, at: now)
            }
        } catch {
            logRefusal("phase 1 failed reason=\"\(error)\"", message.path, at: now)
        }
    }

    private func receiveHash(
        _ message: Message, _ sa: ISAKMPSA, _ handshake: ISAKMPSA.Handshake, at now: Instant
    ) throws(OpenSSLError) {
        for key in keys.candidates(for: Identification(sa.path.remote)) {
            let keys = try PhaseOneKeys(sa.suite, handshake.exchange, preSharedKey: key)
            var chain = CipherChain(keys, iv: try PhaseOneKeys.firstIV(sa.suite, handshake.exchange))
            guard var proof = Proof(message, chain, .preSharedKey),
                try proof.isValid(keys, handshake, isInitiator: true),
                let scope = self.keys.scope(of: proof.identity, provedBy: key)
            else { continue }
            proof.scope = scope
            chain.advance(past: message.body)
            proof.chain = chain
            return try establish(sa, handshake, keys, proof, message, at: now)
        }
        unauthentic += 1
        logRefusal("phase 1 refused reason=\"wrong pre-shared key\"", message.path, at: now)
    }

    private func receiveSignature(
        _ message: Message, _ sa: ISAKMPSA, _ handshake: ISAKMPSA.Handshake, at now: Instant
    ) throws(OpenSSLError) {
        let keys = try PhaseOneKeys(sa.suite, handshake.exchange)
        var chain = CipherChain(keys, iv: try PhaseOneKeys.firstIV(sa.suite, handshake.exchange))
        guard var proof = Proof(message, chain, .rsaSignature) else {
            unauthentic += 1
            return logRefusal("phase 1 refused reason=\"no signature\"", message.path, at: now)
        }
        guard try isJudged(&proof, keys, handshake, message, at: now) else { return }
        chain.advance(past: message.body)
        proof.chain = chain
        try establish(sa, handshake, keys, proof, message, at: now)
    }

    /// Whether the peer's certificate and its signature prove who it is. If so, the proof says who that is.
    func isJudged(
        _ proof: inout Proof, _ keys: PhaseOneKeys, _ handshake: ISAKMPSA.Handshake, _ message: Message,
        at now: Instant
    ) throws(OpenSSLError) -> Bool {
        guard case .signature(let signature) = proof.evidence, let certificates else {
            unauthentic += 1
            logRefusal("phase 1 refused reason=\"no ike-client-ca any more\"", message.path, at: now)
            refuse(message, .authenticationFailed)
            return false
        }
        let hash = try keys.proof(
            isInitiator: true, handshake.exchange, offer: handshake.offer, identity: proof.identityBody)
        do throws(CertificateRefusal) {
            (proof.identity, proof.scope) = try signature.judge(
                proof.identity, hash: hash, certificates.authorities)
            return true
        } catch {
            unauthentic += 1
            logRefusal(
                "phase 1 refused identity=\"\(proof.identity.text)\" reason=\"\(error.reason)\"",
                message.path, at: now)
            refuse(message, .authenticationFailed)
            return false
        }
    }

    /// Who we are, and what proves it.
    func ownProof(
        _ sa: ISAKMPSA, _ handshake: ISAKMPSA.Handshake, _ keys: PhaseOneKeys, _ path: IKEPath
    ) throws(OpenSSLError) -> [Payload] {
        let signs = sa.suite.authentication == .rsaSignature
        let identity = signs ? certificates?.identity ?? ownIdentity(path) : ownIdentity(path)
        let hash = try keys.proof(
            isInitiator: false, handshake.exchange, offer: handshake.offer, identity: identity.body)
        let proof = signs ? try certificates?.proof(of: hash) ?? [] : [Payload(.hash, hash)]
        return [Payload(.identification, identity.body)] + proof
    }

    private func establish(
        _ sa: ISAKMPSA, _ handshake: ISAKMPSA.Handshake, _ keys: PhaseOneKeys, _ proof: Proof,
        _ message: Message, at now: Instant
    ) throws(OpenSSLError) {
        var (proof, chain) = (proof, proof.chain)
        let body = try chain.encrypt(
            Payload.serialize(try ownProof(sa, handshake, keys, message.path)))
        let header = ISAKMPHeader(
            sa.cookies, .identityProtection, flags: .encryption, nextPayload: .identification)
        proof.chain = chain
        sa.lastReceived = message.octets
        sa.lastSent = []
        header.serialize(into: &sa.lastSent, bodyLength: body.count)
        sa.lastSent += body
        established(sa, handshake, keys, proof, message.path, at: now)
        book.prove(handshake.firstMessage)
        send(sa.lastSent, header, to: sa.path, mayFragment: sa.abilities.contains(.fragmentation))
    }

    /// The peer has proved who it is.
    func established(
        _ sa: ISAKMPSA, _ handshake: ISAKMPSA.Handshake, _ keys: PhaseOneKeys, _ proof: Proof,
        _ path: IKEPath, at now: Instant
    ) {
        noLongerHalfOpen(sa)
        sa.establish(
            ISAKMPSA.Established(
                keys: keys, lastBlock: proof.chain.iv, identity: proof.identity, scope: proof.scope))
        sa.path = path
        if proof.isInitialContact { startAnew(sa, at: now) }
        register(sa, at: now)
        sa.expiresAt = now + handshake.lifetime
        sa.lastHeard = now
        let nat = sa.nat.isEmpty ? "none" : sa.nat.contains(.peerIsBehind) ? "peer" : "own"
        log(
            .notice,
            "phase 1 established identity=\"\(proof.identity.text)\" suite=\"\(sa.suite.name)\" nat=\(nat)",
            sa.path)
    }

    private func ownIdentity(_ path: IKEPath) -> Identification {
        if let identity = options.identity { return identity }
        guard let local = path.local else { return Identification(.keyID, Array("polyhub".utf8)) }
        return Identification(local)
    }

    /// What the peer had with us before is gone, RFC 2407 §4.6.3.3.
    private func startAnew(_ sa: ISAKMPSA, at now: Instant) {
        for other in others(of: sa) {
            orphan(other)
            settle(other, at: now)
        }
    }

    private func orphan(_ sa: ISAKMPSA) {
        for spi in sa.children { forget(spi, .initialContact) }
        sa.children = []
        sa.stage = .over
    }
}
