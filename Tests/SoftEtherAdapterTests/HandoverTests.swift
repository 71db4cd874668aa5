import FakeHost
import PluginABI
import PluginKit
import SoftEtherCore
import Testing

@testable import SoftEtherAdapter

extension Site {
    /// A second instance of the module beside this one.
    fileprivate func successor(lane: UInt32 = 0) throws -> Site {
        let made = try Site(lane: lane)
        made.host.now = host.now
        made.listen()
        return made
    }

    fileprivate var handover: pa_handover_module_v1 {
        get throws { try module.handover }
    }

    /// What this instance offers, each record answered.
    @discardableResult
    fileprivate func export(
        _ answer: @escaping (HandoverOffers.Record) -> pa_status
    ) throws -> [HandoverOffers.Record] {
        try module.export(answer)
    }

    fileprivate func take(_ record: HandoverOffers.Record, octets: [UInt8]? = nil) -> pa_status {
        guard let taken = try? module.take(record, octets: octets) else { return PA_ERROR_UNSUPPORTED }
        if taken.status == PA_OK {
            #expect(taken.tokens == record.held.map(\.token), "this module's tokens stay as they are")
        }
        return taken.status
    }

    /// Everything goes on in `other`.
    @discardableResult
    fileprivate func handOver(to other: Site) throws -> [HandoverOffers.Record] {
        let records = try export { other.take($0) }
        #expect(try handover.remaining(module.laneState) == 0)
        #expect(host.timers.isEmpty)
        try other.handover.import_ended(other.module.laneState)
        #expect(host.said().allSatisfy { $0.hasPrefix("disarm") }, "nobody hears of it")
        return records
    }

    fileprivate func owns(_ octets: [UInt8], port: UInt16 = 40000) throws -> Bool {
        var remote = host.streamRemote
        remote.port = port
        var datagram = pa_datagram_v1(
            payload: host.memory.slice(octets), remote: host.memory.array([remote]), local: nil)
        return try handover.owns(module.laneState, Self.socket, &datagram) != 0
    }
}

/// Sessions that go on in another instance of the whole module.
@Suite struct HandoverTests {
    @Test func `a session goes on with its streams, and frames flow both ways`() throws {
        let (former, site) = (try Site(), try Site())
        defer {
            former.end()
            site.end()
        }
        let (token, welcome) = former.connect(5) { $0.set("use_compress", true) }
        try former.join(6, welcome)
        // An announced block is under way.
        former.hear([0, 0, 0, 1], 6)
        _ = former.host.said()
        let records = try former.handOver(to: site)
        #expect(records.map(\.connection) == [0, token])
        #expect(records[1].held.map(\.kind) == [PA_HELD_SESSION, PA_HELD_STREAM, PA_HELD_STREAM])
        #expect(records[1].held.map(\.handle) == [900, 5, 6])
        #expect(try site.handover.remaining(site.module.laneState) == 1)
        #expect(site.host.timers.count == 1, "the new instance has the clock in its eye")

        site.transmit([frame(1, count: 1400)], token)
        let sent = try #require(site.host.written[5])
        #expect(sent.count < 100, "compressed as before")
        let announced = Array(sent[4...])
        #expect(site.hear(announced, 6) == announced.count)
        #expect(site.host.frames.map(\.octets) == [frame(1, count: 1400)])
        try site.join(7, welcome)
        #expect(try #require(site.host.written[7]).suffix(4) == [0, 0, 0, 0], "no error")
        site.session.closed(site.module.laneState, token, PA_REASON_ADMINISTRATOR, "maintenance")
        #expect(Set(site.host.closedStreams) == [5, 6, 7])
    }

