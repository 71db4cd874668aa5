import Dispatch
import Lanes
import PluginABI
import Synchronization

/// Runs the body with running lanes and stops them afterwards.
func withLanes<Result>(
    _ count: Int, _ options: LaneOptions = LaneOptions(), _ body: (LaneGroup) throws -> Result
) throws -> Result {
    let group = try LaneGroup(count: count, options)
    try group.start()
    defer { group.stop() }
    return try body(group)
}

extension LaneGroup {
    /// The sums of what all lanes counted.
    func total(_ counter: KeyPath<LaneCounters, UInt64> & Sendable) -> UInt64 {
        lanes.reduce(0) { $0 + ($1.performAndWait { $0.counters[keyPath: counter] } ?? 0) }
    }
}

extension Lane {
    /// The lane does nothing else while the body runs.
    func whileHeld(_ body: () -> Void) {
        let held = DispatchSemaphore(value: 0)
        let released = DispatchSemaphore(value: 0)
        post { _ in
            held.signal()
            released.wait()
        }
        held.wait()
        body()
        released.signal()
    }
}

/// Collects what happens on lanes until a test has seen enough.
final class Log<Entry: Sendable>: Sendable {
    private let entries = Mutex<[Entry]>([])
    private let added = DispatchSemaphore(value: 0)

    func add(_ entry: Entry) {
        entries.withLock { $0.append(entry) }
        added.signal()
    }

    /// The entries once there are so many; what there is after the deadline.
    func wait(for count: Int, seconds: Double = 10) -> [Entry] {
        let deadline = DispatchTime.now() + seconds
        while entries.withLock({ $0.count }) < count {
            if added.wait(timeout: deadline) == .timedOut { break }
        }
        return entries.withLock { $0 }
    }

    var now: [Entry] { entries.withLock { $0 } }
}

/// Sends every datagram back from the address that it was sent to.
final class Echo: DatagramHandler {
    func received(_ batch: UnsafeMutableBufferPointer<pa_datagram_v1>, on socket: DatagramSocket) {
        socket.send(UnsafeBufferPointer(batch))
    }
}

/// Notes the lane, source and octets of every datagram.
final class Recorder: DatagramHandler {
    struct Entry: Sendable {
        let lane: Int
        let source: Endpoint
        let octets: [UInt8]
        let headroom: Int
        let tailroom: Int
    }

    private let log: Log<Entry>
    init(_ log: Log<Entry>) { self.log = log }

    func received(_ batch: UnsafeMutableBufferPointer<pa_datagram_v1>, on socket: DatagramSocket) {
        for datagram in batch {
            log.add(
                Entry(
                    lane: socket.lane.index, source: Endpoint(datagram.remote.pointee),
                    octets: datagram.payload.octets, headroom: Int(datagram.payload.headroom),
                    tailroom: Int(datagram.payload.tailroom)))
        }
    }
}

extension pa_slice_v1 {
    var octets: [UInt8] { Array(UnsafeBufferPointer(start: start, count: Int(length))) }
}

extension Lane {
    /// [lane] A slice with these octets, lent until the turn ends.
    func slice(_ octets: [UInt8]) -> pa_slice_v1 {
        let slice = allocate(octets.count)!
        slice.start.update(from: octets, count: octets.count)
        return slice
    }
}
