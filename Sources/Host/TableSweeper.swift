import Lanes
import Sessions

/// Forgets silent addresses in the forwarding tables of all hubs, once a minute. Away from the lanes: it
/// walks whole tables.
struct TableSweeper: Sendable {
    private static let interval: Duration = .seconds(60)

    let hubs: SessionHubs
    /// By whose clock the tables count.
    let lane: Lane

    /// Until the task is cancelled, or the lane stops.
    func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.interval)
            guard let seconds = await lane.perform({ $0.now.seconds }) else { return }
            for hub in hubs.all { hub.sweep(at: seconds) }
        }
    }
}
