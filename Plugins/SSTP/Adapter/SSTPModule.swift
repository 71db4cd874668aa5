public import PluginKit
import SSTPCore
import Synchronization

/// SSTP as a module of the server: a shell around a `Connection` of `SSTPCore` for each stream. The protocol
/// is the engine's; TLS, accounts and addresses are the host's.
public final class SSTPModule: PacketAdapter {
    public static let descriptor = ModuleDescriptor(
        id: "org.polyhub.sstp", name: "sstp", version: "1.0.0, SSTP protocol 1.0",
        summary: "SSTP clients, as Windows has them built in, over TLS.",
        defaultListeners: ["tls://0.0.0.0:443"])
    public static let capabilities: Capabilities = [
        .streams, .sessions, .authentication, .timers, .ipv6, .handover,
    ]
    public static let handoverVersions = ConnectionRecord.version...ConnectionRecord.version
    public static let needs: Capabilities = [.streams, .sessions, .authentication, .timers, .options]
    public static let options = Settings.declarations

    let host: HostServices
    private let state = Mutex(State())

    struct State: Sendable {
        var options: ConnectionOptions?
        var maxClients = 0
        var metrics: [Metric] = []
    }

    /// What the module counts.
    enum Counter: String, CaseIterable {
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
    }

    public init(host: HostServices) { self.host = host }

    public func start() throws {
        let (options, maxClients) = try Settings.read(host)
        let metrics = try Counter.allCases.map { counter in
            counter == .connections
                ? try host.declareGauge(counter.rawValue, help: counter.help)
                : try host.declareCounter(counter.rawValue, help: counter.help)
        }
        state.withLock { $0 = State(options: options, maxClients: maxClients, metrics: metrics) }
    }

    public func makeLane(_ services: LaneServices, index: Int, of count: Int) throws -> any LaneAdapter {
        let state = state.withLock { $0 }
        guard let options = state.options else { throw ModuleFailure("not started", status: .state) }
        return SSTPLane(self, services, options, maxClients: state.maxClients, metrics: state.metrics)
    }
}