    @Test func `questions and places that are awaited come to the new instance`() throws {
        let (former, site) = (try Site(), try Site())
        defer {
            former.end()
            site.end()
        }
        former.knock(5)
        former.knock(6)
        former.login(6)
        let question = try #require(former.host.questions.first)
        _ = former.host.said()
        let records = try former.handOver(to: site)
        let numbers: Set<UInt64> = [0, 1 << 63 | 5, 1 << 63 | 6]
        #expect(Set(records.map(\.connection)) == numbers)
        site.host.questions = [question]
        site.decide(PA_VERDICT_ACCEPTED)
        let opening = try #require(site.host.openings.first)

        let third = try Site()
        defer { third.end() }
        _ = site.host.said()
        let again = try site.handOver(to: third)
        let session = try #require(again.first { $0.connection == opening.token })
        #expect(session.held.map(\.handle) == [opening.ticket, 6])
        third.session.opened(third.module.laneState, opening.token, 900, nil)
        #expect(third.host.written[6]?.isEmpty == false, "the welcome")
        third.login(5)
        #expect(third.host.questions.count == 1)
        third.decide(PA_VERDICT_CREDENTIALS)
        #expect(third.host.written[5]?.suffix(4) == [0, 0, 0, 9])
    }

    @Test func `every cut of a record is refused, and its connection stays whole`() throws {
        let (former, site) = (try Site(), try Site())
        defer {
            former.end()
            site.end()
        }
        former.listen()
        let (token, _) = former.connect(5, Acceleration.offer)
        former.knock(6)
        former.login(6, Acceleration.offer)
        try former.export { record in
            guard record.connection != 0 else { return site.take(record) }
            for length in record.octets.indices {
                #expect(site.take(record, octets: Array(record.octets[..<length])) == PA_ERROR_REFUSED)
            }
            return PA_ERROR_REFUSED
        }
        #expect(try site.handover.remaining(site.module.laneState) == 0)
        #expect(try former.handover.remaining(former.module.laneState) == 2)
        former.host.written = [:]
        former.transmit([frame(1)], token)
        #expect(former.host.written[5] == [0, 0, 0, 1] + block(frame(1)))
        _ = former.host.said()
        try former.handOver(to: site)
    }

    @Test func `what does not fit into one turn goes in the next, and what the lane shares goes once`() throws
    {
        let (former, site) = (try Site(), try Site())
        defer {
            former.end()
            site.end()
        }
        for handle in 5...8 as ClosedRange<UInt64> { former.knock(handle) }
        _ = former.host.said()
        var offered: [UInt64] = []
        for turn in 0..<4 {
            var taken = 0
            try former.export { record in
                offered.append(record.connection)
                if record.connection != 0 {
                    guard taken == 0 else { return PA_ERROR_LIMIT }
                    taken += 1
                }
                return site.take(record)
            }
            #expect(try former.handover.remaining(former.module.laneState) == UInt32(3 - turn))
        }
        #expect(offered.count { $0 == 0 } == 1)
        #expect(try site.handover.remaining(site.module.laneState) == 4)
        former.knock(9)
        #expect(try former.export { _ in PA_ERROR_REFUSED }.first?.connection == 0, "it begins anew")
    }

    @Test func `a session that is lost is awaited there`() throws {
        let (former, site) = (try Site(), try Site())
        defer {
            former.end()
            site.end()
        }
        let (token, welcome) = former.connect(5)
        former.stream.closed(former.module.laneState, 5, PA_STREAM_FAILED)
        _ = former.host.said()
        let records = try former.handOver(to: site)
        #expect(records[1].held.map(\.kind) == [PA_HELD_SESSION])
        try site.join(6, welcome)
        site.transmit([frame(1)], token)
        #expect(site.host.written[6]?.suffix(60) == frame(1)[...])
        site.stream.closed(site.module.laneState, 6, PA_STREAM_REMOTE)
        #expect(site.host.said().contains("close session 900 1 the client closed its connections"))
    }

    /// What the lane shares, as it would be offered now.
    private func shared(_ site: Site) throws -> HandoverOffers.Record {
        try #require(try site.export { _ in PA_ERROR_REFUSED }.first)
    }

