import ESP
import OpenSSL
import Wire

@testable public import IKEv1

/// A client of IKEv1, straight from RFC 2409: main mode and quick mode as initiator, and answers to what the
/// server asks. It keeps the transcript. No timers of its own: the test sends things again.
public final class IKEPeer {
    public var preSharedKey = SecretBytes(copying: Array("secret".utf8))
    /// For offers of signatures.
    public var certificates: CertificateAuthentication?
    /// What is said in the place of a proof.
    public var changesProof: ([Payload]) -> [Payload] = { $0 }
    /// The names of authorities that the server has asked for.
    public private(set) var requests: [[UInt8]] = []
    public var identity = Identification(.fqdn, Array("peer.example".utf8))
    public var offers: [PhaseOneSuite] = [PhaseOneSuite(.aes256CBC, .sha256, .ecp256)]
    public var vendorIDs: [VendorID] = [.rfc3947, .deadPeerDetection, .fragmentation]
    public var suite = PhaseTwoSuite(
        .cbc(.aes256CBC, .sha256), EncapsulationMode(isTunnel: false, isInUDP: false))
    public var lifetime: Duration = .seconds(3600)
    public var isInitialContact = false
    /// What the NAT payloads claim; nil: the addresses as they are.
    public var claimedAddress: TransportAddress?
    public var selectors: (Identification, Identification)?

    public var path: IKEPath
    /// Events, one a line.
    public private(set) var transcript: [String] = []
    public private(set) var cookies: Cookies
    public private(set) var children: [ChildSA] = []
    public private(set) var deleted: [UInt32] = []
    public private(set) var isEstablished = false
    public private(set) var isClosed = false

    /// In aggressive mode, whether the last message travels encrypted.
    public var encryptsProof = true
    private var firstMessage: [UInt8] = []
    private var reassembly = Reassembly()
    private var offerBody: [UInt8] = []
    private var key: DiffieHellmanKey?
    private var nonce: [UInt8] = []
    private var exchange: PhaseOneKeys.Exchange?
    public private(set) var chosen: PhaseOneSuite?
    private(set) var keys: PhaseOneKeys?
    private var chain: CipherChain?
    private var lastBlock: [UInt8] = []
    private var quick: Quick?
    private var confirmations: [UInt32: (PhaseTwoNonces, CipherChain, ChildSA)] = [:]
    public var random: any RandomNumberGenerator

    private struct Quick {
        let id: UInt32
        let nonce: [UInt8]
        let spi: UInt32
        let key: DiffieHellmanKey?
        var chain: CipherChain
    }

    struct PhaseTwoNonces {
        let initiator: [UInt8]
        let responder: [UInt8]
    }

    public init(path: IKEPath, random: any RandomNumberGenerator) {
        self.path = path
        self.random = random
        cookies = Cookies(initiator: UInt64.random(in: 1 ... .max, using: &self.random), responder: 0)
    }

    func note(_ line: String) { transcript.append(line) }

    // MARK: Main mode

    public func start() -> [UInt8] {
        let transforms = offers.enumerated().map {
            $1.transform(number: UInt8($0 + 1), lifetime: lifetime)
        }
        offerBody = SAPayload([Proposal(number: 1, .isakmp, transforms)]).body
        let payloads = [Payload(.securityAssociation, offerBody)] + vendorIDs.map(\.payload)
        note("SA -->")
        firstMessage = message(payloads, ISAKMPHeader(cookies, .identityProtection))
        return firstMessage
    }

    public func receive(_ octets: [UInt8]) throws -> [[UInt8]] {
        var input = ByteReader(octets.rawSpan)
        let header = try ISAKMPHeader(parsing: &input)
        let body = input.rest()
        if header.nextPayload == .fragment {
            let fragment = try Payload.chain(of: body, .fragment).only(.fragment)
            guard let whole = reassembly.add(try Fragment(parsing: fragment)) else { return [] }
            return try receive(whole)
        }
        guard header.flags.contains(.encryption) else {
            if header.exchange == .aggressive {
                return [try proveAggressively(header, Payload.chain(of: body, header.nextPayload))]
            }
            return try receiveClear(header, Payload.chain(of: body, header.nextPayload))
        }
        switch header.exchange {
        case .identityProtection: try receiveProof(header, body)
        case .quickMode: return try receiveQuickMode(header, body)
        case .informational: return try receiveInformational(header, body)
        default: note("<-- ?")
        }
        return []
    }

