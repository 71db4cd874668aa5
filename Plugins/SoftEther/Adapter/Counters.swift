import PluginKit

/// What the module counts.
enum Counter: String, ModuleCounter {
    case sessions
    case additionalConnections = "additional_connections"
    case refused
    case malformed
    case fullStreamDrops = "full_stream_drops"

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
