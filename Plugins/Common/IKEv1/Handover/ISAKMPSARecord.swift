import EngineParts
import OpenSSL
import Wire

/// An ISAKMP SA as it travels to another instance of the module: in whatever stage it is, with what it
/// remembers of messages.
extension ISAKMPSA {
    func serialize(into record: inout SecretRecord) {
        record.octets.appendBigEndian(cookies.initiator)
        record.octets.appendBigEndian(cookies.responder)
        suite.serialize(into: &record.octets)
        record.octets.append(abilities.rawValue)
        source.serialize(into: &record.octets)
        path.serialize(into: &record.octets)
        record.octets.append(peer != nil)
        if let peer {
            peer.identity.serialize(into: &record.octets)
            peer.scope.serialize(into: &record)
        }
        stage.serialize(into: &record)
        record.octets.append(nat.rawValue)
        record.octets.append(expiresAt)
        record.octets.appendCounted(lastReceived)
        record.octets.appendCounted(lastSent)
        reassembly.serialize(into: &record.octets)
        serializeUsedIDs(into: &record.octets)
        record.octets.append(lastHeard)
        probe.serialize(into: &record.octets)
    }

    convenience init(parsing reader: inout ByteReader, _ secrets: inout RecordSecrets) throws(WireError) {
        let cookies = Cookies(
            initiator: try reader.read(UInt64.self), responder: try reader.read(UInt64.self))
        let suite = try PhaseOneSuite(parsing: &reader)
        let abilities = Abilities(rawValue: try reader.read(UInt8.self))
        let source = try TransportAddress(parsing: &reader)
        let path = try IKEPath(parsing: &reader)
        let peer =
            try reader.readFlag()
            ? IKEServer.Peer(
                source: source, identity: try Identification(parsing: &reader),
                scope: try KeyRing.Scope(parsing: &reader, secrets))
            : nil
        let stage = try Stage(cookies, suite, parsing: &reader, &secrets)
        self.init(cookies, suite, abilities, source: source, stage, path: path)
        self.peer = peer
        nat = NATOutcome(rawValue: try reader.read(UInt8.self))
        expiresAt = try reader.readInstant()
        lastReceived = try reader.readCounted()
        lastSent = try reader.readCounted()
        reassembly = try Reassembly(parsing: &reader)
        try parseUsedIDs(&reader)
        lastHeard = try reader.readInstant()
        probe = try DeadPeerProbe(parsing: &reader)
        guard (peer == nil) == isHalfOpen else { throw .badValue }
    }

    private func serializeUsedIDs(into octets: inout [UInt8]) {
        octets.append(UInt8(clamping: usedIDs.count))
        for (exchange, ids) in usedIDs.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            octets.append(exchange.rawValue)
            octets.appendBigEndian(UInt32(ids.count))
            for id in ids { octets.appendBigEndian(id) }
        }
    }

    private func parseUsedIDs(_ reader: inout ByteReader) throws(WireError) {
        for _ in 0..<(try reader.read(UInt8.self)) {
            let exchange = ExchangeType(rawValue: try reader.read(UInt8.self))
            let count = try reader.readCount()
            guard count <= Self.maxUsedIDs, usedIDs[exchange] == nil else { throw .badLength }
            var ids: [UInt32] = []
            for _ in 0..<count { ids.append(try reader.read(UInt32.self)) }
            usedIDs[exchange] = ids
        }
    }
}

extension ISAKMPSA.Stage {
    fileprivate func serialize(into record: inout SecretRecord) {
        switch self {
        case .awaitingProof(let handshake):
            record.octets.append(0)
            handshake.serialize(into: &record)
        case .established(let established):
            record.octets.append(1)
            established.keys.serialize(into: &record)
            record.octets.appendCounted(established.lastBlock)
            established.identity.serialize(into: &record.octets)
            established.scope.serialize(into: &record)
        case .lingering: record.octets.append(2)
        case .over: record.octets.append(3)
        }
    }

    fileprivate init(
        _ cookies: Cookies, _ suite: PhaseOneSuite, parsing reader: inout ByteReader,
        _ secrets: inout RecordSecrets
    ) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 0:
            self = .awaitingProof(try ISAKMPSA.Handshake(cookies, suite, parsing: &reader, &secrets))
        case 1:
            let established = ISAKMPSA.Established(
                keys: try PhaseOneKeys(suite, from: &secrets), lastBlock: try reader.readCounted(),
                identity: try Identification(parsing: &reader),
                scope: try KeyRing.Scope(parsing: &reader, secrets))
            guard established.lastBlock.count == suite.cipher.blockLength else { throw .badLength }
            self = .established(established)
        case 2: self = .lingering
        // One that is over is forgotten at once.
        default: throw .badValue
        }
    }
}

extension ISAKMPSA.Handshake {
    fileprivate func serialize(into record: inout SecretRecord) {
        exchange.serialize(into: &record)
        record.octets.appendCounted(firstMessage)
        record.octets.appendCounted(offer)
        record.octets.append(lifetime)
        record.octets.append(UInt8(clamping: attempts))
        record.octets.append(claim != nil)
        guard let claim else { return }
        claim.keys.serialize(into: &record)
        claim.identity.serialize(into: &record.octets)
        record.octets.appendCounted(claim.identityBody)
        claim.scope.serialize(into: &record)
    }

    fileprivate init(
        _ cookies: Cookies, _ suite: PhaseOneSuite, parsing reader: inout ByteReader,
        _ secrets: inout RecordSecrets
    ) throws(WireError) {
        exchange = try PhaseOneKeys.Exchange(cookies, parsing: &reader, &secrets)
        firstMessage = try reader.readCounted()
        offer = try reader.readCounted()
        lifetime = try reader.readDuration()
        attempts = Int(try reader.read(UInt8.self))
        guard try reader.readFlag() else { return }
        claim = ISAKMPSA.Claim(
            keys: try PhaseOneKeys(suite, from: &secrets), identity: try Identification(parsing: &reader),
            identityBody: try reader.readCounted(), scope: try KeyRing.Scope(parsing: &reader, secrets))
    }
}

extension Reassembly {
    fileprivate func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(id)
        octets.appendOptional(last) { $0.append($1) }
        octets.append(UInt8(clamping: pieces.count))
        for (number, piece) in pieces.sorted(by: { $0.key < $1.key }) {
            octets.append(number)
            octets.appendCounted(piece)
        }
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        id = try reader.read(UInt16.self)
        last = try reader.readFlag() ? try reader.read(UInt8.self) : nil
        for _ in 0..<(try reader.read(UInt8.self)) {
            let number = try reader.read(UInt8.self)
            guard (1...Self.maxFragments).contains(Int(number)), pieces[number] == nil, last != 0 else {
                throw .badValue
            }
            pieces[number] = try reader.readCounted()
        }
        guard pieces.values.reduce(0, { $0 + $1.count }) <= ISAKMPHeader.maxMessage else { throw .badLength }
    }
}

extension DeadPeerProbe {
    fileprivate func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(sequence)
        octets.appendOptional(received) { $0.appendBigEndian($1) }
        octets.append(UInt8(clamping: unanswered))
        octets.appendOptional(askedAt) { $0.append($1) }
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        sequence = try reader.read(UInt32.self)
        received = try reader.readFlag() ? try reader.read(UInt32.self) : nil
        unanswered = Int(try reader.read(UInt8.self))
        askedAt = try reader.readOptionalInstant()
    }
}
