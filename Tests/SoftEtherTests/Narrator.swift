import Testing
import Wire

@testable import SoftEtherCore

/// Where all clients come from.
let peer = TransportAddress(ipv4: 0xc633_6407, port: 5000)

/// A server whose outputs become lines, and clients made by hand. Streams have the numbers of their clients.
final class Narrator {
    private(set) var server: Server
    /// Whatever comes next meets another instance of the engine.
    var swapsAllTheTime = false
    private(set) var swaps = 0
    var now = Instant(nanoseconds: 1_000_000_000_000)
    /// What came out last, by stream.
    var answers: [UInt64: Answer] = [:]
    var keepAlives = 0
    private(set) var questions: [UInt64] = []
    private(set) var openings: [UInt64] = []

    init(lane: Int = 1, lanes: Int = 4, _ change: (inout ServerOptions) -> Void = { _ in }) {
        var options = ServerOptions(software: ServerSoftware(name: "Test", version: 502, build: 1))
        change(&options)
        server = Server(options, lane: lane, lanes: lanes, random: SplitMix64(seed: 7))
    }

    /// All outputs since the last call.
    func lines() -> [String] {
        var lines: [String] = []
        while let output = server.nextOutput() {
            if let line = line(output) { lines.append(line) }
        }
        if swapsAllTheTime { swap() }
        return lines
    }

    /// Another instance of the engine takes over. It has everything as the former had it.
    func swap() {
        let former = server
        let wasIdle = former.connections.isEmpty && former.sessions.isEmpty
        server = successor()
        for stream in former.unattached.sorted() {
            guard let record = former.record(ofStream: stream) else { continue }
            #expect(throws: Never.self) { try server.adoptConnection(record, at: now) }
            #expect(server.record(ofStream: stream) == record)
            former.giveUp(stream: stream)
        }
        for id in former.sessions.keys.sorted() {
            guard let record = former.record(ofSession: id) else { continue }
            #expect(throws: Never.self) { try server.adoptSession(record, at: now) }
            #expect(server.record(ofSession: id) == record)
            former.giveUp(session: id)
        }
        #expect(former.connections.isEmpty && former.sessions.isEmpty && former.questions.isEmpty)
        #expect(wasIdle || former.deadline == nil)
        #expect(former.nextOutput() == nil, "neither the clients nor the host hear of it")
        server.adoptionEnded()
        swaps += 1
    }

    /// An instance that knows what the lane shares, and has nothing of it yet.
    func successor() -> Server {
        let made = Server(
            server.options, lane: server.lane, lanes: server.lanes, random: SplitMix64(seed: 8))
        made.accelerationPort = server.accelerationPort
        var shared: [UInt8] = []
        server.serializeShared(into: &shared)
        var reader = ByteReader(shared.rawSpan)
        #expect(throws: Never.self) { try made.take(Server.Shared(parsing: &reader)) }
        return made
    }

    private func line(_ output: Output) -> String? {
        switch output {
        case .send(let octets, let stream):
            if octets.starts(with: [0xff, 0xff, 0xff, 0xff]) {
                keepAlives += 1
                return nil
            }
            answers[stream] = Answer(octets)
            let error = answers[stream]?.pack?.integer("error").map { " error \($0)" } ?? ""
            return "<-- \(stream) \(answers[stream]!.status)\(error)"
        case .closeStream(let stream): return "close \(stream)"
        case .moveStream(let stream, let lane): return "move \(stream) to lane \(lane)"
        case .authenticate(let question, let login, let challenge, let stream):
            questions.append(question)
            return "who is \(login.user)@\(login.hub) of \(stream) (\(challenge.count))"
        case .changePassword(let question, let change, let challenge, let stream):
            questions.append(question)
            let counts = "(\(challenge.count), \(change.ntHash.count))"
            return "change \(change.user)@\(change.hub) of \(stream) \(counts)"
        case .withdrawAuthentication(let question):
            questions.removeAll { $0 == question }
            return "withdraw"
        case .keepAliveDatagram: return "datagram"
        case .warn(let words): return "warn: \(words)"
        case .openSession(let id, _, let stream):
            openings.append(id)
            let terms = server.sessions[id]!.terms
            return "open for \(stream), \(terms.connections) connections\(terms.isHalfDuplex ? " half" : "")"
        case .closeSession(let id, let reason):
            openings.removeAll { $0 == id }
            return "end: \(reason.rawValue)"
        }
    }

    // MARK: Clients

    @discardableResult
    func hear(_ bytes: [UInt8], _ stream: UInt64) -> Int {
        server.receive(bytes.rawSpan, stream: stream, at: now)
    }

    func knock(_ stream: UInt64) {
        server.opened(stream: stream, from: peer, at: now)
        hear(signature(), stream)
        #expect(lines() == ["<-- \(stream) 200"])
    }

    static func login(_ change: (inout Pack) -> Void = { _ in }) -> [UInt8] {
        var pack = Pack()
        pack.set("method", "login")
        pack.set("hubname", "LAB")
        pack.set("username", "alice")
        pack.set("authtype", 1 as UInt32)
        pack.set("secure_password", [UInt8](repeating: 1, count: 20))
        pack.set("max_connection", 8 as UInt32)
        change(&pack)
        return request(pack)
    }

    static func passwordChange(_ change: (inout Pack) -> Void = { _ in }) -> [UInt8] {
        var pack = Pack()
        pack.set("method", "password")
        pack.set("hubname", "LAB")
        pack.set("username", "alice")
        pack.set("secure_old_password", [UInt8](repeating: 1, count: 20))
        pack.set("new_password", [UInt8](repeating: 2, count: 20))
        pack.set("new_password_ntlm", [UInt8](repeating: 3, count: 16))
        change(&pack)
        return request(pack)
    }

    static func additional(_ key: [UInt8]) -> [UInt8] {
        var pack = Pack()
        pack.set("method", "additional_connect")
        pack.set("session_key", key)
        return request(pack)
    }

    /// A client with a session; its key.
    func connect(_ stream: UInt64, _ change: (inout Pack) -> Void = { _ in }) throws -> [UInt8] {
        knock(stream)
        hear(Self.login(change), stream)
        _ = lines()
        server.decided(try #require(takeQuestion()), nil, at: now)
        _ = lines()
        server.sessionOpened(try #require(takeOpening()), at: now)
        #expect(lines() == ["<-- \(stream) 200"])
        return try #require(answers[stream]?.pack?.octets("session_key"))
    }

    func join(_ stream: UInt64, _ key: [UInt8]) -> [String] {
        knock(stream)
        hear(Self.additional(key), stream)
        return lines()
    }

    func pass(_ seconds: Int) -> [String] {
        var all: [String] = []
        for _ in 0..<seconds {
            now = now.advanced(by: .seconds(1))
            server.handleTimeout(at: now)
            all += lines()
        }
        return all
    }

    /// Everybody has just said something.
    func chatter() { for connection in server.connections.values { connection.heardAt = now } }

    func takeQuestion() -> UInt64? { questions.popLast() }
    func takeOpening() -> UInt64? { openings.popLast() }
}
