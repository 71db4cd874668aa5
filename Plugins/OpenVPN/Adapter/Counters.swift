import OpenVPNCore
import PluginKit
import Synchronization

/// What the module counts.
enum Counter: Int, CaseIterable, Sendable {
    case connections
    case handshakes
    case refused
    case renegotiations
    case decryptFailures
    case replays
    case malformed
    case fullStreamDrops

    var name: String {
        switch self {
        case .connections: "connections"
        case .handshakes: "handshakes"
        case .refused: "refused"
        case .renegotiations: "renegotiations"
        case .decryptFailures: "decrypt_failures"
        case .replays: "replays"
        case .malformed: "malformed"
        case .fullStreamDrops: "full_stream_drops"
        }
    }

    var help: String {
        switch self {
        case .connections: "connections, those that are not authenticated yet included"
        case .handshakes: "clients that were authenticated"
        case .refused: "clients that were refused"
        case .renegotiations: "renegotiations of clients that are connected"
        case .decryptFailures: "data packets that are forged, damaged or of other keys"
        case .replays: "data packets that came twice or too late"
        case .malformed: "data packets that cannot be"
        case .fullStreamDrops: "packets that a TCP client was too slow for"
        }
    }

    var isGauge: Bool { self == .connections }

    /// What a dropped data packet counts as; nil: nothing that the peer did.
    init?(_ reason: DropReason) {
        switch reason {
        case .notAuthentic, .noKey: self = .decryptFailures
        case .replayed: self = .replays
        case .truncated, .notData, .compressed, .empty: self = .malformed
        case .exhausted, .noRoom, .cipherFailed: return nil
        }
    }
}

/// The sums over all lanes, for the `statistics` command.
final class Counters: Sendable {
    private let values = InlineArray<8, Atomic<Int>> { _ in Atomic(0) }

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
    private var connections = 0
    private var drops = [Int](repeating: 0, count: DropReason.allCases.count)

    init(metrics: [Metric], sums: Counters, services: LaneServices) {
        self.metrics = metrics
        self.sums = sums
        self.services = services
    }

    func add(_ amount: Int = 1, to counter: Counter) {
        sums.add(amount, to: counter)
        services.add(amount, to: metrics[counter.rawValue])
    }

    /// Adds what the engine has counted since the last time.
    mutating func take(from server: Server) {
        if server.connectionCount != connections {
            add(server.connectionCount - connections, to: .connections)
            connections = server.connectionCount
        }
        guard server.drops != drops else { return }
        for reason in DropReason.allCases {
            let new = server.drops[reason.rawValue] - drops[reason.rawValue]
            if new > 0, let counter = Counter(reason) { add(new, to: counter) }
        }
        drops = server.drops
    }
}
