import Policy
import Testing
import Wire

@testable import Hub

@Suite struct LaneSwitchTests {
    @Test func `unicast goes out of the very buffer in which it came in`() throws {
        let lane = Bench()
        let (a, b) = (lane.attach(), lane.attach())
        lane.send(from: a, Frame(to: .broadcast, from: 1))
        lane.send(from: b, Frame(to: MACAddress(1), from: 2))
        let frame = Frame(to: MACAddress(2), from: 1)
        lane.send(from: a, frame)
        #expect(lane.sink(b).starts.last == frame.start)
        #expect(lane.sink(a).starts.count == 1)
    }

    @Test func `an unknown destination reaches everyone but its source, each in a buffer of its own`() {
        let lane = Bench()
        let ports = (0..<4).map { _ in lane.attach() }
        let frame = Frame(to: MACAddress(99), from: 1)
        lane.send(from: ports[0], frame)
        #expect(lane.sink(ports[0]).starts.isEmpty)
        let starts = Set(ports[1...].flatMap { lane.sink($0).starts })
        #expect(starts.count == 3)
        #expect(!starts.contains(frame.start))
        #expect(lane.sink(ports[1]).frames == [frame.octets])
    }

    @Test func `a frame without the headroom that its destination needs is copied`() {
        let lane = Bench()
        let (a, b) = (lane.attach(), lane.attach(HubPort.Needs(headroom: 64)))
        lane.send(from: b, Frame(to: .broadcast, from: 2))
        let frame = Frame(to: MACAddress(2), from: 1, headroom: 63)
        lane.send(from: a, frame)
        #expect(lane.sink(b).frames == [frame.octets])
        #expect(lane.sink(b).starts.last != frame.start)
        #expect(lane.sink(b).headrooms.allSatisfy { $0 >= 64 })
    }

    @Test func `hubs with equal addresses never meet`() {
        let lane = Bench()
        let other = Hub(id: 2, name: "OTHER", key: 1)
        let (a, b) = (lane.attach(), lane.attach())
        let (c, d) = (lane.attach(to: other), lane.attach(to: other))
        for port in [b, d] { lane.send(from: port, Frame(to: .broadcast, from: 2)) }
        let counts = [a, b, c, d].map { lane.sink($0).starts.count }
        #expect(counts == [1, 0, 1, 0])
        lane.send(from: a, Frame(to: MACAddress(2), from: 1))
        #expect(lane.sink(b).starts.count == 1)
        #expect(lane.sink(d).starts.isEmpty)
    }

    @Test func `a storm is cut at the port's rate, and unicast passes beside it`() throws {
        let lane = Bench()
        var settings = PolicySettings()
        try settings.set("broadcasts=10")
        let a = lane.attach(as: .client(Policy([settings]), owner: 1))
        let b = lane.attach()
        lane.send(from: b, Frame(to: .broadcast, from: 2))
        for _ in 0..<50 { lane.send(from: a, Frame(to: .broadcast, from: 1)) }
        #expect(lane.sink(b).starts.count == 10)
        #expect(a.counters.floodsRefused == 40)
        lane.send(from: a, Frame(to: MACAddress(2), from: 1))
        #expect(lane.sink(b).starts.count == 11)
        lane.now += 1_000_000_000
        lane.send(from: a, Frame(to: .broadcast, from: 1))
        #expect(lane.sink(b).starts.count == 12)
    }

    @Test func `a client that floods does not silence its layer converter, which has a bound too`() throws {
        let lane = Bench()
        var settings = PolicySettings()
        try settings.set("broadcasts=10")
        let client = lane.attach(as: .converted(Policy([settings]), owner: 1))
        let lan = lane.attach()
        for _ in 0..<50 { lane.send(from: client, Frame(to: .broadcast, from: 1)) }
        #expect(lane.sink(lan).starts.count == 10)
        lane.send(from: client, Frame(to: .broadcast, from: 1), isConverters: true)
        #expect(lane.sink(lan).starts.count == 11)
        for _ in 0..<2000 { lane.send(from: client, Frame(to: .broadcast, from: 1), isConverters: true) }
        #expect(lane.sink(lan).starts.count == 10 + Int(FloodBudget.defaultRate))
    }

    @Test func `runts and frames from a group address are dropped and teach nothing`() {
        let lane = Bench()
        let (a, b) = (lane.attach(), lane.attach())
        lane.send(from: a, Frame(to: .broadcast, from: 0x0100_5e00_0001))
        lane.send(from: a, Frame(octets: [UInt8](repeating: 0xff, count: 13)))
        #expect(a.counters.dropped == 2)
        #expect(lane.sink(b).starts.isEmpty)
        #expect(a.hub.table.snapshot(at: 0).isEmpty)
    }

