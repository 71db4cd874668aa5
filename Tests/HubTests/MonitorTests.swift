import Policy
import Testing
import Wire

@testable import Hub

/// Ports that are given a copy of every frame.
@Suite struct MonitorTests {
    @Test func `a monitor sees each frame once, unicast in a copy and floods as they are`() {
        let lane = Bench()
        let monitor = lane.attach(HubPort.Needs(headroom: 64), as: .monitor(.standard))
        let second = lane.attach(as: .monitor(.standard))
        let (a, b) = (lane.attach(), lane.attach())
        let flood = Frame(to: .broadcast, from: 2)
        lane.send(from: b, flood)
        let unicast = Frame(to: MACAddress(2), from: 1)
        lane.send(from: a, unicast)
        for port in [monitor, second] {
            #expect(lane.sink(port).frames == [flood.octets, unicast.octets])
            #expect(!lane.sink(port).starts.contains(unicast.start))
        }
        #expect(lane.sink(b).starts == [unicast.start], "in the very buffer still")
        #expect(lane.sink(monitor).headrooms.allSatisfy { $0 >= 64 })
        #expect(monitor.counters.framesOut == 2)
    }

    @Test func `a monitor sends nothing, and is not known to be there`() {
        let lane = Bench()
        let monitor = lane.attach(as: .monitor(.standard))
        let a = lane.attach()
        for _ in 0..<3 { lane.send(from: monitor, Frame(to: .broadcast, from: 9)) }
        lane.send(from: monitor, Frame(to: MACAddress(1), from: 9))
        #expect(lane.sink(a).frames.isEmpty)
        #expect(monitor.counters.denied[.monitor] == 4 && lane.sink(monitor).denials == [.monitor])
        #expect(lane.hub.table.snapshot(at: 5).isEmpty)
        lane.send(from: a, Frame(to: MACAddress(9), from: 1))
        #expect(lane.sink(monitor).frames.count == 1, "as any other frame")
    }

    @Test func `what is not forwarded is not seen`() throws {
        let lane = Bench()
        let monitor = lane.attach(as: .monitor(.standard))
        let a = lane.attach(as: .client(Policy([try PolicySettings(text: "broadcasts=10 macs=1")]), owner: 1))
        for _ in 0..<50 { lane.send(from: a, Frame(to: .broadcast, from: 1)) }
        #expect(lane.sink(monitor).frames.count == 10, "the storm is cut")
        lane.send(from: a, Frame(to: .broadcast, from: 7))
        lane.send(from: a, Frame(to: MACAddress(1), from: 1))
        #expect(lane.sink(monitor).frames.count == 10, "what policy denies, and what stays at its port")
    }

    @Test func `monitors on other lanes see all frames, once`() {
        let (first, second) = (Bench(lane: 0, of: 3), Bench(lane: 1, of: 3))
        let hub = Hub(id: 5, name: "WIDE", key: 9)
        first.peer = second
        second.peer = first
        let (a, b, c) = (first.attach(to: hub), first.attach(to: hub), second.attach(to: hub))
        let monitor = second.attach(to: hub, as: .monitor(.standard))
        first.send(from: b, Frame(to: .broadcast, from: 2))
        first.send(from: a, Frame(to: MACAddress(2), from: 1))
        second.send(from: c, Frame(to: MACAddress(1), from: 3))
        #expect(second.sink(monitor).frames.count == 3)
        #expect(first.sink(b).frames.count == 1 && first.sink(a).frames.count == 2)
        #expect(second.sink(c).frames.count == 1, "unicast between others is no business of theirs")
        second.lane.detach(monitor)
        first.crossed = []
        first.send(from: a, Frame(to: MACAddress(2), from: 1))
        #expect(first.crossed.isEmpty && !hub.isMonitored)
    }

    @Test func `a hub's monitor sees nothing of another hub, and a lane with nobody else keeps it`() {
        let lane = Bench()
        let other = Hub(id: 2, name: "OTHER", key: 1)
        let monitor = lane.attach(as: .monitor(.standard))
        let (a, b) = (lane.attach(to: other), lane.attach(to: other))
        lane.send(from: a, Frame(to: .broadcast, from: 1))
        #expect(lane.sink(b).frames.count == 1 && lane.sink(monitor).frames.isEmpty)
        let last = lane.attach()
        lane.lane.detach(last)
        let again = lane.attach()
        lane.send(from: again, Frame(to: .broadcast, from: 1))
        #expect(lane.sink(monitor).frames.count == 1)
    }

    @Test func `copies for monitors leave room for frames that somebody waits for`() {
        let lane = Bench()
        let (a, b) = (lane.attach(), lane.attach(HubPort.Needs(headroom: 128)))
        lane.send(from: b, Frame(to: .broadcast, from: 2))
        let monitors = (0..<8).map { _ in lane.attach(as: .monitor(.standard)) }
        let frame = Frame(to: MACAddress(2), from: 1)
        lane.lane.beginTurn(100, at: lane.now)
        for _ in 0..<500 { lane.lane.receive(frame.slice, from: a) }
        lane.lane.flush()
        #expect(lane.sink(b).frames.count == 500, "each of them a copy, for the headroom")
        #expect(monitors.allSatisfy { $0.counters.dropped > 0 })
    }

    @Test func `a header that crosses lanes comes as it went`() {
        for port in [0, 1, .max] as [UInt16] {
            for isForMonitors in [false, true] {
                let header = CrossingHeader(
                    bits: CrossingHeader(hub: .max, port: port, isForMonitors: isForMonitors).bits)
                #expect(header.hub == .max && header.port == port && header.isForMonitors == isForMonitors)
            }
        }
    }
}
