import OpenSSL
public import Wire

/// What time brings: silence, expiry, successors.
extension IKEServer {
    func handleTimeout(_ sa: ISAKMPSA, at now: Instant) {
        guard now < sa.expiresAt else {
            if sa.isHalfOpen { logRefusal("phase 1 was not completed", sa.path, at: now) }
            return expire(sa)
        }
        for (id, quickMode) in sa.quickModes where quickMode.deadline <= now {
            handleTimeout(quickMode, id, sa, at: now)
        }
        for spi in sa.children { handleTimeout(child: spi, sa, at: now) }
        guard sa.established != nil, sa.abilities.contains(.deadPeerDetection) else { return }
        switch sa.probe.step(lastHeard: sa.lastHeard, options, at: now) {
        case .wait: break
        case .isDead: close(sa, .dead, tellsPeer: false)
        case .ask:
            let question = Notification(
                .areYouThere, .isakmp, spi: sa.cookies.octets, data: sa.probe.sequence.octets)
            sendInformational([Payload(.notification, question.body)], sa)
        }
    }

    /// RFC 2409 §5.5: what phase 2 has made does not need phase 1 any more.
    private func expire(_ sa: ISAKMPSA) {
        guard sa.established != nil, others(of: sa).isEmpty,
            let last = sa.children.compactMap({ children[$0]?.sa.expiresAt }).max()
        else { return close(sa, .expired, tellsPeer: true) }
        sendDeletion(of: sa)
        sa.stage = .lingering
        sa.quickModes = [:]
        sa.expiresAt = last
    }

    private func handleTimeout(_ quickMode: QuickMode, _ id: UInt32, _ sa: ISAKMPSA, at now: Instant) {
        switch quickMode.stage {
        case .done:
            sa.quickModes[id] = nil
        case .awaitingConfirmation(_, let spi):
            guard quickMode.retransmits >= QuickMode.maxRetransmits else {
                return retransmit(quickMode, id, sa, at: now)
            }
            sa.quickModes[id] = nil
            // Its packets have come: only HASH(3) was lost.
            if children[spi]?.isActive == false {
                sa.children.removeAll { $0 == spi }
                forget(spi, .unconfirmed)
            }
        case .awaitingAnswer(let asked):
            guard quickMode.retransmits >= QuickMode.maxRetransmits else {
                return retransmit(quickMode, id, sa, at: now)
            }
            sa.quickModes[id] = nil
            log(.notice, "phase 2 not renewed reason=\"no answer\"", sa.path)
            children[asked.old.spi]?.isBeingReplaced = true
        }
    }

    private func retransmit(_ quickMode: QuickMode, _ id: UInt32, _ sa: ISAKMPSA, at now: Instant) {
        var quickMode = quickMode
        quickMode.retransmits += 1
        quickMode.deadline = now + QuickMode.retransmitInterval * (1 << quickMode.retransmits)
        sa.quickModes[id] = quickMode
        send(
            quickMode.lastSent, ISAKMPHeader(sa.cookies, .quickMode, messageID: id), to: sa.path)
    }

    private func handleTimeout(child spi: UInt32, _ sa: ISAKMPSA, at now: Instant) {
        guard let child = children[spi] else { return }
        if now >= child.sa.expiresAt {
            sendDeletion(of: [spi], sa)
            sa.children.removeAll { $0 == spi }
            forget(spi, .expired)
        } else if now >= child.sa.rekeyAt {
            rekey(spi, at: now)
        }
    }

    // MARK: Successors

    /// Asks the peer for a successor, once. Called too when an SA has carried what it should.
    public func rekey(_ spi: UInt32, at now: Instant) {
        guard let child = children[spi], !child.isBeingReplaced, let sa = sas[child.owner],
            let established = sa.established
        else { return }
        children[spi]?.isBeingReplaced = true
        // The peer has made one already; this one only waits for its end.
        guard child.isActive, !hasSuccessor(child.sa, sa), sa.quickModes.count < ISAKMPSA.maxQuickModes else {
            return
        }
        do throws(OpenSSLError) {
            try ask(for: child.sa, sa, established, at: now)
        } catch {
            log(.notice, "phase 2 not renewed reason=\"\(error)\"", sa.path)
        }
        settle(sa, at: now)
    }

