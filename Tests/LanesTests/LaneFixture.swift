import Lanes
import PluginABI
import Synchronization

/// Runs the body with running lanes and stops them afterwards.
func withLanes<Result>(_ count: Int, _ body: (LaneGroup) throws -> Result) throws -> Result {
    let group = try LaneGroup(count: count)
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

/// Sends every datagram back from the address that it was sent to.
final class Echo: DatagramHandler {
    func received(_ batch: UnsafeMutableBufferPointer<pa_datagram_v1>, on socket: DatagramSocket) {
        socket.send(UnsafeBufferPointer(batch))
    }
}
