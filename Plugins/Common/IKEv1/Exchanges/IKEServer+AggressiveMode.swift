import OpenSSL
import Wire

/// Aggressive mode as responder, RFC 2409 §5.4; with signatures (§5.1) `[CERT,] SIG` takes the place of HASH.
///
///     HDR, SA, KE, Ni, IDii      -->
///                                <--    HDR, SA, KE, Nr, IDir, HASH_R, [NAT-D]
///     HDR, HASH_I, [NAT-D]       -->
///
/// The identity comes first, so that each may have a key of its own. The price: whoever asks is told a hash
/// by which he may guess the key, and we compute and keep something for an address that nothing has proved.
/// Such SAs have a quarter of the places of half-open ones, and nothing is sent that was not asked for. The
/// work, two exponentiations, is bounded by the group and by how often it is done; where we sign as well,
/// that counts as much as `signatureCost` of these.
extension IKEServer {
    /// First messages that are answered at once, and afterwards one in this time; on each lane.
    static let unprovedBurst = 100
    static let unprovedInterval: Duration = .milliseconds(20)
    static let signatureCost = 4

    private static func cost(of suite: PhaseOneSuite) -> Int {
        suite.authentication == .rsaSignature ? signatureCost : 1
    }

    func receiveAggressive(_ message: Message, at now: Instant) throws(WireError) {
        guard options.allowsAggressiveMode else {
            return logRefusal("phase 1 refused reason=\"aggressive mode\"", message.path, at: now)
        }
        let initiator = Initiator(
            cookie: message.header.cookies.initiator, source: message.path.remote.source)
        if let cookies = initiators[initiator], let sa = sas[cookies] {
            // Who asks from a forged address has the answer sent to somebody else.
            guard sa.claim != nil, message.octets == sa.lastReceived,
                unprovedExchanges.take(Self.cost(of: sa.suite), at: now)
            else { return }
            return send(
                sa.lastSent, message.header, to: message.path,
                mayFragment: sa.abilities.contains(.fragmentation))
        }
        guard message.header.messageID == 0, message.header.nextPayload == .securityAssociation else {
            throw .badValue
        }
        let payloads = try message.payloads()
        let first = try FirstMessage(message.body)
        let identity = try payloads.only(.identification)
        let claimed = try Identification(parsing: identity)
        guard let choice = phaseOne.withoutCostlyGroups.choose(first.offer) else {
            return refuse(first.offer, message, at: now)
        }
        let request = PhaseOneRequest(
            message: message,
            cookies: Cookies(initiator: initiator.cookie, responder: makeCookie(initiator.cookie)),
            first: first, choice: choice, theirs: try KeyExchange(payloads, first.abilities),
            isUnproved: true)
        guard unprovedExchanges.take(Self.cost(of: choice.suite), at: now) else {
            return logRefusal("phase 1 refused reason=\"too many in aggressive mode\"", message.path, at: now)
        }
        do throws(OpenSSLError) {
            try answer(request, claimed, identity, at: now)
        } catch {
            logRefusal("phase 1 refused reason=\"\(error.reason)\"", message.path, at: now)
        }
    }

    /// None that names an SA of the same initiator already.
    private func makeCookie(_ initiator: UInt64) -> UInt64 {
        while true {
            let cookie = UInt64.random(in: 1 ... .max, using: &random)
            if sas[Cookies(initiator: initiator, responder: cookie)] == nil { return cookie }
        }
    }

