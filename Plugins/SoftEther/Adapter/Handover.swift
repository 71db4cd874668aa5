import EngineParts
import OpenSSL
import PluginKit
import SoftEtherCore
import Wire

/// A swap: what there is on this lane goes on in another instance of the module. A session goes with all of
/// its streams, who is on his way to one goes alone. Each record begins with what it is, and ends with the
/// engine's part; between them stands what the shell knows.
extension SoftEtherLane {
    private enum Kind: UInt8 {
        /// What the lane shares: `Server.serializeShared`, the directory, then the sums of the counters.
        case shared = 0
        case session = 1
        /// A stream that is on its way to a session.
        case stream = 2
    }

    // MARK: Out

    /// Who is on his way goes first: what he asks for may be a session, and he is not to be told that there
    /// is none where it has just left.
    func exportConnections(to sink: HandoverSink) {
        defer { alarm.move(to: server.deadline, services) }
        if !isExporting {
            var octets = shared()
            _ = sink.offer(HandoverRecord(version: SessionRecord.version, connection: 0, octets: octets))
            wipe(&octets)
        }
        isExporting = true
        // A question belongs to one stream.
        let asked = Dictionary(
            questions.keys.compactMap { question in server.stream(ofQuestion: question).map { ($0, question) }
            },
            uniquingKeysWith: { first, _ in first })
        for stream in server.unattached where offer(stream: stream, asking: asked[stream], to: sink) == .later
        {
            return
        }
        for id in server.sessions.keys.sorted() where offer(session: id, to: sink) == .later { return }
        isExporting = false
    }

    private func shared() -> [UInt8] {
        var octets = [Kind.shared.rawValue]
        server.serializeShared(into: &octets)
        module.directory.serialize(into: &octets)
        // The sums are the module's: one lane brings them.
        guard lane == 0 else { return octets }
        module.counters.serializeSums(into: &octets)
        return octets
    }

    private func offer(
        stream: UInt64, asking question: UInt64?, to sink: HandoverSink
    ) -> HandoverSink.Answer {
        // Apart from sessions, whose numbers never get that far.
        let number = 1 << 63 | stream
        guard let link = links[stream], !sink.hasRefused(number),
            var engine = server.record(ofStream: stream)
        else { return .stays }
        var record = HandoverRecord(
            version: SessionRecord.version, connection: number, octets: [Kind.stream.rawValue])
        defer {
            wipe(&engine)
            wipe(&record.octets)
        }
        let ticket = question.flatMap { questions[$0] }
        link.serialize(into: &record.octets)
        record.octets.appendBigEndian(question ?? 0)
        record.octets.appendBigEndian(ticket?.rawValue ?? 0)
        record.octets += engine
        record.held.append(HeldThing(.stream, link.handle.rawValue, token: stream))
        if let question, let ticket {
            record.held.append(HeldThing(.question, ticket.rawValue, token: question))
        }
        let answer = sink.offer(record)
        guard answer == .taken else { return answer }
        links[stream] = nil
        if let question { questions[question] = nil }
        server.giveUp(stream: stream)
        return .taken
    }

    private func offer(session id: UInt64, to sink: HandoverSink) -> HandoverSink.Answer {
        guard let client = clients[id], let handle = client.handle?.rawValue ?? client.opening?.rawValue,
            !sink.hasRefused(id), var engine = server.record(ofSession: id)
        else { return .stays }
        var record = HandoverRecord(
            version: SessionRecord.version, connection: id, octets: [Kind.session.rawValue])
        defer {
            wipe(&engine)
            wipe(&record.octets)
        }
        client.serialize(into: &record.octets)
        record.held.append(HeldThing(.session, handle, token: id))
        let streams = client.session.connections.map(\.stream)
        for link in streams.compactMap({ links[$0] }) {
            link.serialize(into: &record.octets)
            record.held.append(HeldThing(.stream, link.handle.rawValue, token: link.handle.rawValue))
        }
        record.octets += engine
        let answer = sink.offer(record)
        guard answer == .taken else { return answer }
        for stream in streams { links[stream] = nil }
        // The directory keeps the session: lanes that are not taken over yet pass its datagrams on.
        clients[id] = nil
        server.giveUp(session: id)
        return .taken
    }

    // MARK: In

    func importConnection(_ record: inout HandoverRecord) throws(Status) {
        defer { alarm.move(to: server.deadline, services) }
        var octets: [UInt8] = []
        swap(&octets, &record.octets)
        defer { wipe(&octets) }
        do throws(WireError) {
            var reader = ByteReader(octets.rawSpan)
            switch Kind(rawValue: try reader.read(UInt8.self)) {
            case .shared: try takeShared(&reader)
            case .session: try takeSession(&reader)
            case .stream: try takeStream(&reader)
            case nil: throw .badValue
            }
        } catch {
            throw .refused
        }
    }

