import OpenVPNCore
import PluginKit

/// What the module counts.
enum Counter: String, ModuleCounter {
    case connections
    case handshakes
    case refused
    case renegotiations
    case decryptFailures = "decrypt_failures"
    case replays
    case malformed
    case fullStreamDrops = "full_stream_drops"

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

extension LaneCounters<Counter> {
    /// Adds what the engine has counted since the last time.
    mutating func take(from server: Server) {
        note(server.connectionCount, as: .connections)
        note(events: server.drops) { DropReason(rawValue: $0).flatMap(Counter.init) }
    }
}