    private func receiveClear(_ header: ISAKMPHeader, _ payloads: [Payload]) throws -> [[UInt8]] {
        if header.exchange == .informational {
            note("<-- N(\(try Notification(parsing: payloads.only(.notification)).type.rawValue)) in clear")
            return []
        }
        if let answer = payloads.first(.securityAssociation) {
            cookies = header.cookies
            note("<-- SA")
            chosen = PhaseOneSuite(try SAPayload(parsing: answer).proposals[0].transforms[0])
            return [try keyExchange(Abilities.of(payloads))]
        }
        note("<-- KE, Nr")
        return [try prove(payloads)]
    }

    private func keyExchange(_ abilities: Abilities) throws -> [UInt8] {
        guard let chosen else { return [] }
        let key = try DiffieHellmanKey(chosen.group)
        self.key = key
        nonce = try randomBytes(24)
        var payloads = [Payload(.keyExchange, key.publicValue), Payload(.nonce, nonce)]
        if abilities.understandsNAT {
            var seen = path
            seen.remote = path.local ?? path.remote
            seen.local = claimedAddress ?? path.remote
            payloads += try NATDiscovery.payloads(seen, cookies, chosen.hash, abilities.natDiscoveryType)
        }
        note("KE, Ni -->")
        return message(payloads, ISAKMPHeader(cookies, .identityProtection))
    }

    private func prove(_ payloads: [Payload]) throws -> [UInt8] {
        guard let chosen, let key else { return [] }
        let theirs = try payloads.only(.keyExchange)
        let exchange = PhaseOneKeys.Exchange(
            cookies: cookies, initiatorNonce: nonce, responderNonce: try payloads.only(.nonce),
            initiatorPublic: key.publicValue, responderPublic: theirs, secret: try key.agree(with: theirs))
        requests = try payloads.all(.certificateRequest).map { try CertificatePayload(parsing: $0).data }
        let keys = try keys(chosen, exchange)
        var chain = CipherChain(keys, iv: try PhaseOneKeys.firstIV(chosen, exchange))
        var proof = [Payload(.identification, identity.body)] + (try ownProof(keys, exchange))
        if isInitialContact {
            let contact = Notification(.initialContact, .isakmp, spi: cookies.octets)
            proof.append(Payload(.notification, contact.body))
        }
        let octets = message(
            encrypted: try chain.encrypt(Payload.serialize(proof)),
            ISAKMPHeader(cookies, .identityProtection, nextPayload: .identification))
        (self.exchange, self.keys, self.chain) = (exchange, keys, chain)
        note(certificates == nil ? "IDii, HASH_I -->" : "IDii, CERT, SIG_I -->")
        return octets
    }

    private func keys(
        _ chosen: PhaseOneSuite, _ exchange: PhaseOneKeys.Exchange
    ) throws(OpenSSLError) -> PhaseOneKeys {
        chosen.authentication == .rsaSignature
            ? try PhaseOneKeys(chosen, exchange)
            : try PhaseOneKeys(chosen, exchange, preSharedKey: preSharedKey)
    }

    private func ownProof(_ keys: PhaseOneKeys, _ exchange: PhaseOneKeys.Exchange) throws -> [Payload] {
        let hash = try keys.proof(isInitiator: true, exchange, offer: offerBody, identity: identity.body)
        guard keys.suite.authentication == .rsaSignature else { return changesProof([Payload(.hash, hash)]) }
        return changesProof(try certificates?.proof(of: hash) ?? [])
    }

    private func isServers(
        _ payloads: [Payload], _ keys: PhaseOneKeys, _ exchange: PhaseOneKeys.Exchange
    ) throws -> Bool {
        let identity = try payloads.only(.identification)
        let hash = try keys.proof(isInitiator: false, exchange, offer: offerBody, identity: identity)
        guard keys.suite.authentication == .rsaSignature, let certificates else {
            return try payloads.only(.hash) == hash
        }
        let proof = try SignatureProof(payloads)
        _ = try proof.judge(Identification(parsing: identity), hash: hash, certificates.authorities)
        return true
    }

