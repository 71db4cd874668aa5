import Hub
import PluginABI
import Policy
import Wire

/// Addresses spread over the forwarding table.
struct TableBench {
    private let table = ForwardingTable(key: 0x5eed)
    private let addresses = (0..<4096).map { MACAddress(0x0200_0000_0000 | UInt64($0) &* 0x0001_0003) }

    init() {
        for (index, mac) in addresses.enumerated() { table.learn(mac, on: UInt16(index % 100 + 1), at: 1) }
    }

    func lookUp(_ count: Int) {
        var found = 0
        for index in 0..<count where table.port(of: addresses[index & 4095], at: 1) != 0 { found += 1 }
        precondition(found == count)
    }

    func learn(_ count: Int) {
        for index in 0..<count {
            table.learn(addresses[index & 4095], on: UInt16(index & 4095) % 100 + 1, at: 1)
        }
    }
}

/// Takes frames and counts them.
final class CountingSink: PortSink {
    var frames = 0
    func deliver(_ batch: UnsafeMutableBufferPointer<pa_slice_v1>, from port: HubPort) {
        frames += batch.count
    }
}

/// Never called on one lane.
final class NoCrossing: LaneCrossing {
    func cross(to lane: Int, _ header: CrossingHeader, _ frame: pa_slice_v1) -> Bool { false }
}

/// A batch of frames in memory of its own.
@safe final class FrameBatch {
    static let size = 64
    let slices = UnsafeMutableBufferPointer<pa_slice_v1>.allocate(capacity: size)
    private let header: [UInt8]
    private let octets: Int
    private var places: [UnsafeMutablePointer<UInt8>] = unsafe []

    /// An IPv4 packet of TCP.
    init(to destination: MACAddress, from source: MACAddress, octets: Int) {
        header =
            destination.octets + source.octets
            + [
                8, 0, 0x45, 0, UInt8((octets - 14) >> 8), UInt8((octets - 14) & 0xff), 0, 0, 0, 0, 64, 6, 0,
                0,
            ]
            + [10, 0, 0, 1, 10, 0, 0, 2, 0x13, 0x88, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x10]
        self.octets = octets
        for index in 0..<Self.size {
            let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: octets + 512)
            unsafe memory.initialize(repeating: 0x5a, count: octets + 512)
            unsafe places.append(memory + 256)
            renew(index)
        }
    }

    /// Makes a frame of what encryption in place has left of it; its payload stays as it is.
    func renew(_ index: Int) {
        let start = unsafe places[index]
        unsafe start.update(from: header, count: header.count)
        unsafe slices[index] = pa_slice_v1(
            start: start, length: UInt32(octets), headroom: 256, tailroom: 256)
    }
}

/// Two ports of a hub on one lane, of which the first is believed or judged.
final class SwitchBench {
    private let lane = LaneSwitch(lane: 0, of: 1, crossing: NoCrossing())
    private let sink = CountingSink()
    private var turn: UInt64 = 0
    private let port: HubPort
    private let batch = FrameBatch(
        to: MACAddress(0x0200_0000_0002), from: MACAddress(0x0200_0000_0001), octets: 1414)

    init(_ standing: HubPort.Standing) {
        let hub = Hub(id: 1, name: "BENCH", key: 7)
        port = lane.attach(to: hub, needs: .init(), as: standing, sink: CountingSink())!
        let other = lane.attach(to: hub, needs: .init(), sink: sink)!
        hub.table.learn(MACAddress(0x0200_0000_0002), on: other.number, at: 5)
    }

    func forward(_ count: Int) {
        let before = sink.frames
        for _ in 0..<count / FrameBatch.size {
            turn += 1
            lane.beginTurn(turn, at: 5_000_000_000)
            unsafe lane.receive(batch.slices, from: port)
            lane.flush()
        }
        precondition(sink.frames - before == count / FrameBatch.size * FrameBatch.size)
    }
}

/// Two lanes' switches; what crosses is copied as a ring would copy it.
final class CrossingBench: LaneCrossing {
    private var lanes: [LaneSwitch] = []
    private let sink = CountingSink()
    private var turn: UInt64 = 0
    private var port: HubPort!
    private let batch = FrameBatch(
        to: MACAddress(0x0200_0000_0002), from: MACAddress(0x0200_0000_0001), octets: 1414)
    private let arena = FrameArena()

    init() {
        let hub = Hub(id: 1, name: "BENCH", key: 7)
        lanes = (0..<2).map { LaneSwitch(lane: $0, of: 2, crossing: self) }
        port = lanes[0].attach(to: hub, needs: .init(), sink: CountingSink())!
        let other = lanes[1].attach(to: hub, needs: .init(), sink: sink)!
        hub.table.learn(MACAddress(0x0200_0000_0002), on: other.number, at: 5)
    }

    func cross(to lane: Int, _ header: CrossingHeader, _ frame: pa_slice_v1) -> Bool {
        guard let copy = unsafe arena.copy(frame) else { return false }
        unsafe lanes[lane].receiveCrossing(header, copy)
        return true
    }

    func forward(_ count: Int) {
        let before = sink.frames
        for _ in 0..<count / FrameBatch.size {
            turn += 1
            for lane in lanes { lane.beginTurn(turn, at: 5_000_000_000) }
            unsafe lanes[0].receive(batch.slices, from: port)
            for lane in lanes { lane.flush() }
            arena.reset()
        }
        precondition(sink.frames - before == count / FrameBatch.size * FrameBatch.size)
    }
}
