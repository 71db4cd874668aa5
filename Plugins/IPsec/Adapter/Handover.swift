import EngineParts
import IPsecCore
import OpenSSL
import PluginKit
import Wire

/// A swap: parties of this lane go on in another instance of the module, each with all that the host has of
/// it. A record is the engine's part, and behind it what the shell knows of each place on a hub.
extension IPsecLane {
    private enum Kind: UInt8 {
        /// What the lane shares: `IPsecServer.sharedRecord`, then the sums of the counters.
        case shared = 0
        case party = 1
    }

    // MARK: Out

    func exportConnections(to sink: HandoverSink) {
        settle()
        defer { settle() }
        if !isExporting {
            var shared = HandoverRecord(version: Party.recordVersion, connection: 0, octets: shared())
            defer { wipe(&shared.octets) }
            _ = sink.offer(shared)
        }
        isExporting = true
        var offered: Set<UInt64> = []
        for name in server.names {
            // It may have gone, or stayed, with another SA of its party.
            guard let party = server.party(of: name), offered.insert(party.number).inserted else { continue }
            switch offer(party, to: sink) {
            case .taken: giveUp(party)
            case .stays: continue
            case .later: return
            }
        }
        isExporting = false
    }

    private func shared() -> [UInt8] {
        var engine = server.sharedRecord
        defer { wipe(&engine) }
        // The sums are the module's: one lane brings them.
        var sums: [UInt8] = []
        if index == 0 { module.counters.serializeSums(into: &sums) }
        var octets = [Kind.shared.rawValue]
        // Memory that grows leaves copies behind.
        octets.reserveCapacity(1 + engine.count + sums.count)
        octets += engine
        octets += sums
        return octets
    }

    private func offer(_ party: Party, to sink: HandoverSink) -> HandoverSink.Answer {
        guard !sink.hasRefused(party.number), var engine = server.record(of: party) else { return .stays }
        var record = HandoverRecord(
            version: Party.recordVersion, connection: party.number, octets: [Kind.party.rawValue])
        defer {
            wipe(&engine)
            wipe(&record.octets)
        }
        record.octets.reserveCapacity(5 + engine.count + party.places.count * Holding.length)
        record.octets.appendCounted(engine)
        for place in party.places {
            let holding = holding(of: place)
            holding.serialize(into: &record.octets)
            record.held += holding.held(place.rawValue)
        }
        return sink.offer(record)
    }

    private func holding(of place: PlaceID) -> Holding {
        let (question, client) = (questions.first { $1.place == place }, clients[place])
        return Holding(
            question: question?.value.asked?.rawValue ?? 0, questionToken: question?.key ?? 0,
            accepted: accepted[place]?.rawValue ?? 0, identity: client?.identity.rawValue ?? 0,
            opening: client?.opening?.rawValue ?? 0, session: client?.session?.rawValue ?? 0)
    }

    private func giveUp(_ party: Party) {
        for place in party.places {
            if let token = questions.first(where: { $1.place == place })?.key { questions[token] = nil }
            accepted[place] = nil
            _ = forget(place)
        }
        server.giveUp(party)
    }

    // MARK: In

    func importConnection(_ record: inout HandoverRecord) throws(Status) {
        var octets: [UInt8] = []
        swap(&octets, &record.octets)
        defer {
            wipe(&octets)
            settle()
        }
        do throws(WireError) {
            var reader = ByteReader(octets.rawSpan)
            switch Kind(rawValue: try reader.read(UInt8.self)) {
            case .shared: try takeShared(&reader)
            case .party: try takeParty(&reader, &record)
            case nil: throw .badValue
            }
        } catch {
            throw .refused
        }
    }

    private func takeShared(_ reader: inout ByteReader) throws(WireError) {
        let shared = try IPsecServer.shared(parsing: &reader)
        let sums = reader.remaining > 0 ? try ModuleCounters<Counter>.Sums(parsing: &reader) : nil
        guard reader.remaining == 0 else { throw .badLength }
        // The last that can fail.
        do { try server.take(shared) } catch { throw .badValue }
        if let sums { module.counters.add(sums) }
    }

