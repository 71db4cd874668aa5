import FakeHost
import PluginABI
import SSTPClient
import SSTPCore
import Testing
import Wire

/// Clients that go on in another instance of the whole module. That neither the client nor the host hears of
/// it is seen by `Site.swap`, each time.
@Suite struct HandoverTests {
    private let packet: [UInt8] = [0x45, 0, 0, 20] + [UInt8](repeating: 7, count: 16)

    @Test(arguments: [Int.max, 100, 7])
    func `a client does not notice that each piece meets another instance`(
        piece: Int
    ) throws {
        let site = try Site { $0.peer.interfaceIdentifier = 0x1234 }
        defer { site.end() }
        site.piece = piece
        site.swapsAllTheTime = true
        #expect(site.run { site.client.peer.isUp && !site.host.links.isEmpty })
        #expect(site.client.peer.address == IPv4Address("192.168.30.10"))
        #expect(site.client.peer.serverIsProved)
        let said = site.host.said()
        #expect(said.count { $0.hasPrefix("ask ") } == 1)
        #expect(
            said.filter { $0.hasPrefix("open layer") } == [
                "open layer 3 for 1000 mtu 1400 room 8+0 SSTP TLSv1.3 from 198.51.100.7:5000 as 500"
            ])
        for number in 0..<3 as Range<UInt8> {
            site.client.send(packet: packet + [number])
            site.transmit([packet + [number]])
            site.pump()
        }
        #expect(site.host.frames.map(\.octets) == [packet + [0], packet + [1], packet + [2]])
        #expect(site.client.packets == site.host.frames.map(\.octets))
        site.sessions.closed(site.module.laneState, site.token, PA_REASON_ADMINISTRATOR, "enough")
        #expect(site.run { !site.host.closedStreams.isEmpty })
        #expect(site.client.peer.hasEnded && site.client.heard.last == 6)
        #expect(site.swaps > 20)
    }

    /// The kinds of what goes with a client, at the stages of its way in.
    @Test func `what the host has of a client goes with it`() throws {
        let site = try Site()
        defer { site.end() }
        site.opensSessions = false
        func held() throws -> [pa_held_v1] {
            try site.module.export { _ in PA_ERROR_REFUSED }.first { $0.isClient }?.held ?? []
        }
        #expect(try held().map(\.kind) == [PA_HELD_STREAM])
        site.judges = false
        #expect(site.run { !site.host.questions.isEmpty })
        #expect(try held().map(\.kind) == [PA_HELD_STREAM, PA_HELD_QUESTION])
        #expect(try held().last?.handle == site.host.questions.first?.ticket)
        site.judges = true
        #expect(site.run { !site.host.openings.isEmpty })
        #expect(try held().map(\.kind) == [PA_HELD_STREAM, PA_HELD_SESSION])
        #expect(try held().last?.handle == site.host.openings.first?.ticket)
        site.opensSessions = true
        #expect(site.run { site.client.peer.isUp })
        #expect(try held().map(\.kind) == [PA_HELD_STREAM, PA_HELD_SESSION])
        #expect(try held().map(\.handle) == [Site.stream, 77])
        #expect(try held().allSatisfy { $0.token == site.token })
        let muted = try Site { $0.isMute = true }
        defer { muted.end() }
        #expect(!muted.run(for: 10) { muted.client.peer.isUp })
        let client = try muted.module.export { _ in PA_ERROR_REFUSED }.first { $0.isClient }
        let kinds = try #require(client).held.map(\.kind)
        #expect(kinds == [PA_HELD_STREAM, PA_HELD_IDENTITY], "accepted, and without a session yet")
    }

    @Test func `what waits for a stream that is full is written by the new instance`() throws {
        let site = try Site()
        defer { site.end() }
        #expect(site.run { site.client.peer.isUp })
        site.host.writing = PA_ERROR_LIMIT
        site.client.send(8)
        site.pump()
        site.swap()
        site.transmit([packet])
        site.host.writing = PA_OK
        site.streams.writable(site.module.laneState, site.token, 0)
        site.transmit([packet + [1]])
        site.pump()
        #expect(site.client.heard.last == 9)
        #expect(site.client.packets == [packet + [1]])
    }

    @Test func `places of clients without a session are theirs in the new instance, too`() throws {
        let site = try Site()
        defer { site.end() }
        #expect(site.run { site.client.peer.isUp })
        for stream in 1000..<1128 as Range<UInt64> {
            _ = site.streams.opened(site.module.laneState, stream, 0)
        }
        let other = try site.successor()
        defer { other.end() }
        try site.module.export { (try? other.take($0).status) ?? PA_ERROR_UNSUPPORTED }
        #expect(try other.remaining == 129)
        _ = site.streams.opened(other.laneState, 1128, 0)
        #expect(other.host.closedStreams == [1128])
        site.streams.closed(other.laneState, 1000, PA_STREAM_REMOTE)
        _ = site.streams.opened(other.laneState, 1129, 0)
        #expect(other.host.closedStreams == [1128])
    }

    @Test func `every cut of a record is refused, and its client stays whole`() throws {
        let site = try Site()
        defer { site.end() }
        #expect(site.run { site.client.peer.isUp })
        let other = try site.successor()
        defer { other.end() }
        _ = other.host.said()
        try site.module.export { record in
            #expect(record.version == ConnectionRecord.version)
            #expect((try? other.answersToCuts(of: record)) == [PA_ERROR_REFUSED])
            #expect((try? other.take(record, octets: record.octets + [0]).status) == PA_ERROR_REFUSED)
            return PA_ERROR_REFUSED
        }
        #expect(try other.remaining == 0 && site.module.remaining == 1)
        #expect(other.host.timers.isEmpty && other.host.said().isEmpty)
        site.transmit([packet])
        site.pump()
        #expect(site.client.packets == [packet])
    }

    @Test func `a client that is there already is refused`() throws {
        let site = try Site()
        defer { site.end() }
        let other = try site.successor()
        defer { other.end() }
        try site.module.export { record in
            guard record.isClient else { return PA_OK }
            #expect((try? other.take(record).status) == PA_OK)
            #expect((try? other.take(record).status) == PA_ERROR_REFUSED)
            return PA_OK
        }
        #expect(try other.remaining == 1)
    }

    @Test func `what does not fit into one turn goes in the next`() throws {
        let site = try Site()
        defer { site.end() }
        for stream in 1000..<1004 as Range<UInt64> {
            _ = site.streams.opened(site.module.laneState, stream, 0)
        }
        let other = try site.successor()
        defer { other.end() }
        for turn in 1...5 as ClosedRange<UInt32> {
            var taken = 0
            try site.module.export { record in
                guard record.isClient else { return PA_OK }
                guard taken == 0 else { return PA_ERROR_LIMIT }
                taken += 1
                return (try? other.take(record).status) ?? PA_ERROR_UNSUPPORTED
            }
            #expect(try site.module.remaining == 5 - turn && other.remaining == turn)
        }
    }

    @Test func `what was counted goes on from where it was`() throws {
        func counted(_ module: LoadedModule) throws -> [UInt8] {
            let shared = try module.export { _ in PA_ERROR_REFUSED }.first { !$0.isClient }
            return try #require(shared).octets
        }
        let site = try Site { $0.peer.password = "wrong" }
        defer { site.end() }
        let other = try site.successor()
        defer { other.end() }
        let nothing = try counted(other)
        #expect(try counted(site.module) == nothing)
        #expect(site.run { !site.host.closedStreams.isEmpty })
        #expect(try counted(site.module) != nothing)
        try site.module.export { (try? other.take($0).status) ?? PA_ERROR_UNSUPPORTED }
        #expect(try counted(other) == counted(site.module))
    }
}

extension HandoverOffers.Record {
    /// One that does not hold what the lanes share.
    fileprivate var isClient: Bool { connection != 0 }
}
