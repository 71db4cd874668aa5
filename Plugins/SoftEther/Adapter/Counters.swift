import PluginKit
import Synchronization

/// What the module counts.
enum Counter: Int, CaseIterable, Sendable {
    case sessions
    case additionalConnections
    case refused
    case malformed
    case fullStreamDrops

    var name: String {
        switch self {
        case .sessions: "sessions"
        case .additionalConnections: "additional_connections"
        case .refused: "refused"
        case .malformed: "malformed"
        case .fullStreamDrops: "full_stream_drops"
        }
    }

    var help: String {
        switch self {
        case .sessions: "sessions that were opened"
        case .additionalConnections: "connections that were added to sessions"
        case .refused: "clients that were refused"
        case .malformed: "frames that cannot be"
        case .fullStreamDrops: "frames that a client was too slow for"
        }
    }
}

/// The sums over all lanes, for the `statistics` command.
final class Counters: Sendable {
    private let values = InlineArray<5, Atomic<Int>> { _ in Atomic(0) }

    func add(_ amount: Int, to counter: Counter) {
        values[counter.rawValue].add(amount, ordering: .relaxed)
    }

    func value(of counter: Counter) -> Int { values[counter.rawValue].load(ordering: .relaxed) }
}

/// One lane's way to the counters.
struct LaneCounters {
    let metrics: [Metric]
    let sums: Counters
    let services: LaneServices

    func add(_ amount: Int = 1, to counter: Counter) {
        sums.add(amount, to: counter)
        services.add(amount, to: metrics[counter.rawValue])
    }
}
