import ESP
import IKEPeer
import LentPackets
import OpenSSL
import Wire

@testable import IKEv1
@testable import L2TP

/// Reads a recording with the parsers, keys and proofs of the server, and keeps the transcript. What does not
/// fit is an error: a hash that is not ours, an offer from which we would choose otherwise.
struct RecordedExchange {
    enum Misfit: Error {
        case choice, proof, hash, packet, missing
    }

    private(set) var transcript: [String] = []
    /// Authentic packets of ESP in both directions.
    private(set) var opened = 0
    private let recording: Recording
    private var secrets: ArraySlice<SecretBytes>
    private var fragments: [Bool: Reassembly] = [:]

    // Phase 1.
    private var offer: [UInt8] = []
    private var suite: PhaseOneSuite?
    private var halves: [Bool: (publicValue: [UInt8], nonce: [UInt8])] = [:]
    private var identities: [Bool: [UInt8]] = [:]
    private var keys: PhaseOneKeys?
    private var exchange: PhaseOneKeys.Exchange?
    private var chain: CipherChain?
    private var lastBlock: [UInt8] = []

    // Phase 2.
    private struct Quick {
        var chain: CipherChain
        var request: QuickModeRequest?
        var answer: QuickModeRequest?
    }
    private var quick: [UInt32: Quick] = [:]
    private var esp: [UInt32: (sa: InboundSA, isTunnel: Bool)] = [:]

    init(_ recording: Recording) throws {
        self.recording = recording
        secrets = recording.secrets[...]
        var heard: Set<[UInt8]> = []
        // What is sent again says nothing new.
        for packet in recording.packets where heard.insert(packet.octets).inserted {
            if packet.isIKE { try readIKE(packet.octets, packet.isClients) } else { try readESP(packet) }
        }
    }

    private mutating func note(_ text: String, _ isClients: Bool) {
        let line = isClients ? "\(text) -->" : "<-- \(text)"
        if transcript.last != line { transcript.append(line) }
    }

    // MARK: IKE

    private mutating func readIKE(_ octets: [UInt8], _ isClients: Bool) throws {
        var input = ByteReader(octets.rawSpan)
        let header = try ISAKMPHeader(parsing: &input)
        let body = input.rest()
        if header.nextPayload == .fragment {
            let fragment = try Fragment(parsing: Self.chain(body, .fragment).only(.fragment))
            if let whole = fragments[isClients, default: Reassembly()].add(fragment) {
                try readIKE(whole, isClients)
            }
            return
        }
        guard header.flags.contains(.encryption) else {
            return try readClear(header, try Self.chain(body, header.nextPayload), isClients)
        }
        switch header.exchange {
        case .identityProtection, .aggressive: try readProof(header, body, isClients)
        case .quickMode: try readQuickMode(header, body, isClients)
        default: try readInformational(header, body, isClients)
        }
    }

    private static func chain(_ octets: [UInt8], _ first: PayloadType) throws -> [Payload] {
        var input = ByteReader(octets.rawSpan)
        return try Payload.chain(from: first, in: &input, padding: Payload.maxPadding)
    }

    private mutating func readClear(
        _ header: ISAKMPHeader, _ payloads: [Payload], _ isClients: Bool
    ) throws {
        note(Self.names(payloads), isClients)
        if let body = payloads.first(.securityAssociation) {
            if isClients { offer = body } else { try readChoice(SAPayload(parsing: body)) }
        }
        if let value = payloads.first(.keyExchange) {
            halves[isClients] = (value, try payloads.only(.nonce))
            if !isClients { try makeKeys(header.cookies) }
        }
        if let identity = payloads.first(.identification) { identities[isClients] = identity }
        if header.exchange == .aggressive, !isClients { try judge(payloads, isClients) }
    }

    /// Ours, and that of the same version of the server now.
    private mutating func readChoice(_ answer: SAPayload) throws {
        var policy = PhaseOnePolicy()
        policy.authentication = [.preSharedKey, .rsaSignature]
        suite = PhaseOneSuite(answer.proposals[0].transforms[0])
        guard let choice = policy.choose(try SAPayload(parsing: offer)),
            choice.proposal == answer.proposals[0]
        else { throw Misfit.choice }
    }

    private mutating func makeKeys(_ cookies: Cookies) throws {
        guard let suite, let theirs = halves[true], let ours = halves[false], let secret = secrets.popFirst()
        else { throw Misfit.missing }
        let exchange = PhaseOneKeys.Exchange(
            cookies: cookies, initiatorNonce: theirs.nonce, responderNonce: ours.nonce,
            initiatorPublic: theirs.publicValue, responderPublic: ours.publicValue, secret: secret)
        let keys =
            if suite.authentication == .rsaSignature {
                try PhaseOneKeys(suite, exchange)
            } else if let key = recording.preSharedKey {
                try PhaseOneKeys(suite, exchange, preSharedKey: key)
            } else { throw Misfit.missing }
        chain = CipherChain(keys, iv: try PhaseOneKeys.firstIV(suite, exchange))
        (self.exchange, self.keys) = (exchange, keys)
    }

    private mutating func readProof(_ header: ISAKMPHeader, _ body: [UInt8], _ isClients: Bool) throws {
        guard let plain = chain?.decrypt(body) else { throw Misfit.missing }
        chain?.advance(past: body)
        lastBlock = chain?.iv ?? []
        let payloads = try? Self.chain(plain, header.nextPayload)
        guard let payloads else { throw Misfit.proof }
        if let identity = payloads.first(.identification) { identities[isClients] = identity }
        note(Self.names(payloads), isClients)
        try judge(payloads, isClients)
    }