    private func takeShared(_ reader: inout ByteReader) throws(WireError) {
        let shared = try Server.Shared(parsing: &reader)
        let told = try AccelerationDirectory.Told(parsing: &reader)
        let sums = reader.remaining > 0 ? try ModuleCounters<Counter>.Sums(parsing: &reader) : nil
        // The last that can fail.
        try server.take(shared)
        module.directory.succeed(told, on: lane)
        if let sums { module.counters.add(sums) }
    }

    private func takeStream(_ reader: inout ByteReader) throws(WireError) {
        let link = try Link(parsing: &reader)
        let (question, ticket) = (try reader.read(UInt64.self), try reader.read(UInt64.self))
        var engine = reader.rest()
        defer { wipe(&engine) }
        // The last that can fail: from here on the connection is ours.
        let connection = try server.adoptConnection(engine, at: services.now)
        links[connection.stream] = link
        if question != 0 { questions[question] = Ticket(rawValue: ticket) }
    }

    private func takeSession(_ reader: inout ByteReader) throws(WireError) {
        let shell = try Client.Shell(parsing: &reader)
        var taken: [Link] = []
        for _ in 0..<shell.streams { taken.append(try Link(parsing: &reader)) }
        var engine = reader.rest()
        defer { wipe(&engine) }
        let session = try server.adoptSession(engine, at: services.now)
        guard session.connections.map(\.stream) == taken.map(\.handle.rawValue) else {
            server.giveUp(session: session.id)
            throw .badValue
        }
        for link in taken { links[link.handle.rawValue] = link }
        let client = Client(session, shell)
        clients[session.id] = client
        guard let acceleration = session.acceleration, let origin = client.origin else { return }
        let place = AccelerationDirectory.Place(lane: lane, session: session.id)
        module.directory.add(place, from: origin, key: acceleration.peerKey)
    }

    func importEnded() {
        server.adoptionEnded()
        module.directory.succeeded(on: lane, to: Set(clients.keys))
    }

    // MARK: Beside another instance

    func owns(
        _ datagram: PacketSlice, from remote: Endpoint, to local: Endpoint?, on socket: SocketHandle
    ) -> Bool {
        let octets = unsafe datagram.bytes.withUnsafeBytes { unsafe Array($0) }
        guard let place = module.directory.look(for: octets, from: remote).place else { return false }
        return place.lane == lane && clients[place.session] != nil
    }

    var remainingConnections: Int { server.unattached.count + server.sessions.count }
}

// MARK: - What the shell knows

extension SoftEtherLane.Link {
    fileprivate func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(handle.rawValue)
        TransportAddress(remote).serialize(into: &octets)
        octets.append(cipher)
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        handle = StreamHandle(rawValue: try reader.read(UInt64.self))
        remote = Endpoint(try TransportAddress(parsing: &reader))
        cipher = try reader.readText()
    }
}

extension SoftEtherLane.Client {
    /// All but the session itself.
    struct Shell {
        let opening: UInt64
        let handle: UInt64
        let turn: Int
        let origin: Endpoint?
        let path: Path?
        let streams: Int

        init(parsing reader: inout ByteReader) throws(WireError) {
            opening = try reader.read(UInt64.self)
            handle = try reader.read(UInt64.self)
            turn = Int(try reader.read(UInt16.self))
            origin = try reader.readOptionalEndpoint()
            path =
                try reader.readFlag()
                ? Path(
                    remote: Endpoint(try TransportAddress(parsing: &reader)),
                    local: try reader.readOptionalEndpoint()) : nil
            streams = Int(try reader.read(UInt8.self))
            guard (opening == 0) != (handle == 0), turn <= SessionTerms.maxConnections else {
                throw .badValue
            }
        }
    }

    fileprivate func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(handle == nil ? opening?.rawValue ?? 0 : 0)
        octets.appendBigEndian(handle?.rawValue ?? 0)
        octets.appendBigEndian(UInt16(turn))
        octets.appendOptional(origin) { TransportAddress($1).serialize(into: &$0) }
        octets.appendOptional(path) { octets, path in
            TransportAddress(path.remote).serialize(into: &octets)
            octets.appendOptional(path.local) { TransportAddress($1).serialize(into: &$0) }
        }
        octets.append(UInt8(session.connections.count))
    }

    fileprivate convenience init(_ session: Session, _ shell: Shell) {
        self.init(session)
        opening = shell.opening == 0 ? nil : Ticket(rawValue: shell.opening)
        handle = shell.handle == 0 ? nil : SessionHandle(rawValue: shell.handle)
        turn = shell.turn
        origin = shell.origin
        path = shell.path
    }
}

extension ByteReader {
    fileprivate mutating func readOptionalEndpoint() throws(WireError) -> Endpoint? {
        try readFlag() ? Endpoint(try TransportAddress(parsing: &self)) : nil
    }
}
