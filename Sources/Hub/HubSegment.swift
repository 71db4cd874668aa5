/// The part of a hub that lives on one lane: its ports there.
final class HubSegment {
    let hub: Hub
    /// In the order of attachment, for floods.
    private(set) var ports: [HubPort] = []
    /// Those that are given copies of all frames, and are in no flood.
    private(set) var monitors: [HubPort] = []
    var isEmpty: Bool { ports.isEmpty && monitors.isEmpty }
    private let byNumber = ZeroedWords<UInt>(count: Hub.maxPorts + 1)

    init(hub: Hub) { self.hub = hub }
    deinit { byNumber.free() }

    /// The port of that number, if it lives here.
    @inline(__always)
    func port(_ number: UInt16) -> Unmanaged<HubPort>? {
        guard let address = unsafe UnsafeRawPointer(bitPattern: byNumber.start[Int(number)]) else {
            return nil
        }
        return unsafe Unmanaged<HubPort>.fromOpaque(address)
    }

    func add(_ port: HubPort) {
        if port.isMonitor { monitors.append(port) } else { ports.append(port) }
        unsafe byNumber.start[Int(port.number)] = UInt(bitPattern: Unmanaged.passUnretained(port).toOpaque())
    }

    func remove(_ port: HubPort) {
        ports.removeAll { $0 === port }
        monitors.removeAll { $0 === port }
        unsafe byNumber.start[Int(port.number)] = 0
    }
}