    private func receiveProof(_ header: ISAKMPHeader, _ body: [UInt8]) throws {
        guard let keys, let exchange, let chain, let plain = chain.decrypt(body) else { return }
        let payloads = try Payload.chain(of: plain, header.nextPayload, padding: 16)
        guard try isServers(payloads, keys, exchange) else { return note("<-- a wrong HASH_R") }
        note(certificates == nil ? "<-- IDir, HASH_R" : "<-- IDir, CERT, SIG_R")
        lastBlock = Array(body.suffix(keys.suite.cipher.blockLength))
        isEstablished = true
    }

    // MARK: Aggressive mode

    /// The exchange of keys is that of the first offer.
    public func startAggressively() throws -> [UInt8] {
        let transforms = offers.enumerated().map {
            $1.transform(number: UInt8($0 + 1), lifetime: lifetime)
        }
        offerBody = SAPayload([Proposal(number: 1, .isakmp, transforms)]).body
        let key = try DiffieHellmanKey(offers[0].group)
        self.key = key
        nonce = try randomBytes(20)
        let payloads = [
            Payload(.securityAssociation, offerBody), Payload(.keyExchange, key.publicValue),
            Payload(.nonce, nonce), Payload(.identification, identity.body),
        ]
        note("SA, KE, Ni, IDii -->")
        return message(payloads + vendorIDs.map(\.payload), ISAKMPHeader(cookies, .aggressive))
    }

    /// Says the same however often it is asked.
    private func proveAggressively(_ header: ISAKMPHeader, _ payloads: [Payload]) throws -> [UInt8] {
        guard let key,
            let chosen = PhaseOneSuite(
                try SAPayload(parsing: payloads.only(.securityAssociation)).proposals[0].transforms[0])
        else { return [] }
        (self.chosen, cookies) = (chosen, header.cookies)
        let theirs = try payloads.only(.keyExchange)
        let exchange = PhaseOneKeys.Exchange(
            cookies: cookies, initiatorNonce: nonce, responderNonce: try payloads.only(.nonce),
            initiatorPublic: key.publicValue, responderPublic: theirs, secret: try key.agree(with: theirs))
        let keys = try keys(chosen, exchange)
        let isRight = try isServers(payloads, keys, exchange)
        let name = certificates == nil ? "HASH" : "CERT, SIG"
        note("<-- SA, KE, Nr, IDir, \(isRight ? "" : "a wrong ")\(name)_R")
        var proof = try ownProof(keys, exchange)
        let abilities = Abilities.of(payloads)
        if abilities.understandsNAT {
            var seen = path
            seen.remote = path.local ?? path.remote
            seen.local = claimedAddress ?? path.remote
            proof += try NATDiscovery.payloads(seen, cookies, chosen.hash, abilities.natDiscoveryType)
        }
        var chain = CipherChain(keys, iv: try PhaseOneKeys.firstIV(chosen, exchange))
        let next = ISAKMPHeader(cookies, .aggressive, nextPayload: proof.first?.type ?? .none)
        let octets =
            encryptsProof
            ? message(encrypted: try chain.encrypt(Payload.serialize(proof)), next)
            : message(proof, next)
        (self.exchange, self.keys, self.chain, lastBlock) = (exchange, keys, chain, chain.iv)
        isEstablished = isRight
        note("\(name)_I -->")
        return octets
    }

    // MARK: Quick mode

    public func startQuickMode() throws -> [UInt8] {
        guard let keys else { return [] }
        let id = UInt32.random(in: 1 ... .max, using: &random)
        let spi = UInt32.random(in: 256 ... .max, using: &random)
        let key = try suite.group.map { try DiffieHellmanKey($0) }
        var quick = Quick(
            id: id, nonce: try randomBytes(32), spi: spi, key: key,
            chain: CipherChain(keys, iv: try keys.iv(lastBlock: lastBlock, messageID: id)))
        let proposal = Proposal(
            number: 1, .esp, spi: spi.octets, [suite.transform(number: 1, lifetime: lifetime)])
        var payloads = [
            Payload(.securityAssociation, SAPayload([proposal]).body), Payload(.nonce, quick.nonce),
        ]
        if let key { payloads.append(Payload(.keyExchange, key.publicValue)) }
        if let selectors {
            payloads += [selectors.0, selectors.1].map { Payload(.identification, $0.body) }
        }
        let octets = try protected(payloads, id, &quick.chain, .quickMode) { rest throws(OpenSSLError) in
            try keys.authenticate(id.octets, rest)
        }
        self.quick = quick
        note("HASH(1), SA, Ni -->")
        return octets
    }

