import PluginKit

/// What the module counts.
enum Counter: String, ModuleCounter {
    case connections
    case refused
    case crowded
    case unboundClients = "unbound_clients"
    case fullStreamDrops = "full_stream_drops"

    var help: String {
        switch self {
        case .connections: "connections, those that are not authenticated yet included"
        case .refused: "clients that were refused"
        case .crowded: "clients for whom there was no place, or who gave theirs to a newcomer"
        case .unboundClients: "clients without a valid crypto binding"
        case .fullStreamDrops: "packets that a client was too slow for"
        }
    }

    var isGauge: Bool { self == .connections }
}