    @Test func `of a shared record that is cut nothing is taken`() throws {
        let former = try Site()
        defer { former.end() }
        former.listen()
        _ = former.connect(5, Acceleration.offer)
        let record = try shared(former)
        let site = try former.successor()
        defer { site.end() }
        let before = try shared(site).octets
        // Without any counters it is another lane's.
        var counters: [UInt8] = []
        ModuleCounters<Counter>().serializeSums(into: &counters)
        let whole = record.octets.count - counters.count
        for length in record.octets.indices where length != whole {
            #expect(site.take(record, octets: Array(record.octets[..<length])) == PA_ERROR_REFUSED)
        }
        #expect(try shared(site).octets == before)
        #expect(site.take(record) == PA_OK)
        #expect(try shared(site).octets != before)
        let sums = record.octets[whole...]
        #expect(sums != counters[...])
        #expect(try shared(site).octets.suffix(counters.count) == sums)
    }

    // MARK: Datagrams

    private func cookie(_ welcome: [UInt8]) throws -> UInt32 {
        try #require(welcomed("udp_acceleration_server_cookie", in: welcome))
    }

    @Test func `a session that is accelerated stays so`() throws {
        let former = try Site()
        defer { former.end() }
        former.listen()
        let (token, welcome) = former.connect(5, Acceleration.offer)
        let cookie = try cookie(welcome)
        for second in 0...10 as ClosedRange<UInt64> {
            former.deliver(try sealed([], cookie: cookie, tick: 1000 + second * 1000), port: 40001)
            former.pass(seconds: 1)
        }
        _ = former.host.said()
        let site = try former.successor()
        defer { site.end() }
        try former.handOver(to: site)
        site.transmit([frame(1)], token)
        #expect(site.host.sent.map(\.octets.count) == [60 + 51], "at once")
        #expect(site.host.sent[0].remote.port == 40001, "where the client was last")
        site.deliver(try sealed(frame(2), cookie: cookie, tick: 11_000), port: 40001)
        #expect(site.host.frames.isEmpty, "a tick's nonce was seen before")
        site.deliver(try sealed(frame(2), cookie: cookie, tick: 12_000), port: 40001)
        #expect(site.host.frames.map(\.octets) == [frame(2)])
        #expect(try !former.owns(try sealed(frame(2), cookie: cookie, tick: 13_000), port: 40001))
        site.stream.closed(site.module.laneState, 5, PA_STREAM_REMOTE)
        site.deliver(try sealed(frame(3), cookie: cookie, tick: 13_000), port: 40001)
        #expect(site.host.frames.count == 1)
    }

    @Test func `a session that stays behind gets its datagrams`() throws {
        let former = try Site()
        defer { former.end() }
        former.listen()
        let (_, welcome) = former.connect(5, Acceleration.offer)
        let cookie = try cookie(welcome)
        let site = try former.successor()
        defer { site.end() }
        try former.export { $0.connection == 0 ? site.take($0) : PA_ERROR_REFUSED }
        let packet = try sealed(frame(1), cookie: cookie, tick: 1000)
        #expect(try former.owns(packet))
        #expect(try former.owns(packet, port: 40009), "wherever it comes from")
        #expect(try !former.owns(try sealed(frame(1), cookie: 1, tick: 1, key: [UInt8](9..<41))))
        former.deliver(packet)
        #expect(former.host.frames.map(\.octets) == [frame(1)])
    }

    @Test func `a lane passes on what belongs to one that is not taken over yet`() throws {
        let former = try Site(lane: 1)
        defer { former.end() }
        former.listen()
        let (_, welcome) = former.connect(5, Acceleration.offer)
        let cookie = try cookie(welcome)
        // As lane 0 of the same instance would tell it.
        let site = try former.successor(lane: 0)
        defer { site.end() }
        let shared = try #require(try former.export { _ in PA_ERROR_REFUSED }.first { $0.connection == 0 })
        #expect(site.take(shared) == PA_OK)
        let packet = try sealed(frame(1), cookie: cookie, tick: 1000)
        site.deliver(packet)
        #expect(site.host.said().contains { $0.hasPrefix("to lane 1, \(Site.socket)") })
        for length in shared.octets.indices.dropFirst() where length > 9 {
            let other = try Site(lane: 1)
            defer { other.end() }
            #expect(other.take(shared, octets: Array(shared.octets[..<length])) == PA_ERROR_REFUSED)
        }
    }
}
