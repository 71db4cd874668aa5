import CLinux
import Sessions

/// Gives memory back to the system after a crowd has left. The allocator by itself keeps what was freed.
/// A trim walks the heap, so it is done only when there is much to give back.
struct MemoryTrimmer: Sendable {
    private static let interval: Duration = .seconds(10)
    /// Sessions that must have ended since there were most of them.
    private static let crowd = 100

    private let hubLanes: [HubLane]
    private var most = 0

    init(_ hubLanes: [HubLane]) { self.hubLanes = hubLanes }

    /// Looks from time to time, until the task is cancelled.
    mutating func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.interval)
            let count = await sessions()
            most = max(most, count)
            guard most - count >= Self.crowd else { continue }
            most = count
            clinux_memory_trim()
        }
    }

    private func sessions() async -> Int {
        var count = 0
        for hubLane in hubLanes { count += await hubLane.lane.perform { _ in hubLane.sessionCount } ?? 0 }
        return count
    }
}