    /// Whether it is the hash that we compute, or a signature of that. The certificate was good for a month.
    private func judge(_ payloads: [Payload], _ isClients: Bool) throws {
        guard let keys, let exchange, let identity = identities[isClients] else { throw Misfit.missing }
        let hash = try keys.proof(isInitiator: isClients, exchange, offer: offer, identity: identity)
        guard keys.suite.authentication == .rsaSignature else {
            guard try payloads.only(.hash) == hash else { throw Misfit.proof }
            return
        }
        let proof = try SignatureProof(payloads)
        guard
            CertificateSignature.isValidRSA(
                proof.signature, ofHash: hash, byCertificate: proof.certificates.first ?? [])
        else { throw Misfit.proof }
    }

    private mutating func readInformational(
        _ header: ISAKMPHeader, _ body: [UInt8], _ isClients: Bool
    ) throws {
        guard let keys else { throw Misfit.missing }
        let iv = try keys.iv(lastBlock: lastBlock, messageID: header.messageID)
        guard let plain = CipherChain(keys, iv: iv).decrypt(body),
            let content = ProtectedMessage(plain, first: header.nextPayload),
            try keys.authenticate(header.messageID.octets, content.authenticated) == content.hash
        else { throw Misfit.hash }
        note(Self.names(content.payloads), isClients)
    }

    private mutating func readQuickMode(_ header: ISAKMPHeader, _ body: [UInt8], _ isClients: Bool) throws {
        guard let keys else { throw Misfit.missing }
        let id = header.messageID
        let iv = try keys.iv(lastBlock: lastBlock, messageID: id)
        var mode = quick[id] ?? Quick(chain: CipherChain(keys, iv: iv))
        guard let plain = mode.chain.decrypt(body),
            let content = ProtectedMessage(plain, first: header.nextPayload)
        else { throw Misfit.hash }
        mode.chain.advance(past: body)
        let nonce = mode.request?.nonce ?? []
        let expected =
            if let answer = mode.answer {
                try keys.authenticate([0], id.octets, nonce, answer.nonce)
            } else {
                try keys.authenticate(id.octets, nonce, content.authenticated)
            }
        guard expected == content.hash else { throw Misfit.hash }
        if let request = mode.request, mode.answer == nil {
            let answer = try QuickModeRequest(content.payloads)
            mode.answer = answer
            try makeESP(request, answer, keys)
        } else if mode.request == nil {
            mode.request = try QuickModeRequest(content.payloads)
        }
        quick[id] = mode
        note("HASH" + (content.payloads.isEmpty ? "" : ", ") + Self.names(content.payloads), isClients)
    }

    private mutating func makeESP(
        _ request: QuickModeRequest, _ answer: QuickModeRequest, _ keys: PhaseOneKeys
    ) throws {
        let chosen = answer.offer.proposals[0]
        guard let suite = PhaseTwoSuite(chosen.transforms[0]),
            let ours = PhaseTwoPolicy().choose(request.offer, isInUDP: suite.mode.isInUDP),
            ours.proposal.transforms == chosen.transforms
        else { throw Misfit.choice }
        let secret = answer.publicValue == nil ? nil : secrets.popFirst()
        for spi in [chosen.number32, ours.proposal.number32] {
            let material = try QuickModeKeys.material(
                keys, spi: spi, nonces: request.nonce + answer.nonce, secret: secret,
                count: suite.esp.keyLength)
            esp[spi] = (try InboundSA(spi: spi, suite.esp, keys: material), suite.mode.isTunnel)
        }
    }

    private static func names(_ payloads: [Payload]) -> String {
        let names: [PayloadType: String] = [
            .securityAssociation: "SA", .keyExchange: "KE", .identification: "ID", .certificate: "CERT",
            .certificateRequest: "CERTREQ", .hash: "HASH", .signature: "SIG", .nonce: "N",
            .notification: "NOTIFY", .delete: "D", .natDiscovery: "NAT-D",
        ]
        return payloads.filter { $0.type != .vendorID }.map { names[$0.type] ?? "\($0.type.rawValue)" }
            .joined(separator: ", ")
    }

    // MARK: ESP

    private mutating func readESP(_ recorded: Recording.Packet) throws {
        let spi = recorded.octets.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
        guard let (sa, isTunnel) = esp[spi] else { throw Misfit.missing }
        let packet = LentPacket(recorded.octets)
        guard case .payload(var number) = sa.open(&packet.slice) else { throw Misfit.packet }
        opened += 1
        var octets = packet.octets
        if isTunnel {
            number = octets[9]
            octets.removeFirst(Int(octets[0] & 15) * 4)
        }
        if let name = try Self.name(ofPayload: octets, number) { note(name, recorded.isClients) }
    }

    /// Nil: frames, which say nothing new.
    private static func name(ofPayload octets: [UInt8], _ number: UInt8) throws -> String? {
        switch number {
        case 97: octets.starts(with: [0x30, 0]) ? nil : "EtherIP of another version"
        case 115: octets.starts(with: [0, 0, 0, 0]) ? try name(ofControl: Array(octets.dropFirst(4))) : nil
        default: try name(ofControl: Array(octets.dropFirst(8)))
        }
    }

    /// The number of a control message of L2TPv2 or L2TPv3; nil: data, or an empty acknowledgement.
    private static func name(ofControl octets: [UInt8]) throws -> String? {
        guard octets[0] & 0x80 != 0 else { return nil }
        var input = ByteReader(octets.rawSpan)
        if octets[1] & 15 == 3 {
            _ = try L2TPv3Header(parsing: &input)
        } else {
            _ = try L2TPHeader(parsing: &input)
        }
        guard input.remaining > 0 else { return nil }
        return "L2TP \(try ControlMessage(parsing: &input).type.rawValue)"
    }
}
