import FakeHost
import IPsecCore
import PPPPeer
import PluginABI
import Testing
import Wire

@testable import L2TP

/// Telephones that go on in another instance of the whole module. That neither they nor the host hear of it
/// is seen by `Site.swap`, each time.
@Suite struct HandoverTests {
    private let packet: [UInt8] = [0x45, 0, 0, 20] + [UInt8](repeating: 7, count: 16)

    @Test func `a telephone does not notice that each packet meets another instance`() throws {
        let site = try Site(swaps: true)
        defer { site.end() }
        try site.lac.connect()
        let link = try #require(site.lac.links[100])
        #expect(link.isUp && link.serverIsProved && link.address == IPv4Address("192.168.30.10"))
        let said = site.host.said()
        #expect(said.count { $0.hasPrefix("ask ") } == 1)
        #expect(said.count { $0.hasPrefix("open layer 3 for 1000 mtu 1400 ") } == 1)
        try site.deliverESP(site.lac.datagram(frame: [0x21] + packet, 100))
        #expect(site.host.frames.map(\.octets) == [packet])
        #expect(site.host.frames.allSatisfy { $0.session == Site.session })
        try site.transmit([packet, packet + [2]])
        #expect(site.lac.packets == [packet, packet + [2]])
        site.sessions.closed(site.module.laneState, site.token, PA_REASON_ADMINISTRATOR, "enough")
        try site.pump()
        #expect(site.lac.links[100]?.hasEnded == true)
        #expect(site.swaps > 20)
    }

    @Test func `keys of phase 2 that are renewed in between are used`() throws {
        let site = try Site()
        defer { site.end() }
        try site.lac.connect()
        try site.swap()
        site.deliver(try site.peer.startQuickMode(), on: Site.ikeSocket)
        try site.pump()
        try site.swap()
        #expect(site.peer.children.count == 2 && site.peer.transcript.last == "HASH(3) -->")
        try site.deliverESP(site.lac.datagram(frame: [0x21] + packet, 100))
        #expect(site.host.frames.map(\.octets) == [packet])
    }

    /// The kinds of what goes with a party, at the stages of its way in.
    @Test func `what the host has of a telephone goes with it`() throws {
        let site = try Site()
        defer { site.end() }
        func held() throws -> [pa_held_v1] {
            try site.module.export { $0.connection == 0 ? PA_OK : PA_ERROR_REFUSED }.last?.held ?? []
        }
        #expect(try held().isEmpty)
        (site.decides, site.opensSessions) = (false, false)
        try site.lac.connect()
        #expect(try held().map(\.kind) == [PA_HELD_QUESTION])
        #expect(try held().map(\.handle) == site.host.questions.map(\.ticket))
        #expect(try held().map(\.token) == site.host.questions.map(\.token))
        site.decides = true
        try site.pump()
        #expect(try held().map(\.kind) == [PA_HELD_SESSION])
        #expect(try held().map(\.handle) == site.host.openings.map(\.ticket))
        site.opensSessions = true
        try site.pump()
        #expect(try held().map(\.handle) == [Site.session] && held().map(\.token) == [site.token])
    }

    @Test func `every cut of a record is refused, and its telephone stays whole`() throws {
        let site = try Site()
        defer { site.end() }
        try site.lac.connect()
        let other = try site.successor()
        defer { other.end() }
        _ = other.host.said()
        try site.module.export { record in
            #expect(record.version == Party.recordVersion)
            // What the lane shares is whole without the sums of the counters.
            let answers: Set = record.connection == 0 ? [PA_ERROR_REFUSED, PA_OK] : [PA_ERROR_REFUSED]
            #expect((try? other.answersToCuts(of: record)) == answers)
            #expect((try? other.take(record, octets: record.octets + [0]).status) == PA_ERROR_REFUSED)
            return PA_ERROR_REFUSED
        }
        #expect(try other.remaining == 0 && site.module.remaining == 1)
        #expect(other.host.timers.isEmpty && other.host.said().isEmpty)
        try site.transmit([packet])
        #expect(site.lac.packets == [packet])
    }

    @Test func `of what the lane shares every cut is refused but that before the sums`() throws {
        let site = try Site()
        defer { site.end() }
        let other = try site.successor()
        defer { other.end() }
        let records = try site.module.export { _ in PA_ERROR_REFUSED }
        let shared = try #require(records.first { $0.connection == 0 })
        let taken = try shared.octets.indices.filter {
            try other.take(shared, octets: Array(shared.octets[..<$0])).status == PA_OK
        }
        #expect(taken.count == 1)
        #expect(try other.take(shared).status == PA_OK)
    }

    @Test func `a party that is there already is refused`() throws {
        let site = try Site()
        defer { site.end() }
        let other = try site.successor()
        defer { other.end() }
        try site.module.export { record in
            #expect((try? other.take(record).status) == PA_OK)
            if record.connection != 0 { #expect((try? other.take(record).status) == PA_ERROR_REFUSED) }
            return PA_OK
        }
        #expect(try other.remaining == 1 && site.module.remaining == 0)
    }

    @Test func `each instance owns the packets of its own SAs`() throws {
        let site = try Site()
        defer { site.end() }
        try site.lac.connect()
        let other = try site.successor()
        defer { other.end() }
        let question = try site.peer.startQuickMode()
        let data = site.sealed(site.lac.datagram(frame: [0x21] + packet, 100))
        for (octets, socket) in [(question, Site.ikeSocket), (data, Site.espSocket)] {
            #expect(try site.owns(octets, on: socket, site.module))
            #expect(try !site.owns(octets, on: socket, other))
            for length in 0..<4 {
                #expect(try !site.owns(Array(octets[..<length]), on: socket, site.module))
            }
        }
        try site.module.export { (try? other.take($0).status) ?? PA_ERROR_UNSUPPORTED }
        for (octets, socket) in [(question, Site.ikeSocket), (data, Site.espSocket)] {
            #expect(try !site.owns(octets, on: socket, site.module))
            #expect(try site.owns(octets, on: socket, other))
        }
    }

    @Test func `the former instance seals nothing any more`() throws {
        let site = try Site()
        defer { site.end() }
        try site.lac.connect()
        let other = try site.successor()
        defer { other.end() }
        try site.module.export { (try? other.take($0).status) ?? PA_ERROR_UNSUPPORTED }
        try site.transmit([packet])
        #expect(site.lac.packets.isEmpty && site.host.sent.isEmpty)
    }
}
