import Testing
import Wire

@testable import SoftEtherCore

/// How clients come to sessions.
@Suite struct AdmissionTests {
    @Test func `from the first octet to the session`() throws {
        let site = Narrator()
        site.server.opened(stream: 1, from: peer, at: site.now)
        site.hear(Captured.probe, 1)
        site.hear(signature(), 1)
        site.hear(Captured.loginHead + Captured.loginPack, 1)
        #expect(site.lines() == ["<-- 1 403", "<-- 1 200", "who is alice@LAB of 1 (20)"])
        site.server.decided(try #require(site.takeQuestion()), nil, at: site.now)
        #expect(site.lines() == ["open for 1, 8 connections"])
        let session = try #require(site.takeOpening())
        #expect(site.server.connections[1]?.isAttached == false)
        site.server.sessionOpened(session, at: site.now)
        #expect(site.lines() == ["<-- 1 200"])
        #expect(site.server.connections[1]?.isAttached == true)
        let welcome = try #require(site.answers[1]?.pack)
        #expect(welcome.text("session_name")?.hasPrefix("SID-ALICE-") == true)
        #expect(welcome.text("connection_name") == "CID-1")
        #expect(welcome.integer("max_connection") == 8)
        #expect(welcome.integer("use_encrypt") == 1)
        #expect(welcome.integer("timeout") == 20_000)
        #expect(welcome.integer("policy:Access") == 1 && welcome.integer("policy:NoBridge") == 1)
        #expect(welcome.octets("session_key")?.count == 20)
        #expect(welcome.octets("session_key")?.first == 1, "the lane stands in the key")
    }

    @Test func `all of it in one piece, octet by octet, and with frames behind it`() throws {
        let whole = Captured.probe + signature() + Captured.loginHead + Captured.loginPack
        let site = Narrator()
        site.server.opened(stream: 1, from: peer, at: site.now)
        #expect(site.hear(whole + [0, 0, 0, 0], 1) == whole.count)
        #expect(site.lines().last == "who is alice@LAB of 1 (20)")
        site.server.opened(stream: 2, from: peer, at: site.now)
        var waiting: [UInt8] = []
        for octet in whole {
            waiting.append(octet)
            waiting.removeFirst(site.hear(waiting, 2))
        }
        #expect(waiting.isEmpty)
        #expect(site.lines() == ["<-- 2 403", "<-- 2 200", "who is alice@LAB of 2 (20)"])
    }

    @Test(arguments: [RefusalCode.authenticationFailed, .hubNotFound, .accessDenied])
    func `a refusal is told by its number`(code: RefusalCode) throws {
        let site = Narrator()
        site.knock(1)
        site.hear(Narrator.login(), 1)
        _ = site.lines()
        site.server.decided(try #require(site.takeQuestion()), code, at: site.now)
        #expect(site.lines() == ["<-- 1 200 error \(code.rawValue)", "close 1"])
        #expect(site.server.connections.isEmpty && site.server.sessions.isEmpty)
    }

    @Test func `no place on the hub`() throws {
        let site = Narrator()
        site.knock(1)
        site.hear(Narrator.login(), 1)
        _ = site.lines()
        site.server.decided(try #require(site.takeQuestion()), nil, at: site.now)
        _ = site.lines()
        site.server.sessionRefused(try #require(site.takeOpening()), .hubBusy, at: site.now)
        #expect(site.lines() == ["<-- 1 200 error 16", "close 1"])
        #expect(site.server.sessions.isEmpty)
    }

    @Test(arguments: [Narrator.login(), Narrator.passwordChange()])
    func `who goes while he is judged is not waited for`(request: [UInt8]) throws {
        let site = Narrator()
        site.knock(1)
        site.hear(request, 1)
        _ = site.lines()
        let question = try #require(site.takeQuestion())
        site.server.closed(stream: 1, isOrderly: true, at: site.now)
        #expect(site.lines() == ["withdraw"])
        site.server.decided(question, nil, at: site.now)
        #expect(site.lines().isEmpty)
    }

    @Test func `who goes while his place is made leaves none behind`() throws {
        let site = Narrator()
        site.knock(1)
        site.hear(Narrator.login(), 1)
        _ = site.lines()
        site.server.decided(try #require(site.takeQuestion()), nil, at: site.now)
        _ = site.lines()
        site.server.closed(stream: 1, isOrderly: false, at: site.now)
        #expect(site.lines() == ["end: the client's connections broke"])
    }

    @Test func `who says nothing is sent away after fifteen seconds`() {
        let site = Narrator()
        site.server.opened(stream: 1, from: peer, at: site.now)
        site.knock(2)
        #expect(site.pass(14).isEmpty)
        #expect(Set(site.pass(1)) == ["close 1", "close 2"])
        #expect(site.pass(1).isEmpty)
        #expect(site.server.deadline == nil)
    }

    @Test func `a bridge that is let in learns that it may be one, others that they may not`() throws {
        for isBridge in [true, false] {
            let site = Narrator()
            _ = try site.connect(1) { $0.set("require_bridge_routing_mode", isBridge) }
            #expect(site.answers[1]?.pack?.integer("policy:NoBridge") == (isBridge ? 0 : 1))
            #expect(site.answers[1]?.pack?.integer("policy:NoRouting") == (isBridge ? 0 : 1))
        }
    }

    @Test func `a monitor learns that it is one`() throws {
        for isMonitor in [true, false] {
            let site = Narrator()
            _ = try site.connect(1) { $0.set("require_monitor_mode", isMonitor) }
            #expect(site.answers[1]?.pack?.integer("policy:MonitorPort") == (isMonitor ? 1 : 0))
            site.swap()
            #expect(site.server.sessions.values.first?.terms.isMonitor == isMonitor)
        }
    }

    @Test func `wishes are known while one is judged`() throws {
        let site = Narrator()
        site.knock(1)
        site.hear(Narrator.login { $0.set("client_str", "SoftEther VPN Bridge") }, 1)
        _ = site.lines()
        let question = try #require(site.takeQuestion())
        #expect(site.server.wishes(ofQuestion: question)?.isBridge == true, "by its name")
        #expect(site.server.stream(ofQuestion: question) == 1)
        site.server.decided(question, .bridgeDenied, at: site.now)
        #expect(site.lines() == ["<-- 1 200 error 108", "close 1"])
    }

    @Test(
        arguments: [(1, false, 32, 2, true), (1, true, 32, 4, true), (8, false, 32, 8, true)]
            + [(1, false, 1, 1, false), (2, true, 3, 2, false)])
    func `priority takes connections of its own, where there may be as many`(
        wish: Int, isHalf: Bool, most: Int, granted: Int, hasPriority: Bool
    ) throws {
        let site = Narrator { $0.session.maxConnections = most }
        _ = try site.connect(1) {
            $0.set("max_connection", UInt32(wish))
            $0.set("half_connection", isHalf)
            $0.set("qos", true)
        }
        let terms = try #require(site.server.sessions.values.first?.terms)
        #expect(terms.connections == granted && terms.hasPriority == hasPriority)
        #expect(site.answers[1]?.pack?.integer("qos") == (hasPriority ? 1 : 0))
    }

    @Test func `a stranger learns of the hubs that are meant for him`() {
        let site = Narrator { $0.shownHubs = ["LAB", "OFFICE"] }
        site.knock(1)
        var pack = Pack()
        pack.set("method", "enum_hub")
        site.hear(request(pack), 1)
        #expect(site.lines() == ["<-- 1 200"])
        #expect(site.answers[1]?.pack?["HubName"] == .strings([Array("LAB".utf8), Array("OFFICE".utf8)]))
        #expect(site.answers[1]?.pack?.integer("NumHub") == 2)
    }

    @Test func `more connections than there may be are closed at once`() {
        let site = Narrator { $0.maxConnections = 1 }
        site.knock(1)
        site.server.opened(stream: 2, from: peer, at: site.now)
        #expect(site.lines() == ["warn: too many connections source=198.51.100.7:0 count=1", "close 2"])
    }

    @Test func `one source takes no more than its part of the places before a session`() throws {
        let site = Narrator {
            $0.maxHalfOpen = 8
            $0.maxHalfOpenPerSource = 3
        }
        for stream in 1...3 as ClosedRange<UInt64> { site.knock(stream) }
        site.server.opened(stream: 4, from: peer, at: site.now)
        #expect(site.lines().last == "close 4")
        site.server.opened(stream: 5, from: TransportAddress(ipv4: 0xc633_6408, port: 1), at: site.now)
        #expect(site.lines().isEmpty, "another source has its own")
        site.server.closed(stream: 1, isOrderly: true, at: site.now)
        _ = try site.connect(6)
        site.knock(7)
        #expect(site.server.connections.count == 5, "who has a session needs no place any more")
    }

    @Test func `where all places are taken, whoever has the most gives one up`() {
        let site = Narrator { $0.maxHalfOpen = 4 }
        for stream in 1...4 as ClosedRange<UInt64> { site.knock(stream) }
        site.server.opened(stream: 5, from: TransportAddress(ipv4: 0xc633_6408, port: 1), at: site.now)
        #expect(site.lines() == ["close 1"])
        #expect(Set(site.server.connections.keys) == [2, 3, 4, 5])
    }

    @Test(arguments: [(0, 1), (1, 1), (8, 8), (32, 32), (33, 32), (4_000_000_000, 32)])
    func `the number of connections is bounded`(wish: Int, granted: Int) throws {
        let site = Narrator()
        _ = try site.connect(1) { $0.set("max_connection", UInt32(wish)) }
        #expect(site.server.sessions.values.first?.terms.connections == granted)
    }
}

/// Several connections in one session.
@Suite struct ConnectionsTests {
    @Test func `who shows too many unknown keys is braked for a minute, and others are not`() throws {
        let site = Narrator()
        let key = try site.connect(1)
        var wrong = key
        wrong[19] ^= 1
        for number in 0..<KeyGuesses.free {
            let stream = UInt64(100 + number)
            #expect(site.join(stream, wrong) == ["<-- \(stream) 200 error 13", "close \(stream)"])
        }
        #expect(
            site.join(2, key) == [
                "warn: too many unknown session keys source=198.51.100.7:0 count=1",
                "<-- 2 200 error 105", "close 2",
            ])
        #expect(site.join(3, wrong) == ["<-- 3 200 error 105", "close 3"])
        site.server.opened(stream: 4, from: TransportAddress(ipv4: 0xc633_6408, port: 1), at: site.now)
        site.hear(signature() + Narrator.additional(key), 4)
        #expect(site.lines() == ["<-- 4 200", "<-- 4 200 error 0"])
        site.now = site.now.advanced(by: KeyGuesses.interval)
        #expect(site.join(5, key) == ["<-- 5 200 error 0"])
    }

    @Test func `connections join by the session's key, up to their number`() throws {
        let site = Narrator()
        let key = try site.connect(1) { $0.set("max_connection", 3 as UInt32) }
        #expect(site.join(2, key) == ["<-- 2 200 error 0"])
        #expect(site.answers[2]?.pack?.integer("direction") == 0)
        #expect(site.join(3, key) == ["<-- 3 200 error 0"])
        #expect(site.join(4, key) == ["<-- 4 200 error 15", "close 4"])
        #expect(site.server.sessions.values.first?.connections.map(\.stream) == [1, 2, 3])
    }

    /// features.md §4.2, input 5.
    @Test func `a key that is guessed, too short or of a session that is over opens nothing`() throws {
        let site = Narrator()
        let key = try site.connect(1)
        var close = key
        close[19] ^= 1
        var far = key
        far[3] ^= 1
        for (stream, guess) in [(2, close), (3, far), (4, Array(key.dropLast())), (5, [])]
            as [(UInt64, [UInt8])]
        {
            #expect(site.join(stream, guess) == ["<-- \(stream) 200 error 13", "close \(stream)"])
        }
        site.server.closed(stream: 1, isOrderly: true, at: site.now)
        #expect(site.lines() == ["end: the client closed its connections"])
        #expect(site.join(6, key) == ["<-- 6 200 error 13", "close 6"])
    }

    @Test func `a connection of another lane's session is moved, and its request read there`() throws {
        let (here, there) = (Narrator(lane: 0), Narrator(lane: 1))
        let key = try there.connect(1)
        here.knock(2)
        let request = Narrator.additional(key)
        #expect(here.hear(request, 2) == 0, "the request is not taken")
        #expect(here.lines() == ["move 2 to lane 1"])
        #expect(here.server.connections.isEmpty)
        there.server.opened(stream: 7, from: peer, isKnown: true, at: there.now)
        #expect(there.hear(request, 7) == request.count)
        #expect(there.lines() == ["<-- 7 200 error 0"])
    }

    @Test func `a lane that there is not is a wrong key`() throws {
        let site = Narrator(lane: 0)
        #expect(site.join(1, [4] + [UInt8](repeating: 9, count: 19)) == ["<-- 1 200 error 13", "close 1"])
    }

    @Test func `half-duplex connections go one way each`() throws {
        let site = Narrator()
        let key = try site.connect(1) {
            $0.set("half_connection", true)
            $0.set("max_connection", 4 as UInt32)
        }
        for stream in 2...4 as ClosedRange<UInt64> {
            #expect(site.join(stream, key).first == "<-- \(stream) 200 error 0")
        }
        let session = try #require(site.server.sessions.values.first)
        #expect(session.connections.map(\.direction) == [.toServer, .toClient, .toServer, .toClient])
        #expect(site.answers[2]?.pack?.integer("direction") == 1)
        #expect(site.answers[3]?.pack?.integer("direction") == 2)
    }

    @Test func `a half-duplex session has two connections at least`() throws {
        let site = Narrator()
        _ = try site.connect(1) {
            $0.set("half_connection", true)
            $0.set("max_connection", 1 as UInt32)
        }
        #expect(site.answers[1]?.pack?.integer("max_connection") == 2)
    }

    @Test func `the session goes on as long as one connection lives`() throws {
        let site = Narrator()
        let key = try site.connect(1)
        _ = site.join(2, key)
        site.server.closed(stream: 1, isOrderly: false, at: site.now)
        #expect(site.lines().isEmpty)
        #expect(site.server.sessions.values.first?.connections.map(\.stream) == [2])
        site.server.closed(stream: 2, isOrderly: true, at: site.now)
        #expect(site.lines() == ["end: the client closed its connections"])
    }

    @Test func `a session whose connections all broke waits for its client, for a while`() throws {
        let site = Narrator()
        let key = try site.connect(1)
        site.server.closed(stream: 1, isOrderly: false, at: site.now)
        #expect(site.pass(10).isEmpty)
        #expect(site.join(2, key) == ["<-- 2 200 error 0"])
        for _ in 0..<3 {
            #expect(site.pass(10).isEmpty)
            site.chatter()
        }
        site.server.closed(stream: 2, isOrderly: false, at: site.now)
        #expect(site.pass(19).isEmpty)
        #expect(site.pass(2) == ["end: the client's connections broke"])
        #expect(site.server.deadline == nil)
    }
}

/// How sessions go on, and end.
@Suite struct EndingTests {
    @Test func `keep-alives come between a fifth and a half of the timeout`() throws {
        let site = Narrator()
        _ = try site.connect(1)
        for _ in 0..<20 {
            #expect(site.pass(5).isEmpty)
            site.chatter()
        }
        #expect((100 / 11...100 / 4).contains(site.keepAlives))
    }

    @Test func `a silent client is gone after the timeout, and its session with its last connection`() throws
    {
        let site = Narrator()
        _ = try site.connect(1)
        #expect(site.pass(19).isEmpty)
        #expect(site.pass(1) == ["close 1"])
        #expect(site.pass(19).isEmpty)
        #expect(site.pass(1) == ["end: the client's connections broke"])
    }

    @Test func `on a connection to the client alone, the client may be silent`() throws {
        let site = Narrator()
        let key = try site.connect(1) {
            $0.set("half_connection", true)
            $0.set("max_connection", 2 as UInt32)
        }
        _ = site.join(2, key)
        for _ in 0..<5 {
            #expect(site.pass(10).isEmpty)
            site.server.connections[1]?.heardAt = site.now
        }
        #expect(site.keepAlives > 4)
    }

    @Test func `the host's end is the end of all connections`() throws {
        let site = Narrator()
        let key = try site.connect(1)
        _ = site.join(2, key)
        let id = try #require(site.server.sessions.keys.first)
        site.server.sessionClosed(id, at: site.now)
        #expect(site.lines() == ["close 1", "close 2"])
        #expect(site.server.connections.isEmpty)
        #expect(site.join(3, key).first == "<-- 3 200 error 13")
    }

    @Test func `a broken protocol costs the connection, and the session waits`() throws {
        let site = Narrator()
        _ = try site.connect(1)
        site.server.broke(try #require(site.server.connections[1]), at: site.now)
        #expect(site.lines() == ["close 1"])
        #expect(site.server.sessions.count == 1)
    }

    @Test func `a server that stops closes everything`() throws {
        let site = Narrator()
        _ = try site.connect(1)
        site.knock(2)
        site.server.stop(at: site.now)
        #expect(Set(site.lines()) == ["close 1", "close 2", "end: the server stops"])
        #expect(site.server.connections.isEmpty && site.server.sessions.isEmpty)
    }
}
