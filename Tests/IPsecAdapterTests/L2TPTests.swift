import FakeHost
import L2TPPeer
import PPPPeer
import PluginABI
import PluginKit
import Testing
import Wire

@testable import L2TP

@Suite struct L2TPTests {
    private let packet: [UInt8] = [0x45, 0, 0, 20] + [UInt8](repeating: 7, count: 16)

    @Test func `a telephone gets a session on layer 3, its address and DNS, and packets pass`() throws {
        let site = try Site()
        defer { site.end() }
        try site.lac.connect()
        let said = site.host.said()
        #expect(said.contains { $0.hasPrefix("ask 2 alice ") && $0.contains("from 198.51.100.7:0 as ") })
        #expect(
            said.filter { $0.hasPrefix("open layer") } == [
                "open layer 3 for 1000 mtu 1400 room 72+49 L2TP/IPsec AES-256-CBC, SHA256 "
                    + "from 198.51.100.7:0 as \(site.token)"
            ])
        let link = try #require(site.lac.links[100])
        #expect(link.isUp && link.serverIsProved && link.address == IPv4Address("192.168.30.10"))
        #expect(link.server(129) == IPv4Address("192.168.30.1"))
        for tail in [[], [1]] as [[UInt8]] {
            try site.deliverESP(site.lac.datagram(frame: [0x21] + packet + tail, 100))
        }
        #expect(site.host.frames.map(\.octets) == [packet, packet + [1]])
        #expect(site.host.frames.allSatisfy { $0.session == 77 })
        try site.transmit([packet, packet + [2]])
        #expect(site.lac.packets == [packet, packet + [2]])
    }

    @Test(arguments: ["LAB", "ANOTHER"])
    func `a hub's pre-shared key leads to that hub alone`(_ hub: String) throws {
        let site = try Site(keys: [(identity: "", key: "the hub's own", hub: hub)], secret: "the hub's own")
        defer { site.end() }
        try site.lac.connect()
        let said = site.host.said()
        #expect(said.contains { $0.hasPrefix("ask 2 alice ") })
        #expect(said.contains { $0.hasPrefix("open layer") } == (hub == "LAB"))
        #expect(said.contains("release 1000") == (hub != "LAB"))
    }

    @Test func `a hub's key that is the server's too confines nobody, and is warned of once`() throws {
        let site = try Site(keys: [(identity: "", key: "secret", hub: "ANOTHER")])
        defer { site.end() }
        try site.lac.connect()
        let changes: pa_psk_module_v1 = try site.module.table(PA_PSK)
        #expect(changes.changed(site.module.table.pointee.state) == PA_OK)
        let said = site.host.said()
        #expect(said.contains { $0.hasPrefix("open layer") })
        #expect(said.count { $0.contains("leads to every hub hub=ANOTHER") } == 1)
    }

    @Test func `keys that change are fetched again`() throws {
        let site = try Site()
        defer { site.end() }
        _ = site.host.said()
        let changes: pa_psk_module_v1 = try site.module.table(PA_PSK)
        #expect(changes.changed(site.module.table.pointee.state) == PA_OK)
        #expect(site.host.said() == ["keys"])
    }

    @Test func `PAP shows a password`() throws {
        let site = try Site(auth: ["mschapv2", "pap"])
        defer { site.end() }
        var options = SimulatedPeer.Options()
        options.accepts = [.pap]
        try site.lac.connect(options)
        #expect(site.host.said().contains { $0.hasPrefix("ask 1 alice 736563726574 ") })
        #expect(site.lac.links[100]?.isUp == true)
    }

    @Test func `whoever leaves gives back what was asked for`() throws {
        let site = try Site()
        defer { site.end() }
        site.opensSessions = false
        try site.lac.connect()
        let opening = try #require(site.host.openings.first?.ticket)
        try site.lac.hangUp(100)
        #expect(site.host.said().contains("withdraw opening \(opening)"))
        site.decides = false
        try site.lac.call(101)
        let question = try #require(site.host.questions.first?.ticket)
        try site.lac.send(ControlMessage(.CDN, [ResultCode(1).avp]), session: 1)
        #expect(site.host.said().contains("withdraw question \(question)"))
        site.decides = true
        site.opensSessions = true
        try site.lac.call(102)
        try site.lac.hangUp(102)
        #expect(site.host.said().contains { $0.hasPrefix("close session 77 1") })
    }

    @Test func `who is refused has nothing`() throws {
        let site = try Site()
        defer { site.end() }
        site.accounts.hashes = ["alice": "another"]
        try site.lac.connect()
        let said = site.host.said()
        #expect(said.contains { $0.hasPrefix("ask 2") } && !said.contains { $0.hasPrefix("open layer") })
    }

    @Test func `the host refuses, or ends, a session, and the client is told`() throws {
        let site = try Site()
        defer { site.end() }
        site.opensSessions = false
        try site.lac.connect()
        let opening = try #require(site.host.openings.first)
        site.host.openings = []
        site.sessions.refused(site.module.laneState, opening.token, PA_REASON_NO_ADDRESS, "no address")
        try site.pump()
        #expect(site.lac.links[100]?.hasEnded == true && site.lac.transcript.last == "<-- CDN")
        site.opensSessions = true
        try site.lac.call(101)
        #expect(site.lac.links[101]?.isUp == true)
        site.sessions.closed(site.module.laneState, site.token, PA_REASON_ADMINISTRATOR, "enough")
        try site.pump()
        #expect(site.lac.links[101]?.hasEnded == true)
        #expect(!site.host.said().contains { $0.hasPrefix("close session") })
    }

    @Test func `the server stops with a goodbye`() throws {
        let site = try Site()
        try site.lac.connect()
        site.end()
        // Nobody hears what it answers.
        site.lac.transmit = { _ in }
        try site.pump()
        #expect(site.lac.links[100]?.hasEnded == true && site.lac.transcript.last == "<-- StopCCN")
        #expect(site.host.said().contains { $0.hasPrefix("close session 77") })
    }

    @Test func `without a key in plugins.conf one is made, kept and told`() throws {
        let host = FakeHost()
        let module = try LoadedModule(Site.descriptor, in: host)
        host.takeDefaults(of: try module.table(PA_OPTION))
        try module.check(module.start())
        let kept = String(decoding: try #require(host.stored["psk"]), as: UTF8.self)
        #expect(kept.split(separator: "-").map(\.count) == [4, 4, 4, 4, 4, 4])
        let again = try LoadedModule(Site.descriptor, in: host)
        try again.check(again.start())
        #expect(host.stored["psk"] == Array(kept.utf8))
    }

    @Test func `options that cannot be are refused with what may be`() throws {
        for (options, words) in [
            (["psk": .string("")], "psk is empty"),
            (["psk": .string("x"), "auth": .strings(["chap-md5"])], "auth has \"chap-md5\""),
            (["psk": .string("x"), "auth": .strings([])], "auth is empty"),
        ] as [([String: FakeHost.FakeOption], String)] {
            let start = try LoadedModule.start(Site.descriptor, with: options)
            #expect(start.status != PA_OK)
            #expect(start.explained.contains { $0.contains(words) })
        }
    }
}
