import Testing
import Wire

@testable import SoftEtherCore

/// Sessions and connections that go on in another instance of the engine. That all of their state is the same
/// there is seen by `Narrator.swap`, each time.
@Suite struct HandoverTests {
    @Test(arguments: [false, true])
    func `a client does not notice that each step meets another instance`(isHalfDuplex: Bool) throws {
        let site = Narrator()
        site.swapsAllTheTime = true
        let key = try site.connect(1) {
            $0.set("max_connection", 32 as UInt32)
            $0.set("half_connection", isHalfDuplex)
            $0.set("qos", true)
            $0.set("use_compress", true)
        }
        for stream in 2...32 as ClosedRange<UInt64> {
            #expect(site.join(stream, key) == ["<-- \(stream) 200 error 0"])
        }
        #expect(site.join(33, key) == ["<-- 33 200 error 15", "close 33"])
        let session = try #require(site.server.sessions.values.first)
        #expect(session.connections.map(\.stream) == Array(1...32))
        #expect(session.terms.hasPriority && session.terms.compresses)
        #expect(session.connections.count { $0.direction == .toServer } == (isHalfDuplex ? 16 : 0))
        site.server.closed(stream: 5, isOrderly: false, at: site.now)
        #expect(site.lines().isEmpty)
        #expect(site.join(34, key) == ["<-- 34 200 error 0"])
        for _ in 0..<60 {
            site.chatter()
            #expect(site.pass(1).isEmpty)
        }
        #expect(site.keepAlives > 32 * 4)
        #expect(site.server.sessions.values.first?.name == session.name)
        for stream in site.server.connections.keys.sorted() {
            site.server.closed(stream: stream, isOrderly: true, at: site.now)
            _ = site.lines()
        }
        #expect(site.server.sessions.isEmpty && site.swaps > 160)
    }

    @Test func `a client that has lost all connections comes back to another instance, or does not`() throws {
        for comesBack in [true, false] {
            let site = Narrator()
            let key = try site.connect(1)
            site.server.closed(stream: 1, isOrderly: false, at: site.now)
            site.swapsAllTheTime = true
            #expect(site.pass(19).isEmpty)
            if comesBack { #expect(site.join(2, key) == ["<-- 2 200 error 0"]) }
            #expect(site.pass(1) == (comesBack ? [] : ["end: the client's connections broke"]))
        }
    }

    @Test func `a request that is not whole is read from its beginning`() throws {
        let site = Narrator()
        site.swapsAllTheTime = true
        let requests = [Captured.probe, signature(), Captured.loginHead + Captured.loginPack]
        site.server.opened(stream: 1, from: peer, at: site.now)
        for request in requests {
            for part in [1, request.count / 3, request.count - 1] {
                #expect(site.hear(Array(request.prefix(part)), 1) == 0)
                #expect(site.lines().isEmpty)
            }
            #expect(site.hear(request, 1) == request.count)
            #expect(site.lines().count == 1)
        }
        #expect(site.takeQuestion() != nil)
        #expect(site.server.halfOpen.count == 1)
    }

    @Test func `answers of the host reach the new instance`() throws {
        let site = Narrator()
        site.swapsAllTheTime = true
        site.knock(1)
        site.hear(Narrator.login { $0.set("require_monitor_mode", true) }, 1)
        _ = site.lines()
        let question = try #require(site.takeQuestion())
        #expect(site.server.wishes(ofQuestion: question)?.isMonitor == true)
        #expect(site.server.stream(ofQuestion: question) == 1)
        site.server.decided(question, nil, at: site.now)
        #expect(site.lines() == ["open for 1, 8 connections"])
        let opening = try #require(site.takeOpening())
        #expect(site.server.halfOpen.count == 1)
        site.server.sessionOpened(opening, at: site.now)
        #expect(site.lines() == ["<-- 1 200"])
        #expect(site.server.halfOpen.count == 0)
        site.server.sessionClosed(opening, at: site.now)
        #expect(site.lines() == ["close 1"])
    }

    @Test func `a login of a kind that is not spoken is told so by the new instance, too`() throws {
        let site = Narrator()
        site.knock(1)
        site.hear(Narrator.login { $0.set("authtype", 96 as UInt32) }, 1)
        _ = site.lines()
        site.swap()
        site.server.decided(try #require(site.takeQuestion()), .authenticationFailed, at: site.now)
        #expect(site.lines() == ["<-- 1 200 error 7", "close 1"])
    }

    @Test func `who is slow is sent away when his time is over, wherever it began`() {
        let site = Narrator()
        site.swapsAllTheTime = true
        site.server.opened(stream: 1, from: peer, at: site.now)
        #expect(site.pass(14).isEmpty)
        #expect(site.pass(1) == ["close 1"])
    }

    @Test func `blocks that were announced are awaited`() throws {
        let site = Narrator()
        _ = try site.connect(1)
        var position = 0
        #expect(site.server.connections[1]?.blocks.next(in: [0, 0, 0, 2].rawSpan, at: &position) == .other)
        site.swap()
        position = 0
        let block: [UInt8] = [0, 0, 0, 1, 9]
        #expect(site.server.connections[1]?.blocks.next(in: block.rawSpan, at: &position) == .block(4..<5))
    }

    @Test func `numbers are not given twice, even while the former instance goes on`() throws {
        let site = Narrator()
        _ = try site.connect(1)
        let first = try #require(site.server.sessions.keys.first)
        site.swap()
        _ = try site.connect(2)
        let second = try #require(site.server.sessions.keys.max())
        #expect(second > first + 2 * UInt64(site.server.options.maxHalfOpen))
    }

    @Test func `a key that is unknown is no reason to give up while its session may be elsewhere`() throws {
        let site = Narrator()
        let key = try site.connect(1)
        let successor = site.successor()
        successor.opened(stream: 2, from: peer, at: site.now)
        let requests = signature() + Narrator.additional(key)
        for _ in 0..<KeyGuesses.free + 1 {
            successor.opened(stream: 2, from: peer, at: site.now)
            _ = successor.receive(requests.rawSpan, stream: 2, at: site.now)
        }
        var answers: [Output] = []
        while let output = successor.nextOutput() { answers.append(output) }
        #expect(
            answers.allSatisfy {
                if case .send(let octets, _) = $0 {
                    Answer(octets).pack?.integer("error") == nil
                } else {
                    true
                }
            })
        #expect(successor.connections.isEmpty)
        site.swap()
        #expect(site.join(2, [1] + [UInt8](repeating: 0, count: 19)) == ["<-- 2 200 error 13", "close 2"])
    }

    // MARK: What is refused

    private func offer(_ pack: inout Pack) {
        pack.set("use_udp_acceleration", true)
        pack.set("udp_acceleration_max_version", 2 as UInt32)
        pack.set("udp_acceleration_client_port", 40000 as UInt32)
        pack.set("udp_acceleration_client_key_v2", [UInt8](0..<128))
    }

    @Test func `every cut of a session is refused, and it stays whole where it is`() throws {
        let site = Narrator()
        site.server.accelerationPort = 5555
        let key = try site.connect(1, offer)
        _ = site.join(2, key)
        let id = try #require(site.server.sessions.keys.first)
        let record = try #require(site.server.record(ofSession: id))
        let successor = site.successor()
        for length in record.indices {
            #expect(throws: WireError.self) {
                try successor.adoptSession(Array(record[..<length]), at: site.now)
            }
        }
        #expect(throws: WireError.self) { try successor.adoptSession(record + [0], at: site.now) }
        #expect(successor.sessions.isEmpty && successor.connections.isEmpty && successor.deadline == nil)
        #expect(site.join(3, key) == ["<-- 3 200 error 0"])
        _ = try successor.adoptSession(record, at: site.now)
        #expect(throws: WireError.self) { try successor.adoptSession(record, at: site.now) }
        #expect(successor.connections.count == 2 && successor.keys.count == 1)
    }

