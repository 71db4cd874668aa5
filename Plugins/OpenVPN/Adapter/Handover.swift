import OpenSSL
import OpenVPNCore
import PluginKit
import Wire

/// A swap: connections of this lane go on in another instance of the module. Each record begins with what it
/// is; the engine's part is `ConnectionRecord`, behind it stands what the shell knows.
extension OpenVPNLane {
    private enum Kind: UInt8 {
        /// What the lane shares: `Server.serializeShared`, then the sums of the counters.
        case shared = 0
        case connection = 1
        /// A TCP connection that has said nothing yet.
        case stream = 2
    }

    // MARK: Out

    func exportConnections(to sink: HandoverSink) {
        defer {
            counters.take(from: server)
            alarm.move(to: server.deadline, services)
        }
        _ = sink.offer(HandoverRecord(version: ConnectionRecord.version, connection: 0, octets: shared()))
        // A connection has one question out at most.
        let asked = Dictionary(
            questions.map { ($0.value.connection, $0.key) }, uniquingKeysWith: { first, _ in first })
        for id in server.connectionIDs {
            switch offer(id, asking: asked[id], to: sink) {
            case .taken: forgetAll(of: id, asking: asked[id])
            case .stays: continue
            case .later: return
            }
        }
        for link in streams.values where server.connectionID(on: link.path) == nil {
            switch offer(link, to: sink) {
            case .taken: streams[link.handle.rawValue] = nil
            case .stays: continue
            case .later: return
            }
        }
    }

    private func shared() -> [UInt8] {
        var octets = [Kind.shared.rawValue]
        server.serializeShared(into: &octets)
        // The sums are the module's: one lane brings them.
        guard server.lane == 0 else { return octets }
        module.counters.serializeSums(into: &octets)
        return octets
    }

    private func offer(
        _ id: ConnectionID, asking question: UInt64?, to sink: HandoverSink
    ) -> HandoverSink.Answer {
        guard !sink.hasRefused(id.rawValue), var engine = server.record(of: id) else { return .stays }
        var record = HandoverRecord(
            version: ConnectionRecord.version, connection: id.rawValue, octets: [Kind.connection.rawValue])
        defer {
            wipe(&engine.octets)
            wipe(&record.octets)
        }
        record.octets.appendBigEndian(UInt32(engine.octets.count))
        record.octets += engine.octets
        unsafe record.objects = engine.sessions
        serialize(client(id), into: &record)
        serialize(question.flatMap { key in questions[key].map { (key, $0) } }, into: &record)
        serialize(stream(of: id), into: &record)
        return sink.offer(record)
    }

    private func serialize(_ client: Client?, into record: inout HandoverRecord) {
        record.octets.appendBigEndian(client?.opening?.rawValue ?? 0)
        record.octets.appendBigEndian(client?.session?.rawValue ?? 0)
        record.octets.appendBigEndian(client?.identity.rawValue ?? 0)
        guard let client, let session = client.session?.rawValue ?? client.opening?.rawValue else { return }
        record.held.append(HeldThing(.session, session, token: client.connection.id.rawValue))
    }

    private func serialize(_ asked: (key: UInt64, value: Question)?, into record: inout HandoverRecord) {
        record.octets.appendBigEndian(asked?.value.asked?.rawValue ?? 0)
        record.octets.appendBigEndian(asked?.value.ticket ?? 0)
        record.octets.append(asked?.value.isRenewal == true ? 1 : 0)
        guard let asked, let ticket = asked.value.asked else { return }
        record.held.append(HeldThing(.question, ticket.rawValue, token: asked.key))
    }

    private func serialize(_ link: StreamLink?, into record: inout HandoverRecord) {
        guard let link else { return }
        record.octets.appendBigEndian(UInt32(link.control))
        record.octets += link.backlog
        record.held.append(HeldThing(.stream, link.handle.rawValue, token: link.handle.rawValue))
    }

