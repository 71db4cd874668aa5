import Lanes
import Sessions
import Wire

/// Forgets silent addresses in the forwarding tables of all hubs, once a minute.
/// Confined to its lane, which keeps it.
final class TableSweeper: TimerTarget, @unchecked Sendable {
    private static let interval: Duration = .seconds(60)

    private let hubs: SessionHubs
    private weak var lane: Lane?

    init(_ hubs: SessionHubs) { self.hubs = hubs }

    /// [lane]
    func start(on lane: Lane) {
        self.lane = lane
        _ = lane.schedule(at: lane.now + Self.interval, target: self, token: 0)
    }

    func timerFired(_ token: UInt64, at now: Instant) {
        for hub in hubs.all { hub.sweep(at: now.seconds) }
        guard let lane else { return }
        _ = lane.schedule(at: now + Self.interval, target: self, token: 0)
    }
}
