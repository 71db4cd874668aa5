import FakeHost
import PluginABI
import SoftEtherCore
import Testing
import Zlib

/// Clients through the whole module, over streams.
@Suite struct StreamTests {
    @Test func `a client gets a session, and frames flow both ways`() throws {
        let site = try Site()
        defer { site.end() }
        site.knock(5)
        site.login(5)
        let asked = try #require(site.host.said().first { $0.hasPrefix("ask") })
        let proof = String(repeating: "07", count: 20)
        #expect(asked == "ask \(PA_EVIDENCE_SOFTETHER) alice@LAB \(proof) from 198.51.100.7:5000 as 1")
        site.decide(PA_VERDICT_ACCEPTED)
        let opened = try #require(site.host.said().first { $0.hasPrefix("open layer") })
        #expect(opened.hasPrefix("open layer 2 for 77 mtu 1500 room 4+0 SoftEther "))
        let token = site.host.openings.removeFirst().token
        site.session.opened(site.module.laneState, token, 900, nil)
        _ = site.host.said()

        let octets = [0, 0, 0, 2] + block(frame(1)) + block(frame(2)) + [0, 0, 0, 1]
        #expect(site.hear(octets, 5) == octets.count)
        #expect(site.host.said().contains("frames 900: \(frame(1).hex) \(frame(2).hex)"))
        #expect(site.hear(block(frame(3)), 5) == 64, "the announced block")
        #expect(site.host.frames.last?.octets == frame(3))

        site.host.written[5] = nil
        site.transmit([frame(4), frame(5, count: 1514)], token)
        #expect(site.host.written[5] == [0, 0, 0, 2] + block(frame(4)) + block(frame(5, count: 1514)))
        #expect(site.host.said().count { $0.hasPrefix("write") } == 1, "in one call")
    }

    @Test func `frames that cannot be are counted, and the others go`() throws {
        let site = try Site()
        defer { site.end() }
        _ = site.connect(5)
        let blocks = [frame(1, count: 13), [], frame(2, count: 14), frame(3, count: 1601)].map(block)
        site.hear([0, 0, 0, 4] + blocks.flatMap { $0 }, 5)
        #expect(site.host.frames.map(\.octets) == [frame(2, count: 14)])
    }

    @Test func `a client that breaks the protocol loses its stream`() throws {
        let site = try Site()
        defer { site.end() }
        _ = site.connect(5)
        let octets = [0, 0, 0, 2] + block(frame(1)) + [0, 0, 0x0c, 0x81]
        #expect(site.hear(octets, 5) == octets.count)
        #expect(site.host.frames.map(\.octets) == [frame(1)], "what was good before is not lost")
        #expect(site.host.closedStreams == [5])
    }

    @Test(
        arguments: [
            (PA_VERDICT_CREDENTIALS, 9), (PA_VERDICT_HUB, 8), (PA_VERDICT_DISABLED, 12),
            (PA_VERDICT_METHOD, 7),
            (PA_VERDICT_UNAVAILABLE, 105),
        ] as [(UInt32, UInt8)])
    func `a verdict becomes the client's own error`(verdict: UInt32, code: UInt8) throws {
        let site = try Site()
        defer { site.end() }
        site.knock(5)
        site.login(5)
        site.decide(verdict)
        #expect(site.host.written[5]?.suffix(4) == [0, 0, 0, code])
        #expect(site.host.closedStreams == [5])
    }

    @Test(
        arguments: [(PA_REASON_POLICY, 20), (PA_REASON_SHUTDOWN, 10), (PA_REASON_NO_ADDRESS, 105)]
            as [(UInt32, UInt8)])
    func `a place that is refused becomes the client's own error`(reason: UInt32, code: UInt8) throws {
        let site = try Site()
        defer { site.end() }
        site.knock(5)
        site.login(5)
        site.decide(PA_VERDICT_ACCEPTED)
        let token = site.host.openings.removeFirst().token
        site.session.refused(site.module.laneState, token, reason, "no")
        #expect(site.host.written[5]?.suffix(4) == [0, 0, 0, code])
        #expect(site.host.closedStreams == [5])
    }

    @Test func `a connection of another lane's session moves there`() throws {
        let site = try Site(lane: 0)
        defer { site.end() }
        site.knock(5)
        _ = site.host.said()
        var pack = Pack()
        pack.set("method", "additional_connect")
        pack.set("session_key", [1] + [UInt8](repeating: 3, count: 19))
        #expect(site.hear(site.request(pack), 5) == 0)
        #expect(site.host.said().contains("move 5 to lane 1 as 1 with "))
    }

    @Test func `a stream that is full passes its frames to the next one; where all are, they are dropped`()
        throws
    {
        let site = try Site()
        defer { site.end() }
        let (token, welcome) = site.connect(5)
        try site.join(6, welcome)
        site.host.written = [:]
        _ = site.host.said()
        site.transmit([frame(1)], token)
        #expect(site.host.written[5] != nil && site.host.written[6] == nil)
        site.host.writing = PA_ERROR_LIMIT
        site.transmit([frame(2)], token)
        #expect(site.host.said().filter { $0.hasPrefix("write") }.count == 3, "both were tried")
        site.host.writing = PA_OK
        site.transmit([frame(3)], token)
        #expect(site.host.written[5] == [0, 0, 0, 1] + block(frame(1)) + [0, 0, 0, 1] + block(frame(3)))
    }