    private func hasSuccessor(_ old: ChildSA, _ sa: ISAKMPSA) -> Bool {
        sa.children.contains { spi in
            guard let other = children[spi]?.sa, other.spi != old.spi else { return false }
            return other.localSelector == old.localSelector && other.remoteSelector == old.remoteSelector
                && other.expiresAt > old.expiresAt
        }
    }

    /// Quick mode as initiator, for the old suite again.
    private func ask(
        for old: ChildSA, _ sa: ISAKMPSA, _ established: ISAKMPSA.Established, at now: Instant
    ) throws(OpenSSLError) {
        let id = makeMessageID(sa)
        let keys = established.keys
        let asked = QuickMode.Asked(
            nonce: try randomBytes(Self.nonceLength), spi: makeSPI(), key: try key(for: old.suite), old: old)
        let proposal = Proposal(
            number: 1, .esp, spi: asked.spi.octets,
            [old.suite.transform(number: 1, lifetime: options.phaseTwoLifetime)])
        var payloads = [
            Payload(.securityAssociation, SAPayload([proposal]).body), Payload(.nonce, asked.nonce),
        ]
        if let key = asked.key { payloads.append(Payload(.keyExchange, key.publicValue)) }
        if let local = old.localSelector, let remote = old.remoteSelector {
            payloads += [Payload(.identification, local.body), Payload(.identification, remote.body)]
        }
        var chain = CipherChain(keys, iv: try keys.iv(lastBlock: established.lastBlock, messageID: id))
        let body = try chain.encrypt(
            ProtectedMessage.octets(payloads) { rest throws(OpenSSLError) in
                try keys.authenticate(id.octets, rest)
            })
        let header = ISAKMPHeader(
            sa.cookies, .quickMode, messageID: id, flags: .encryption, nextPayload: .hash)
        var octets: [UInt8] = []
        header.serialize(into: &octets, bodyLength: body.count)
        octets += body
        sa.quickModes[id] = QuickMode(
            stage: .awaitingAnswer(asked), chain: chain, lastReceived: [], lastSent: octets,
            deadline: now + QuickMode.retransmitInterval)
        send(octets, header, to: sa.path)
    }

    private func key(for suite: PhaseTwoSuite) throws(OpenSSLError) -> DiffieHellmanKey? {
        guard let group = suite.group else { return nil }
        return try DiffieHellmanKey(group)
    }

    /// The peer's answer to `ask`.
    func receiveAnswer(
        _ asked: QuickMode.Asked, _ content: ProtectedMessage, _ chain: CipherChain, _ message: Message,
        _ sa: ISAKMPSA, at now: Instant
    ) {
        guard let established = sa.established else { return }
        let id = message.header.messageID
        let keys = established.keys
        guard let expected = try? keys.authenticate(id.octets, asked.nonce, content.authenticated),
            constantTimeEquals(expected, content.hash)
        else { return unauthentic += 1 }
        heard(sa, message.path, at: now)
        let suite = asked.old.suite
        guard let answer = try? QuickModeRequest(content.payloads), let chosen = answer.offer.proposals.first,
            chosen.spi.count == 4, PhaseTwoSuite(chosen.transforms[0]) == suite
        else {
            sa.quickModes[id] = nil
            return log(.notice, "phase 2 not renewed reason=\"an answer that was not offered\"", sa.path)
        }
        var terms = Terms(
            sa, established, answer, PhaseTwoSuite.lifetime(chosen.transforms[0]), options, at: now)
        terms.local = asked.old.localSelector
        terms.remote = asked.old.remoteSelector
        var negotiation = Negotiation(
            suite, nonce: asked.nonce, spi: asked.spi, peerSPI: chosen.spi.reduce(0) { $0 << 8 | UInt32($1) })
        var chain = chain
        chain.advance(past: message.body)
        guard (try? negotiation.agree(with: answer.publicValue, asked.key)) != nil,
            let child = try? negotiation.child(
                initiatorNonce: asked.nonce, responderNonce: answer.nonce, keys, terms),
            let hash = try? keys.authenticate([0], id.octets, asked.nonce, answer.nonce),
            let body = try? chain.encrypt(Payload.serialize([Payload(.hash, hash)]))
        else { return }
        let header = ISAKMPHeader(
            sa.cookies, .quickMode, messageID: id, flags: .encryption, nextPayload: .hash)
        var octets: [UInt8] = []
        header.serialize(into: &octets, bodyLength: body.count)
        octets += body
        finish(message, sa, lastSent: octets, at: now)
        install(child, sa)
        send(octets, header, to: sa.path)
        activate(child.spi)
    }
}
