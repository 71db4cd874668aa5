import PluginABI
import Policy
import Wire

@testable import Hub

/// One lane's switch with recording sinks, and a way to a second one.
final class Bench: LaneCrossing {
    private(set) var lane: LaneSwitch!
    let hub = Hub(id: 1, name: "DEFAULT", key: 42)
    weak var peer: Bench?
    var crossed: [Int] = []
    var now: UInt64 = 5_000_000_000
    var turn: UInt64 = 0
    private var sinks: [ObjectIdentifier: Sink] = [:]

    init(lane: Int = 0, of count: Int = 1) { self.lane = LaneSwitch(lane: lane, of: count, crossing: self) }

    func attach(
        _ needs: HubPort.Needs = .init(), to hub: Hub? = nil, as standing: HubPort.Standing = .bridge
    ) -> HubPort {
        let sink = Sink()
        let port = lane.attach(to: hub ?? self.hub, needs: needs, as: standing, sink: sink)!
        sinks[ObjectIdentifier(port)] = sink
        return port
    }

    func sink(_ port: HubPort) -> Sink { sinks[ObjectIdentifier(port)]! }

    func send(from port: HubPort, _ frame: Frame, isConverters: Bool = false) {
        turn += 1
        lane.beginTurn(turn, at: now)
        lane.receive(frame.slice, from: port, isConverters: isConverters)
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

final class Sink: PortSink {
    var frames: [[UInt8]] = []
    var starts: [UnsafeMutablePointer<UInt8>] = []
    var headrooms: [UInt16] = []
    /// Done once, after the first frame.
    var reaction: (() -> Void)?
    var isInterested = true
    var denials: [Denial] = []

    func deliver(_ batch: UnsafeMutableBufferPointer<pa_slice_v1>, from port: HubPort) {
        for slice in batch {
            frames.append(Array(UnsafeBufferPointer(start: slice.start, count: Int(slice.length))))
            starts.append(slice.start)
            headrooms.append(slice.headroom)
            let reaction = reaction
            self.reaction = nil
            reaction?()
        }
    }

    func wants(flooded frame: RawSpan) -> Bool { isInterested }
    func denied(_ denial: Denial, at port: HubPort) { denials.append(denial) }
}

/// A frame in memory of its own, kept for the length of the test.
final class Frame {
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
