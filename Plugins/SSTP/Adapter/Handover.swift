import EngineParts
import OpenSSL
import PluginKit
import SSTPCore
import Wire

/// A swap: what there is on this lane goes on in another instance of the module, each client with its stream.
/// They share nothing but the counters. A client's record is what the shell knows, and behind it the engine's
/// part.
extension SSTPLane {
    private enum Kind: UInt8 {
        /// The sums of the counters.
        case shared = 0
        case client = 1
    }

    // MARK: Out

    func exportConnections(to sink: HandoverSink) {
        // The sums are the module's: one lane brings them.
        if !isExporting, index == 0 {
            var octets = [Kind.shared.rawValue]
            module.counters.serializeSums(into: &octets)
            _ = sink.offer(HandoverRecord(version: ConnectionRecord.version, connection: 0, octets: octets))
        }
        isExporting = true
        for client in Array(clients.values) {
            switch offer(client, to: sink) {
            case .taken: giveUp(client)
            case .stays: continue
            case .later: return
            }
        }
        isExporting = false
    }

    private func offer(_ client: Client, to sink: HandoverSink) -> HandoverSink.Answer {
        let stream = client.stream.rawValue
        guard !sink.hasRefused(stream), var engine = client.connection.record else { return .stays }
        var record = HandoverRecord(
            version: ConnectionRecord.version, connection: stream, octets: [Kind.client.rawValue])
        defer {
            wipe(&engine)
            wipe(&record.octets)
        }
        client.serialize(halfOpenSince: halfOpen.entry(of: stream)?.beganAt, into: &record.octets)
        // Memory that grows leaves copies behind.
        record.octets.reserveCapacity(record.octets.count + engine.count)
        record.octets += engine
        record.held = client.held
        return sink.offer(record)
    }

    /// The client goes on elsewhere, and hears nothing.
    private func giveUp(_ client: Client) {
        clients[client.stream.rawValue] = nil
        halfOpen.remove(client.stream.rawValue)
        count(.connections, by: -1)
        client.alarm.move(to: nil, services)
    }

    // MARK: In

    func importConnection(_ record: inout HandoverRecord) throws(PluginKit.Status) {
        var octets: [UInt8] = []
        swap(&octets, &record.octets)
        defer { wipe(&octets) }
        do throws(WireError) {
            var reader = ByteReader(octets.rawSpan)
            switch Kind(rawValue: try reader.read(UInt8.self)) {
            case .shared: try takeShared(&reader)
            case .client: try takeClient(&reader)
            case nil: throw .badValue
            }
        } catch {
            throw .refused
        }
    }

    private func takeShared(_ reader: inout ByteReader) throws(WireError) {
        let sums = try ModuleCounters<Counter>.Sums(parsing: &reader)
        guard reader.remaining == 0 else { throw .badLength }
        module.counters.add(sums)
    }

    private func takeClient(_ reader: inout ByteReader) throws(WireError) {
        let shell = try Client.Shell(parsing: &reader)
        var engine = reader.rest()
        defer { wipe(&engine) }
        guard clients[shell.stream] == nil, let options = module.options else { throw .badValue }
        // The last that can fail: from here on the client is ours.
        let client = Client(
            try Connection(engine, options, random: SystemRandomNumberGenerator()), shell)
        insert(client, halfOpenSince: shell.halfOpenSince)
        client.alarm.move(to: client.connection.deadline, services)
    }
}

// MARK: - What the shell knows

extension Client {
    struct Shell {
        let stream: UInt64
        let remote: Endpoint
        let cipher: String
        /// Zero where there is none, as of what follows.
        let question: UInt64
        let identity: UInt64
        let opening: UInt64
        let session: UInt64
        let backlog: [UInt8]
        /// Nil once it has a session.
        let halfOpenSince: Instant?

        init(parsing reader: inout ByteReader) throws(WireError) {
            stream = try reader.read(UInt64.self)
            remote = Endpoint(try TransportAddress(parsing: &reader))
            cipher = try reader.readText()
            question = try reader.read(UInt64.self)
            identity = try reader.read(UInt64.self)
            opening = try reader.read(UInt64.self)
            session = try reader.read(UInt64.self)
            backlog = try reader.readCounted()
            halfOpenSince = try reader.readOptionalInstant()
            guard opening == 0 || session == 0, backlog.count <= Client.maxBacklog else { throw .badValue }
        }
    }

    fileprivate func serialize(halfOpenSince: Instant?, into octets: inout [UInt8]) {
        octets.appendBigEndian(stream.rawValue)
        TransportAddress(remote).serialize(into: &octets)
        octets.append(cipher)
        octets.appendBigEndian(question?.rawValue ?? 0)
        octets.appendBigEndian(identity?.rawValue ?? 0)
        octets.appendBigEndian(opening?.rawValue ?? 0)
        octets.appendBigEndian(session?.rawValue ?? 0)
        octets.appendCounted(backlog)
        octets.appendOptional(halfOpenSince) { $0.append($1) }
    }

    fileprivate convenience init(_ connection: Connection, _ shell: Shell) {
        self.init(
            StreamHandle(rawValue: shell.stream), from: shell.remote, cipher: shell.cipher, connection)
        question = shell.question == 0 ? nil : Ticket(rawValue: shell.question)
        identity = shell.identity == 0 ? nil : IdentityHandle(rawValue: shell.identity)
        opening = shell.opening == 0 ? nil : Ticket(rawValue: shell.opening)
        session = shell.session == 0 ? nil : SessionHandle(rawValue: shell.session)
        backlog = shell.backlog
    }

    /// Everything of the host's that is the client's. The stream is the token of all of it.
    fileprivate var held: [HeldThing] {
        let things: [(HeldThing.Kind, UInt64?)] = [
            (.stream, stream.rawValue), (.question, question?.rawValue), (.identity, identity?.rawValue),
            (.session, session?.rawValue ?? opening?.rawValue),
        ]
        return things.compactMap { kind, handle in
            handle.map { HeldThing(kind, $0, token: stream.rawValue) }
        }
    }
}