    @Test func `every cut of a connection on its way is refused`() throws {
        let site = Narrator()
        site.knock(1)
        site.knock(2)
        site.hear(Narrator.login(offer), 2)
        _ = site.lines()
        let successor = site.successor()
        for stream in [1, 2] as [UInt64] {
            let record = try #require(site.server.record(ofStream: stream))
            for length in record.indices {
                #expect(throws: WireError.self) {
                    try successor.adoptConnection(Array(record[..<length]), at: site.now)
                }
            }
            #expect(throws: WireError.self) { try successor.adoptConnection(record + [0], at: site.now) }
            #expect(successor.connections[stream] == nil)
            _ = try successor.adoptConnection(record, at: site.now)
            #expect(throws: WireError.self) { try successor.adoptConnection(record, at: site.now) }
        }
        #expect(successor.halfOpen.count == 2 && successor.questions.count == 1)
    }

    @Test func `a session of another lane is refused`() throws {
        let site = Narrator(lane: 1)
        _ = try site.connect(1)
        let record = try #require(
            site.server.sessions.keys.first.flatMap { site.server.record(ofSession: $0) })
        #expect(throws: WireError.self) { try Narrator(lane: 2).server.adoptSession(record, at: site.now) }
    }

    @Test(arguments: 0..<UInt64(64))
    func `a record with octets of its own is refused, or is a session`(seed: UInt64) throws {
        let site = Narrator()
        site.server.accelerationPort = 5555
        _ = try site.connect(1, offer)
        let id = try #require(site.server.sessions.keys.first)
        var record = try #require(site.server.record(ofSession: id))
        var random = SplitMix64(seed: seed)
        for _ in 0..<3 {
            record[Int.random(in: record.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        let successor = site.successor()
        let taken = try? successor.adoptSession(record, at: site.now)
        #expect(successor.sessions.count == (taken == nil ? 0 : 1))
        #expect(successor.connections.count == taken?.connections.count ?? 0)
        for second in 1...40 { successor.handleTimeout(at: site.now.advanced(by: .seconds(second))) }
    }
}