    @Test func `a connection that is silent for too long is not written to while another one is not`() throws
    {
        let site = try Site()
        defer { site.end() }
        let (token, welcome) = site.connect(5)
        try site.join(6, welcome)
        site.pass(seconds: 13)
        site.host.written = [:]
        site.transmit([frame(1)], token)
        #expect(site.host.written[5] != nil, "where both are silent, the one whose turn it is")
        site.hear([0, 0, 0, 0], 6)
        site.host.written = [:]
        site.transmit([frame(2)], token)
        #expect(site.host.written[5] == nil && site.host.written[6] == [0, 0, 0, 1] + block(frame(2)))
    }

    @Test(arguments: [("require_monitor_mode", 2, 107), ("require_bridge_routing_mode", 1, 108)])
    func `monitors and bridges need a permission`(wish: String, kind: UInt32, code: UInt8) throws {
        for isPermitted in [false, true] {
            let site = try Site()
            defer { site.end() }
            if isPermitted { site.host.permitted = [kind] }
            site.knock(5)
            site.login(5) { $0.set(wish, true) }
            site.host.written = [:]
            site.decide(PA_VERDICT_ACCEPTED)
            let said = site.host.said()
            #expect(said.contains("may 77 \(kind) SoftEther"))
            #expect(site.host.openings.isEmpty == !isPermitted)
            #expect(site.host.closedStreams == (isPermitted ? [] : [5]))
            if !isPermitted { #expect(site.host.written[5]?.suffix(4) == [0, 0, 0, code]) }
        }
    }

    @Test(
        arguments: [
            (PA_VERDICT_ACCEPTED, 0), (PA_VERDICT_CREDENTIALS, 69), (PA_VERDICT_HUB, 8),
            (PA_VERDICT_DISABLED, 52), (PA_VERDICT_METHOD, 68), (PA_VERDICT_UNAVAILABLE, 105),
        ] as [(UInt32, UInt8)])
    func `a user changes his password`(verdict: UInt32, code: UInt8) throws {
        let site = try Site()
        defer { site.end() }
        site.knock(5)
        _ = site.host.said()
        var pack = Pack()
        pack.set("method", "password")
        pack.set("hubname", "LAB")
        pack.set("username", "alice")
        pack.set("secure_old_password", [UInt8](repeating: 1, count: 20))
        pack.set("new_password", [UInt8](repeating: 2, count: 20))
        pack.set("new_password_ntlm", [UInt8](repeating: 3, count: 16))
        site.hear(site.request(pack), 5)
        let hashes = (1...3).map { [UInt8](repeating: UInt8($0), count: $0 < 3 ? 20 : 16).hex }
        let asked =
            "change alice@LAB from \(PA_EVIDENCE_SOFTETHER) \(hashes[0]) to \(hashes[1]) \(hashes[2]) as 1"
        #expect(site.host.said().contains(asked))
        site.host.written = [:]
        site.decide(verdict, identity: 0)
        #expect(site.host.written[5]?.suffix(4) == [0, 0, 0, code])
        #expect(site.host.closedStreams == [5] && site.host.openings.isEmpty)
    }

    @Test func `a host that changes no passwords is no error`() throws {
        let site = try Site(lacking: [PA_PASSWORD])
        defer { site.end() }
        site.knock(5)
        var pack = Pack()
        pack.set("method", "password")
        for name in ["hubname", "username"] { pack.set(name, "LAB") }
        for name in ["secure_old_password", "new_password"] {
            pack.set(name, [UInt8](repeating: 1, count: 20))
        }
        site.hear(site.request(pack), 5)
        #expect(site.host.written[5]?.suffix(4) == [0, 0, 0, 33])
    }

    @Test func `what must not wait has a connection of its own`() throws {
        let site = try Site()
        defer { site.end() }
        let (token, welcome) = site.connect(5) { $0.set("qos", true) }
        let urgent = [UInt8](repeating: 1, count: 12) + [8, 0, 0x45, 0xb8] + [UInt8](repeating: 2, count: 40)
        site.transmit([frame(1), urgent], token)
        #expect(site.host.written[5] == [0, 0, 0, 2] + block(frame(1)) + block(urgent), "while it is alone")
        try site.join(6, welcome)
        site.host.written = [:]
        site.transmit([frame(1), urgent, frame(2)], token)
        #expect(site.host.written[5] == [0, 0, 0, 1] + block(urgent))
        #expect(site.host.written[6] == [0, 0, 0, 2] + block(frame(1)) + block(frame(2)))
    }

    @Test func `frames are compressed for a client that wishes it`() throws {
        let site = try Site()
        defer { site.end() }
        let (token, _) = site.connect(5) { $0.set("use_compress", true) }
        site.transmit([frame(9, count: 1400)], token)
        let sent = try #require(site.host.written[5])
        #expect(sent.count < 100)
        #expect(site.hear(sent, 5) == sent.count)
        #expect(site.host.frames.map(\.octets) == [frame(9, count: 1400)], "what was sent is read as it was")
        site.host.frames = []
        site.hear([0, 0, 0, 2] + block(frame(1)) + block([]), 5)
        #expect(site.host.frames.isEmpty, "what is no stream is no frame")
    }

    @Test func `the host's end closes the client's streams, the client's the session`() throws {
        let site = try Site()
        defer { site.end() }
        let (token, _) = site.connect(5)
        site.session.closed(site.module.laneState, token, PA_REASON_ADMINISTRATOR, "maintenance")
        #expect(site.host.closedStreams == [5])
        _ = site.connect(6)
        site.stream.closed(site.module.laneState, 6, PA_STREAM_REMOTE)
        #expect(site.host.said().contains("close session 900 1 the client closed its connections"))
    }
}
