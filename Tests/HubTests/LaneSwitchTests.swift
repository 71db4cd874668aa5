import PluginABI
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

    @Test func `a storm is cut at the port's rate, and unicast passes beside it`() {
        let lane = Bench()
        let a = lane.attach(HubPort.Needs(floodRate: 10))
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

/// One lane's switch with recording sinks, and a way to a second one.
private final class Bench: LaneCrossing {
    private(set) var lane: LaneSwitch!
    let hub = Hub(id: 1, name: "DEFAULT", key: 42)
    weak var peer: Bench?
    var crossed: [Int] = []
    var now: UInt64 = 5_000_000_000
    var turn: UInt64 = 0
    private var sinks: [ObjectIdentifier: Sink] = [:]

    init(lane: Int = 0, of count: Int = 1) { self.lane = LaneSwitch(lane: lane, of: count, crossing: self) }

    func attach(_ needs: HubPort.Needs = .init(), to hub: Hub? = nil) -> HubPort {
        let sink = Sink()
        let port = lane.attach(to: hub ?? self.hub, needs: needs, sink: sink)!
        sinks[ObjectIdentifier(port)] = sink
        return port
    }

    func sink(_ port: HubPort) -> Sink { sinks[ObjectIdentifier(port)]! }

    func send(from port: HubPort, _ frame: Frame) {
        turn += 1
        lane.beginTurn(turn, at: now)
        lane.receive(frame.slice, from: port)
        lane.flush()
    }

    func cross(to other: Int, _ header: CrossingHeader, _ frame: pa_slice_v1) -> Bool {
        crossed.append(other)
        guard let peer else { return false }
        peer.turn += 1
        peer.lane.beginTurn(peer.turn, at: now)
        peer.lane.receiveCrossing(CrossingHeader(bits: header.bits), frame)
        peer.lane.flush()
        return true
    }
}

private final class Sink: PortSink {
    var frames: [[UInt8]] = []
    var starts: [UnsafeMutablePointer<UInt8>] = []
    var headrooms: [UInt16] = []
    var reaction: (() -> Void)?

    func deliver(_ batch: UnsafeMutableBufferPointer<pa_slice_v1>, from port: HubPort) {
        for slice in batch {
            frames.append(Array(UnsafeBufferPointer(start: slice.start, count: Int(slice.length))))
            starts.append(slice.start)
            headrooms.append(slice.headroom)
        }
        reaction?()
        reaction = nil
    }
}

/// A frame in memory of its own, kept for the length of the test.
private final class Frame {
    let octets: [UInt8]
    private let memory: UnsafeMutablePointer<UInt8>
    private let headroom: Int

    init(octets: [UInt8], headroom: Int = 64) {
        self.octets = octets
        self.headroom = headroom
        memory = .allocate(capacity: headroom + octets.count + 64)
        for (index, octet) in octets.enumerated() { memory[headroom + index] = octet }
    }

    convenience init(to destination: MACAddress, from source: UInt64, headroom: Int = 64) {
        let header = destination.octets + MACAddress(source).octets + [0x88, 0xb5]
        self.init(octets: header + [UInt8](repeating: 0x5a, count: 46), headroom: headroom)
    }

    deinit { memory.deallocate() }

    var start: UnsafeMutablePointer<UInt8> { memory + headroom }
    var slice: pa_slice_v1 {
        pa_slice_v1(start: start, length: UInt32(octets.count), headroom: UInt16(headroom), tailroom: 64)
    }
}