    private func offer(_ link: StreamLink, to sink: HandoverSink) -> HandoverSink.Answer {
        var octets = [Kind.stream.rawValue]
        link.path.serialize(into: &octets)
        // Apart from connections, whose generation never gets that far.
        let number = 1 << 63 | link.handle.rawValue
        var record = HandoverRecord(version: ConnectionRecord.version, connection: number, octets: octets)
        record.held = [HeldThing(.stream, link.handle.rawValue, token: link.handle.rawValue)]
        return sink.offer(record)
    }

    private func forgetAll(of id: ConnectionID, asking question: UInt64?) {
        if let link = stream(of: id) { streams[link.handle.rawValue] = nil }
        if let question { questions[question] = nil }
        _ = forget(id)
        server.giveUp(id)
    }

    private func stream(of id: ConnectionID) -> StreamLink? {
        guard let path = server.connection(id)?.path, path.transport == .stream else { return nil }
        return streams[path.handle]
    }

    // MARK: In

    func importConnection(_ record: inout HandoverRecord) throws(Status) {
        defer {
            counters.take(from: server)
            alarm.move(to: server.deadline, services)
        }
        var octets: [UInt8] = []
        swap(&octets, &record.octets)
        defer { wipe(&octets) }
        do throws(WireError) {
            var reader = ByteReader(octets.rawSpan)
            switch Kind(rawValue: try reader.read(UInt8.self)) {
            case .shared: try takeShared(&reader)
            case .connection: try takeConnection(&reader, &record)
            case .stream:
                let path = try Path(parsing: &reader)
                streams[path.handle] = StreamLink(handle: StreamHandle(rawValue: path.handle), path: path)
            case nil: throw .badValue
            }
        } catch {
            throw .refused
        }
    }

    private func takeShared(_ reader: inout ByteReader) throws(WireError) {
        let shared = try Server.Shared(parsing: &reader)
        let sums = reader.remaining > 0 ? try ModuleCounters<Counter>.Sums(parsing: &reader) : nil
        // The last that can fail.
        try server.take(shared)
        if let sums { module.counters.add(sums) }
    }

    private func takeConnection(
        _ reader: inout ByteReader, _ record: inout HandoverRecord
    ) throws(WireError) {
        var engine = ConnectionRecord()
        engine.octets = try reader.take(Int(try reader.read(UInt32.self)))
        unsafe engine.sessions = record.objects
        defer { wipe(&engine.octets) }
        let (opening, session, identity) = (
            try reader.read(UInt64.self), try reader.read(UInt64.self), try reader.read(UInt64.self)
        )
        let (asked, ticket, isRenewal) = (
            try reader.read(UInt64.self), try reader.read(UInt64.self), try reader.read(UInt8.self) != 0
        )
        let control = reader.remaining > 0 ? Int(try reader.read(UInt32.self)) : 0
        let backlog = reader.rest()
        // The last that can fail: from here on the connection is ours.
        let connection = try server.adopt(engine)
        if opening != 0 || session != 0 {
            let client = Client(connection, IdentityHandle(rawValue: identity))
            client.opening = session == 0 ? Ticket(rawValue: opening) : nil
            client.session = session == 0 ? nil : SessionHandle(rawValue: session)
            keep(client)
        }
        if asked != 0 {
            questions[nextQuestion] = Question(
                connection: connection.id, ticket: ticket, isRenewal: isRenewal,
                asked: Ticket(rawValue: asked))
            for index in record.held.indices where record.held[index].kind == .question {
                record.held[index].token = nextQuestion
            }
            nextQuestion += 1
        }
        guard connection.path.transport == .stream else { return }
        let handle = StreamHandle(rawValue: connection.path.handle)
        streams[handle.rawValue] = StreamLink(
            handle: handle, path: connection.path, backlog: backlog, control: control)
    }

    func importEnded() { server.adoptionEnded() }

    // MARK: Beside another instance

    func owns(
        _ datagram: PacketSlice, from remote: Endpoint, to local: Endpoint?, on socket: SocketHandle
    ) -> Bool {
        let path = Path(
            .datagram, handle: socket.rawValue, remote: TransportAddress(remote),
            local: local.map { TransportAddress($0) })
        return server.owns(datagram.bytes, from: path)
    }

    var remainingConnections: Int {
        server.connectionCount + streams.values.count { server.connectionID(on: $0.path) == nil }
    }
}