    private func receiveQuickMode(_ header: ISAKMPHeader, _ body: [UInt8]) throws -> [[UInt8]] {
        guard let keys else { return [] }
        let id = header.messageID
        if let (nonces, chain, child) = confirmations[id] {
            return try confirm(nonces, chain, child, body, id)
        }
        guard var quick, quick.id == id else { return try answerQuickMode(header, body) }
        guard let plain = quick.chain.decrypt(body),
            let content = ProtectedMessage(plain, first: header.nextPayload),
            try keys.authenticate(id.octets, quick.nonce, content.authenticated) == content.hash
        else {
            note("<-- a wrong HASH(2)")
            return []
        }
        quick.chain.advance(past: body)
        note("<-- HASH(2), SA, Nr")
        let answer = try QuickModeRequest(content.payloads)
        var negotiation = Negotiation(
            suite, nonce: quick.nonce, spi: quick.spi, peerSPI: answer.offer.proposals[0].number32)
        try negotiation.agree(with: answer.publicValue, quick.key)
        children.append(
            try negotiation.child(
                initiatorNonce: quick.nonce, responderNonce: answer.nonce, keys, terms()))
        let hash = try keys.authenticate([0], id.octets, quick.nonce, answer.nonce)
        let confirmation = try quick.chain.encrypt(Payload.serialize([Payload(.hash, hash)]))
        note("HASH(3) -->")
        return [message(encrypted: confirmation, header)]
    }

    /// The server asks for a successor.
    private func answerQuickMode(_ header: ISAKMPHeader, _ body: [UInt8]) throws -> [[UInt8]] {
        guard let keys else { return [] }
        let id = header.messageID
        var chain = CipherChain(keys, iv: try keys.iv(lastBlock: lastBlock, messageID: id))
        guard let plain = chain.decrypt(body),
            let content = ProtectedMessage(plain, first: header.nextPayload),
            try keys.authenticate(id.octets, content.authenticated) == content.hash
        else { return [] }
        chain.advance(past: body)
        note("<-- HASH(1), SA, Ni")
        let request = try QuickModeRequest(content.payloads)
        var accepted = request.offer.proposals[0]
        var negotiation = Negotiation(
            suite, nonce: try randomBytes(20), spi: UInt32.random(in: 256 ... .max, using: &random),
            peerSPI: accepted.number32)
        try negotiation.agree(with: request.publicValue)
        accepted.spi = negotiation.spi.octets
        let child = try negotiation.child(
            initiatorNonce: request.nonce, responderNonce: negotiation.nonce, keys, terms())
        let octets = try protected(
            request.answer(accepted, negotiation, nat: []), id, &chain, .quickMode
        ) { rest throws(OpenSSLError) in try keys.authenticate(id.octets, request.nonce, rest) }
        confirmations[id] = (
            PhaseTwoNonces(initiator: request.nonce, responder: negotiation.nonce), chain, child
        )
        note("HASH(2), SA, Nr -->")
        return [octets]
    }

    private func confirm(
        _ nonces: PhaseTwoNonces, _ chain: CipherChain, _ child: ChildSA, _ body: [UInt8], _ id: UInt32
    ) throws -> [[UInt8]] {
        guard let keys, let plain = chain.decrypt(body), let content = ProtectedMessage(plain, first: .hash),
            try keys.authenticate([0], id.octets, nonces.initiator, nonces.responder) == content.hash
        else { return [] }
        note("<-- HASH(3)")
        children.append(child)
        return []
    }

    private func terms() -> Terms {
        Terms(
            local: selectors?.0, remote: selectors?.1, identity: identity, scope: KeyRing.Scope(hubs: nil),
            path: path, nat: [],
            rekeyAt: .distantFuture, expiresAt: .distantFuture, softOctets: .max)
    }

    // MARK: Informational

