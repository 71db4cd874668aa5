import FakeHost
import PluginABI
import SSTPClient
import Testing
import Wire

@Suite struct SSTPAdapterTests {
    private let packet: [UInt8] = [0x45, 0, 0, 20] + [UInt8](repeating: 7, count: 16)

    private func connected(
        options: [String: FakeHost.FakeOption] = [:],
        _ change: (inout SimulatedSSTPClient.Options) -> Void = { _ in }
    ) throws -> Site {
        let site = try Site(options: options, change)
        #expect(site.run { site.client.peer.isUp })
        return site
    }

    @Test func `a client gets a session, an address and its DNS server`() throws {
        let site = try connected()
        defer { site.end() }
        let said = site.host.said()
        #expect(
            said.contains { $0.hasPrefix("ask 2 alice ") && $0.hasSuffix("from 198.51.100.7:5000 as 500") })
        #expect(
            said.contains(
                "open layer 3 for 1000 mtu 1400 room 8+0 SSTP TLSv1.3 from 198.51.100.7:5000 as 500"))
        #expect(site.client.peer.address == IPv4Address("192.168.30.10"))
        #expect(site.client.peer.server(129) == IPv4Address("192.168.30.1"))
        #expect(site.client.peer.serverIsProved)
    }

    @Test(arguments: [Int.max, 1, 3, 100]) func `packets pass both ways, however the stream is cut`(
        piece: Int
    ) throws {
        let site = try connected()
        defer { site.end() }
        site.piece = piece
        site.client.send(packet: packet)
        site.client.send(packet: packet + [1])
        site.pump()
        #expect(site.host.frames.map(\.octets) == [packet, packet + [1]])
        #expect(site.host.frames.allSatisfy { $0.session == 77 })
        site.transmit([packet, packet + [2]])
        site.pump()
        #expect(site.client.packets == [packet, packet + [2]])
    }

    @Test(arguments: [false, true]) func `a client that negotiates IPv6 has packets of both kinds`(
        compresses: Bool
    ) throws {
        let site = try connected { options in
            options.peer.interfaceIdentifier = 0x1234
            options.peer.compresses = compresses
        }
        defer { site.end() }
        #expect(site.run { !site.host.links.isEmpty })
        #expect(site.host.links[77]?.peer == 0x1234)
        let six: [UInt8] = [0x60] + [UInt8](repeating: 0, count: 39)
        site.client.send(packet: six)
        site.client.send(packet: packet)
        site.pump()
        #expect(site.host.frames.map(\.octets) == [six, packet])
        site.transmit([six, packet])
        site.pump()
        #expect(site.client.packets == [six, packet])
    }

    @Test func `without having been agreed on, IPv6 stays where it is`() throws {
        let site = try connected()
        defer { site.end() }
        let six: [UInt8] = [0x60] + [UInt8](repeating: 0, count: 39)
        site.client.send(packet: six)
        site.pump()
        #expect(site.host.frames.isEmpty)
        site.transmit([six, packet])
        site.pump()
        #expect(site.client.packets == [packet])
    }

    @Test func `one source takes no more than its part of the places before a session`() throws {
        let site = try connected()
        defer { site.end() }
        for stream in 1000..<1128 as Range<UInt64> {
            _ = site.streams.opened(site.module.laneState, stream, 0)
        }
        #expect(site.host.closedStreams.isEmpty, "who has a session needs no place")
        _ = site.streams.opened(site.module.laneState, 1128, 0)
        #expect(site.host.closedStreams == [1128])
        site.streams.closed(site.module.laneState, 1000, PA_STREAM_REMOTE)
        _ = site.streams.opened(site.module.laneState, 1129, 0)
        #expect(site.host.closedStreams == [1128])
    }

    @Test func `packets of one piece reach the hub in one batch`() throws {
        let site = try connected()
        defer { site.end() }
        _ = site.host.said()
        for _ in 0..<5 { site.client.send(packet: packet) }
        var together: [UInt8] = []
        while let octets = site.client.nextOutput() { together += octets }
        site.deliver(together)
        #expect(site.host.said().filter { $0.hasPrefix("frames") }.count == 1)
        #expect(site.host.frames.count == 5)
    }

    @Test func `a client that is too slow loses packets, not its connection`() throws {
        let site = try connected()
        defer { site.end() }
        site.host.writing = PA_ERROR_LIMIT
        site.transmit([packet, packet])
        site.client.send(8)
        site.pump()
        site.host.writing = PA_OK
        site.streams.writable(site.module.laneState, site.token, 0)
        site.transmit([packet])
        site.pump()
        #expect(site.client.packets == [packet])
        #expect(site.client.heard.last == 9)
    }

    @Test func `a client that lets control packets pile up is gone`() throws {
        let site = try connected()
        defer { site.end() }
        site.host.writing = PA_ERROR_LIMIT
        for _ in 0..<9000 { site.client.send(8) }
        site.pump()
        #expect(site.host.closedStreams == [Site.stream])
        #expect(site.host.said().contains { $0.hasPrefix("close session 77 4") })
    }

    @Test func `a wrong binding opens no session, and the log says whose`() throws {
        let site = try Site { $0.spoil = { $0.nonce[0] ^= 1 } }
        defer { site.end() }
        #expect(site.run { !site.host.closedStreams.isEmpty })
        let said = site.host.said()
        #expect(
            said.contains(
                "log 3 connection=500 remote=198.51.100.7:5000 user=\"alice\" refused without a valid crypto "
                    + "binding reason=\"another nonce\""))
        #expect(!said.contains { $0.hasPrefix("open layer") })
        #expect(said.contains("release 1000"))
        #expect(site.client.statuses == [4])
    }

    @Test func `PAP is an option`() throws {
        let refused = try Site { $0.peer.accepts = [.pap] }
        defer { refused.end() }
        #expect(refused.run { !refused.host.closedStreams.isEmpty })
        let site = try connected(options: ["auth": .strings(["pap", "mschapv2"])]) {
            $0.peer.accepts = [.pap]
        }
        defer { site.end() }
        #expect(site.host.said().contains { $0.hasPrefix("ask 1 alice ") })
    }

    @Test func `the host ends a session, and the client is told`() throws {
        let site = try connected()
        defer { site.end() }
        site.sessions.closed(site.module.laneState, site.token, PA_REASON_ADMINISTRATOR, "enough")
        #expect(site.run { !site.host.closedStreams.isEmpty })
        #expect(site.client.peer.hasEnded)
        #expect(site.client.heard.last == 6)
        #expect(!site.host.said().contains { $0.hasPrefix("close session") })
    }

    @Test func `a refusal of the hub ends the client`() throws {
        let site = try Site()
        defer { site.end() }
        site.opensSessions = false
        #expect(site.run { !site.host.openings.isEmpty })
        site.sessions.refused(site.module.laneState, site.token, PA_REASON_NO_ADDRESS, "no address")
        #expect(site.run { !site.host.closedStreams.isEmpty })
        #expect(site.host.said().contains { $0.contains("ended reason=\"no address\"") })
    }

    @Test func `a stream that breaks gives back what was asked for`() throws {
        let site = try Site()
        defer { site.end() }
        site.opensSessions = false
        #expect(site.run { !site.host.openings.isEmpty })
        let ticket = try #require(site.host.openings.first?.ticket)
        site.streams.closed(site.module.laneState, site.token, PA_STREAM_FAILED)
        #expect(site.host.said().contains("withdraw opening \(ticket)"))
        #expect(site.host.timers.isEmpty)
    }

    @Test func `the server stops with a goodbye`() throws {
        let site = try connected()
        site.end()
        site.client.receive(site.host.written[Site.stream] ?? [], at: site.now)
        #expect(site.client.peer.hasEnded)
        #expect(site.client.heard.last == 6)
    }

    @Test func `only SSTP's opening is claimed`() throws {
        let site = try Site()
        defer { site.end() }
        let opening = Array(SimulatedSSTPClient.request.utf8)
        #expect(site.streams.claim(site.module.laneState, opening, 4) == PA_CLAIM_MORE)
        #expect(site.streams.claim(site.module.laneState, opening, opening.count) == PA_CLAIM_YES)
        #expect(site.streams.claim(site.module.laneState, Array("GET / HTTP".utf8), 10) == PA_CLAIM_NO)
    }

    @Test func `options that cannot be are refused with what may be`() throws {
        for (options, words) in [
            (["auth": .strings(["chap-md5"])], "auth has \"chap-md5\""),
            (["auth": .strings([])], "auth is empty"),
            (["binding": .string("maybe")], "binding is \"maybe\""),
        ] as [([String: FakeHost.FakeOption], String)] {
            let start = try LoadedModule.start(Site.descriptor, with: options)
            #expect(start.status != PA_OK)
            #expect(start.explained.contains { $0.contains(words) })
        }
    }
}