    private func answer(
        _ request: PhaseOneRequest, _ claimed: Identification, _ identityBody: [UInt8], at now: Instant
    ) throws(OpenSSLError) {
        let signs = request.choice.suite.authentication == .rsaSignature
        let preSharedKey = signs ? nil : keys.key(of: claimed)
        guard signs || preSharedKey != nil, case (let sa, var handshake)? = try begin(request, at: now) else {
            return
        }
        let (exchange, path) = (handshake.exchange, request.message.path)
        let keys =
            if let preSharedKey {
                try PhaseOneKeys(sa.suite, exchange, preSharedKey: preSharedKey.key)
            } else {
                try PhaseOneKeys(sa.suite, exchange)
            }
        handshake.claim = ISAKMPSA.Claim(
            keys: keys, identity: claimed, identityBody: identityBody,
            scope: preSharedKey?.scope ?? KeyRing.Scope(hubs: nil))
        sa.stage = .awaitingProof(handshake)
        initiators[sa.initiator] = sa.cookies
        var payloads = [
            Payload(.securityAssociation, SAPayload([request.choice.proposal]).body),
            Payload(.keyExchange, exchange.responderPublic), Payload(.nonce, exchange.responderNonce),
        ]
        payloads += try ownProof(sa, handshake, keys, path)
        if signs { payloads += certificates?.requests ?? [] }
        payloads += Self.vendorIDs(sa.abilities)
        if sa.abilities.understandsNAT {
            payloads += try NATDiscovery.payloads(
                path, sa.cookies, sa.suite.hash, sa.abilities.natDiscoveryType)
        }
        let header = ISAKMPHeader(sa.cookies, .aggressive)
        sa.lastSent = Self.octets(payloads, header)
        send(sa.lastSent, header, to: path, mayFragment: sa.abilities.contains(.fragmentation))
        settle(sa, at: now)
    }

    // MARK: Proof

    func receiveAggressiveProof(_ message: Message, _ sa: ISAKMPSA, at now: Instant) throws(WireError) {
        guard case .awaitingProof(var handshake) = sa.stage, let claim = handshake.claim,
            message.header.messageID == 0, handshake.attempts > 0
        else { return }
        handshake.attempts -= 1
        sa.stage = .awaitingProof(handshake)
        do throws(OpenSSLError) {
            guard case (var proof, let hashes)? = try proof(message, sa, claim, handshake) else {
                unauthentic += 1
                return logRefusal("phase 1 refused reason=\"wrong keys\"", message.path, at: now)
            }
            switch sa.suite.authentication {
            case .preSharedKey:
                guard try proof.isValid(claim.keys, handshake, isInitiator: true) else {
                    unauthentic += 1
                    return logRefusal(
                        "phase 1 refused reason=\"wrong pre-shared key\"", message.path, at: now)
                }
            case .rsaSignature:
                guard try isJudged(&proof, claim.keys, handshake, message, at: now) else { return }
            }
            // The peer may have told the addresses of this message, or of its first one.
            for path in [sa.path, message.path] {
                let outcome = try NATDiscovery.outcome(hashes, path, sa.cookies, sa.suite.hash)
                sa.nat = path == sa.path ? outcome : sa.nat.intersection(outcome)
            }
            sa.lastReceived = message.octets
            established(sa, handshake, claim.keys, proof, message.path, at: now)
        } catch {
            logRefusal("phase 1 failed reason=\"\(error)\"", message.path, at: now)
        }
    }

    /// Many send it encrypted, though all of it could be seen. Nil: the octets make no sense.
    private func proof(
        _ message: Message, _ sa: ISAKMPSA, _ claim: ISAKMPSA.Claim, _ handshake: ISAKMPSA.Handshake
    ) throws(OpenSSLError) -> (Proof, natHashes: [[UInt8]])? {
        var chain = CipherChain(claim.keys, iv: try PhaseOneKeys.firstIV(sa.suite, handshake.exchange))
        var body = message.body
        let isEncrypted = message.header.flags.contains(.encryption)
        if isEncrypted {
            guard let plain = chain.decrypt(body) else { return nil }
            chain.advance(past: body)
            body = plain
        }
        var input = ByteReader(body.rawSpan)
        guard
            let payloads = try? Payload.chain(
                from: message.header.nextPayload, in: &input,
                padding: isEncrypted ? Payload.maxPadding : Payload.maxClearPadding),
            let proof = Proof(claim, chain, payloads, sa.suite.authentication)
        else { return nil }
        let knowsNAT = sa.abilities.understandsNAT
        return (proof, knowsNAT ? payloads.all(sa.abilities.natDiscoveryType) : [])
    }
}