    public func delete(_ deletion: Deletion) throws -> [UInt8] {
        note("D -->")
        return try informational([Payload(.delete, deletion.body)])
    }

    public func notify(_ notification: Notification) throws -> [UInt8] {
        note("N(\(notification.type.rawValue)) -->")
        return try informational([Payload(.notification, notification.body)])
    }

    private func informational(_ payloads: [Payload]) throws -> [UInt8] {
        guard let keys else { return [] }
        let id = UInt32.random(in: 1 ... .max, using: &random)
        var chain = CipherChain(keys, iv: try keys.iv(lastBlock: lastBlock, messageID: id))
        return try protected(payloads, id, &chain, .informational) { rest throws(OpenSSLError) in
            try keys.authenticate(id.octets, rest)
        }
    }

    private func receiveInformational(_ header: ISAKMPHeader, _ body: [UInt8]) throws -> [[UInt8]] {
        guard let keys else { return [] }
        let id = header.messageID
        let chain = CipherChain(keys, iv: try keys.iv(lastBlock: lastBlock, messageID: id))
        guard let plain = chain.decrypt(body), let content = ProtectedMessage(plain, first: .hash),
            try keys.authenticate(id.octets, content.authenticated) == content.hash
        else { return [] }
        for octets in content.payloads.all(.delete) {
            let deletion = try Deletion(parsing: octets)
            note("<-- D(\(deletion.protocolID.rawValue))")
            if deletion.protocolID == .isakmp { isClosed = true }
            deleted += deletion.spis.filter { $0.count == 4 }.map { $0.reduce(0) { $0 << 8 | UInt32($1) } }
        }
        for octets in content.payloads.all(.notification) {
            let notification = try Notification(parsing: octets)
            note("<-- N(\(notification.type.rawValue))")
            guard notification.type == .areYouThere else { continue }
            return [
                try notify(
                    Notification(
                        .areYouThereAcknowledged, .isakmp, spi: cookies.octets, data: notification.data))
            ]
        }
        return []
    }

    /// A message of phase 2 with any octets behind a hash that is right.
    public func protected(
        _ octets: [UInt8], first: PayloadType, _ exchange: ExchangeType
    ) throws -> [UInt8] {
        guard let keys else { return [] }
        let id = UInt32.random(in: 1 ... .max, using: &random)
        var chain = CipherChain(keys, iv: try keys.iv(lastBlock: lastBlock, messageID: id))
        var plain: [UInt8] = []
        Payload(.hash, try keys.authenticate(id.octets, octets)).serialize(into: &plain, next: first)
        return message(
            encrypted: try chain.encrypt(plain + octets),
            ISAKMPHeader(cookies, exchange, messageID: id, nextPayload: .hash))
    }

    // MARK: Octets

    public func message(_ payloads: [Payload], _ header: ISAKMPHeader) -> [UInt8] {
        var header = header
        header.nextPayload = payloads.first?.type ?? .none
        let body = Payload.serialize(payloads)
        var octets: [UInt8] = []
        header.serialize(into: &octets, bodyLength: body.count)
        return octets + body
    }

    func message(encrypted body: [UInt8], _ header: ISAKMPHeader) -> [UInt8] {
        var header = header
        header.flags = .encryption
        var octets: [UInt8] = []
        header.serialize(into: &octets, bodyLength: body.count)
        return octets + body
    }

    private func protected(
        _ payloads: [Payload], _ id: UInt32, _ chain: inout CipherChain, _ exchange: ExchangeType,
        _ authenticate: ([UInt8]) throws(OpenSSLError) -> [UInt8]
    ) throws -> [UInt8] {
        let body = try chain.encrypt(ProtectedMessage.octets(payloads, authenticate))
        return message(
            encrypted: body, ISAKMPHeader(cookies, exchange, messageID: id, nextPayload: .hash))
    }
}

extension Proposal {
    /// A SPI of four octets as a number.
    public var number32: UInt32 { spi.reduce(0) { $0 << 8 | UInt32($1) } }
}

extension Payload {
    static func chain(of octets: [UInt8], _ first: PayloadType, padding: Int = 0) throws -> [Payload] {
        var input = ByteReader(octets.rawSpan)
        return try chain(from: first, in: &input, padding: padding)
    }
}