    @Test func `a detached port gets nothing and is forgotten`() {
        let lane = Bench()
        let (a, b) = (lane.attach(), lane.attach())
        lane.send(from: b, Frame(to: .broadcast, from: 2))
        lane.lane.detach(b)
        lane.send(from: a, Frame(to: MACAddress(2), from: 1))
        #expect(lane.sink(b).starts.isEmpty)
        lane.send(from: b, Frame(to: MACAddress(1), from: 2))
        #expect(lane.sink(a).starts.count == 1)
    }

    @Test func `a detached port lets go of what stood behind it`() {
        let lane = Bench()
        weak var sink: Sink?
        let port = lane.lane.attach(to: lane.hub, needs: .init(), sink: makeSink(&sink))!
        #expect(sink != nil)
        lane.lane.detach(port)
        #expect(sink == nil)
    }

    private func makeSink(_ reference: inout Sink?) -> Sink {
        let made = Sink()
        reference = made
        return made
    }

    @Test func `what was not delivered in its turn is dropped`() {
        let lane = Bench()
        let (a, b) = (lane.attach(), lane.attach())
        let frame = Frame(to: .broadcast, from: 1)
        lane.lane.beginTurn(1, at: lane.now)
        lane.lane.receive(frame.slice, from: a)
        lane.lane.beginTurn(2, at: lane.now)
        lane.lane.flush()
        #expect(lane.sink(b).frames.isEmpty)
        #expect(b.counters.dropped == 1)
    }

    @Test func `what deliveries cause is delivered in the same turn`() {
        let lane = Bench()
        let (a, b) = (lane.attach(), lane.attach())
        let answer = Frame(to: MACAddress(1), from: 2)
        lane.sink(b).reaction = { lane.lane.receive(answer.slice, from: b) }
        lane.send(from: a, Frame(to: .broadcast, from: 1))
        #expect(lane.sink(a).frames == [answer.octets])
    }

    @Test func `what a delivery causes at its own port does not overwrite what is being delivered`() {
        let lane = Bench()
        let (a, b, c) = (lane.attach(), lane.attach(), lane.attach())
        let frames = (1...4).map { Frame(to: .broadcast, from: $0) }
        lane.sink(b).reaction = { for frame in frames[2...] { lane.lane.receive(frame.slice, from: c) } }
        lane.lane.beginTurn(1, at: lane.now)
        for frame in frames[..<2] { lane.lane.receive(frame.slice, from: a) }
        lane.lane.flush()
        #expect(lane.sink(b).frames == frames.map(\.octets))
    }

    @Test func `a flooded frame is not copied for whom it is of no use`() {
        let (lane, peer) = (Bench(lane: 0, of: 2), Bench(lane: 1, of: 2))
        lane.peer = peer
        let (a, b, c) = (lane.attach(), lane.attach(), peer.attach(to: lane.hub))
        lane.sink(b).isInterested = false
        peer.sink(c).isInterested = false
        lane.send(from: a, Frame(to: .broadcast, from: 1))
        #expect(b.counters.framesOut == 0 && c.counters.framesOut == 0)
    }

    @Test func `who has left is unknown, and what is sent there is flooded`() {
        let lane = Bench()
        let (a, b, c) = (lane.attach(), lane.attach(), lane.attach())
        lane.send(from: b, Frame(to: .broadcast, from: 2))
        lane.lane.detach(b)
        lane.send(from: a, Frame(to: MACAddress(2), from: 1))
        #expect(lane.sink(c).frames.count == 2)
        #expect(lane.hub.seenMACs(at: 5).map(\.port) == [a.number])
    }

    @Test func `a port's number means another port only after its addresses are forgotten`() {
        let lane = Bench()
        let former = lane.attach()
        lane.send(from: former, Frame(to: .broadcast, from: 2))
        lane.lane.detach(former)
        var numbers: Set<UInt16> = []
        while true {
            let port = lane.lane.attach(to: lane.hub, needs: .init(), sink: Sink())!
            lane.lane.detach(port)
            guard port.number != former.number else { break }
            #expect(numbers.insert(port.number).inserted)
        }
        #expect(numbers.count == Hub.maxPorts - 1)
        #expect(lane.hub.table.snapshot(at: 5).isEmpty)
    }

    @Test func `frames cross lanes to the port alone, and floods to every lane with a port of the hub`() {
        let (first, second) = (Bench(lane: 0, of: 3), Bench(lane: 1, of: 3))
        let hub = Hub(id: 5, name: "WIDE", key: 9)
        let (a, b, c) = (first.attach(to: hub), second.attach(to: hub), second.attach(to: hub))
        first.peer = second
        second.peer = first
        first.send(from: a, Frame(to: .broadcast, from: 1))
        #expect(first.crossed == [1])
        #expect([b, c].map { second.sink($0).starts.count } == [1, 1])
        second.send(from: b, Frame(to: MACAddress(1), from: 2))
        #expect(first.sink(a).frames.count == 1)
        #expect(second.sink(c).starts.count == 1)
    }
}