    private func takeParty(
        _ reader: inout ByteReader, _ record: inout HandoverRecord
    ) throws(WireError) {
        var engine = try reader.readCounted()
        defer { wipe(&engine) }
        let party = try ArrivingParty(parsing: engine) { SystemRandomNumberGenerator() }
        var holdings: [Holding] = []
        for place in party.places {
            let holding = try Holding(parsing: &reader)
            guard holding.fits(place) else { throw .badValue }
            holdings.append(holding)
        }
        guard reader.remaining == 0, server.hasPlace(for: party) else { throw .badValue }
        // From here on nothing fails: the party is ours.
        let places = zip(holdings, party.places)
        for ((holding, place), adopted) in zip(places, server.adopt(party, at: services.now)) {
            let question = Question(adopted.place, ticket: adopted.ticket, hubs: place.hubs)
            keep(holding, question, &record)
        }
    }

    /// `question`: about the place, if one is being decided.
    private func keep(_ holding: Holding, _ question: Question, _ record: inout HandoverRecord) {
        let place = question.place
        if holding.accepted != 0 { accepted[place] = IdentityHandle(rawValue: holding.accepted) }
        if holding.session != 0 || holding.opening != 0 {
            var client = Client(identity: IdentityHandle(rawValue: holding.identity))
            if holding.opening != 0 { client.opening = Ticket(rawValue: holding.opening) }
            if holding.session != 0 { client.session = SessionHandle(rawValue: holding.session) }
            keep(client, place)
            record.name(.session, holding.session != 0 ? holding.session : holding.opening, place.rawValue)
        }
        guard holding.question != 0 else { return }
        let token = nextQuestion
        nextQuestion += 1
        questions[token] = question
        questions[token]?.asked = Ticket(rawValue: holding.question)
        record.name(.question, holding.question, token)
    }

    // MARK: Beside another instance

    func owns(
        _ datagram: PacketSlice, from remote: Endpoint, to local: Endpoint?, on socket: SocketHandle
    ) -> Bool {
        guard let traffic = traffic[socket.rawValue] else { return false }
        let (bytes, remote) = (datagram.bytes, TransportAddress(remote))
        switch traffic {
        case .ike: return server.owns(message: bytes, from: remote)
        case .native: return server.owns(packet: bytes)
        case .shared:
            guard bytes.byteCount > 4, bytes.bigEndian(at: 0, as: UInt32.self) == 0 else {
                return server.owns(packet: bytes)
            }
            return server.owns(message: bytes.extracting(droppingFirst: 4), from: remote)
        }
    }

    var remainingConnections: Int { server.saCount }
}

extension HandoverRecord {
    /// Writes the token by which this instance knows a thing.
    fileprivate mutating func name(_ kind: HeldThing.Kind, _ handle: UInt64, _ token: UInt64) {
        for index in held.indices where held[index].kind == kind && held[index].handle == handle {
            held[index].token = token
        }
    }
}

// MARK: - What the shell knows

/// What the host has of a place on a hub; zero where there is none.
private struct Holding {
    static let length = 5 * 8

    /// The ticket of a question about it.
    let question: UInt64
    let questionToken: UInt64
    /// Of somebody who was accepted and has no session yet.
    let accepted: UInt64
    let identity: UInt64
    let opening: UInt64
    let session: UInt64

    func serialize(into octets: inout [UInt8]) {
        for handle in [question, accepted, identity, opening, session] { octets.appendBigEndian(handle) }
    }

    /// What is the place's, by the tokens of this instance.
    func held(_ place: UInt64) -> [HeldThing] {
        let things: [(HeldThing.Kind, UInt64, UInt64)] = [
            (.question, question, questionToken), (.identity, accepted, 0),
            (.session, session != 0 ? session : opening, place),
        ]
        return things.filter { $0.1 != 0 }.map { HeldThing($0.0, $0.1, token: $0.2) }
    }
}

extension Holding {
    init(parsing reader: inout ByteReader) throws(WireError) {
        question = try reader.read(UInt64.self)
        questionToken = 0
        accepted = try reader.read(UInt64.self)
        identity = try reader.read(UInt64.self)
        opening = try reader.read(UInt64.self)
        session = try reader.read(UInt64.self)
        guard opening == 0 || session == 0, accepted == 0 || opening == 0 && session == 0 else {
            throw .badValue
        }
    }

    /// Whether the engine and the host are as far as each other.
    func fits(_ place: ArrivingPlace) -> Bool {
        place.isAsked == (question != 0) && (!place.isOpen || session != 0)
            && (!place.isOpening || opening != 0)
    }
}
