import Wire

@testable import SoftEtherCore

extension FuzzTarget {
    static let softEtherTargets = [
        FuzzTarget("softether-pack", pack), FuzzTarget("softether-http", http),
        FuzzTarget("softether-blocks", blocks),
        FuzzTarget("softether-server") { bytes in
            var run = SoftEtherRun(bytes)
            run.perform()
        },
    ]

    private static func pack(_ bytes: [UInt8]) {
        _ = try? Request(bytes)
        var reader = ByteReader(bytes.rawSpan)
        guard let pack = try? Pack(parsing: &reader) else { return }
        var again: [UInt8] = []
        pack.serialize(into: &again)
        precondition(again == bytes, "a Pack does not survive the way there and back")
    }

    private static func http(_ bytes: [UInt8]) {
        var whole = HTTPRequestReader()
        guard let request = try? whole.read(bytes.rawSpan) else { return }
        precondition(request.length <= bytes.count && request.body.count <= HTTPRequest.maxBody)
        var pieces = HTTPRequestReader()
        for count in 0..<request.length {
            let early = try? pieces.read(bytes.rawSpan.extracting(first: count))
            precondition(early == nil, "a request is complete before its end")
        }
        let again = try? pieces.read(Array(bytes[..<request.length]).rawSpan)
        precondition(again == request, "a request is read otherwise in pieces")
    }

    /// In one piece and octet by octet the same blocks come out.
    private static func blocks(_ bytes: [UInt8]) {
        var whole = BlockReader()
        var pieces = BlockReader()
        let expected = read(bytes, &whole)
        var found: [[UInt8]] = []
        var waiting: [UInt8] = []
        for octet in bytes {
            waiting.append(octet)
            let (blocks, taken, isBroken) = read(waiting, &pieces)
            found += blocks
            if isBroken { break }
            waiting.removeFirst(taken)
            precondition(waiting.count < BlockReader.maxBlock + 8, "more is waited for than a block has")
        }
        precondition(found == expected.blocks, "blocks depend on how their octets come")
    }

    private static func read(
        _ bytes: [UInt8], _ reader: inout BlockReader
    ) -> (blocks: [[UInt8]], taken: Int, isBroken: Bool) {
        var blocks: [[UInt8]] = []
        var position = 0
        while true {
            switch reader.next(in: bytes.rawSpan, at: &position) {
            case .block(let range): blocks.append(Array(bytes[range]))
            case .other: continue
            case .incomplete: return (blocks, position, false)
            case .broken: return (blocks, position, true)
            }
        }
    }
}

/// A server of one lane whose clients send what the input says. The input is steps: an octet that names one
/// and the client, and then its arguments; octet strings have their length (two octets) in front. A server
/// that is told to stop has forgotten everybody.
private struct SoftEtherRun {
    private static let maxSteps = 64
    private static let peer = TransportAddress(ipv4: 0xc633_6407, port: 5000)

    private let server: Server
    private var input: ArraySlice<UInt8>
    private var now = Instant(nanoseconds: 1_000_000_000)
    private var questions: [UInt64] = []
    private var openings: [UInt64] = []
    private var waiting: [UInt64: [UInt8]] = [:]

    init(_ bytes: [UInt8]) {
        input = bytes[...]
        var options = ServerOptions(software: ServerSoftware(name: "Fuzz", version: 502, build: 1))
        options.maxConnections = 4
        server = Server(options, lane: 0, lanes: 2, random: SystemRandomNumberGenerator())
    }

    mutating func perform() {
        for _ in 0..<Self.maxSteps {
            guard let step = input.popFirst() else { break }
            take(step & 7, stream: UInt64(step >> 3 & 7))
            drain()
            precondition(server.connections.count <= 4 && server.sessions.count <= 4)
        }
        server.stop(at: now)
        drain()
        precondition(server.connections.isEmpty && server.sessions.isEmpty)
    }

    private mutating func take(_ step: UInt8, stream: UInt64) {
        switch step {
        case 0: server.opened(stream: stream, from: Self.peer, isKnown: stream == 7, at: now)
        case 1: hear(string(), stream)
        case 2: hear(post("/vpnsvc/connect.cgi", "image/jpeg", Array("VPNCONNECT".utf8)), stream)
        case 3: hear(post("/vpnsvc/vpn.cgi", "application/octet-stream", string()), stream)
        case 4:
            if let question = questions.popLast() {
                server.decided(question, stream == 7 ? .authenticationFailed : nil, at: now)
            }
        case 5:
            if let session = openings.popLast() { server.sessionOpened(session, at: now) }
        case 6: server.closed(stream: stream, isOrderly: stream & 1 == 0, at: now)
        default:
            now = now.advanced(by: .seconds(Int(stream) * 3))
            server.handleTimeout(at: now)
        }
    }

    private mutating func hear(_ bytes: [UInt8], _ stream: UInt64) {
        let all = waiting[stream, default: []] + bytes
        let taken = server.receive(all.rawSpan, stream: stream, at: now)
        precondition(taken <= all.count)
        waiting[stream] = server.connections[stream] == nil ? nil : Array(all[taken...])
    }

    private mutating func drain() {
        while let output = server.nextOutput() {
            switch output {
            case .authenticate(let question, _, _, _), .changePassword(let question, _, _, _):
                questions.append(question)
            case .openSession(let id, _, _): openings.append(id)
            case .send, .closeStream, .moveStream, .withdrawAuthentication, .closeSession, .keepAliveDatagram,
                .warn:
                break
            }
        }
    }

    private mutating func string() -> [UInt8] {
        guard let high = input.popFirst(), let low = input.popFirst() else { return [] }
        let string = input.prefix(Int(high) << 8 | Int(low))
        input.removeFirst(string.count)
        return Array(string)
    }

    private func post(_ target: String, _ type: String, _ body: [UInt8]) -> [UInt8] {
        let head = "POST \(target) HTTP/1.1\r\nContent-Type: \(type)\r\nContent-Length: \(body.count)\r\n\r\n"
        return Array(head.utf8) + body
    }
}
