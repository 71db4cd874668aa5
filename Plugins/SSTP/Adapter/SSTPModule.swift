import PPPSessions
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
        .streams, .sessions, .authentication, .timers, .certificates, .ipv6, .handover,
    ]
    public static let handoverVersions = ConnectionRecord.version...ConnectionRecord.version
    public static let needs: Capabilities = [.streams, .sessions, .authentication, .timers, .options]
    public static let options = Settings.declarations

    let host: HostServices
    let counters = ModuleCounters<Counter>()
    private let state = Mutex(State())

    struct State: Sendable {
        var options: ConnectionOptions?
        var maxClients = 0
    }

    public init(host: HostServices) { self.host = host }

    public func start() throws {
        let (options, maxClients) = try Settings.read(host)
        try counters.declare(to: host)
        state.withLock { $0 = State(options: options, maxClients: maxClients) }
    }

    public func certificateChanged() throws {
        let tls = try MethodsOption.readTLS(host)
        state.withLock { $0.options?.tls = tls }
    }

    /// [lane] For connections from now on.
    var options: ConnectionOptions? { state.withLock { $0.options } }

    public func makeLane(_ services: LaneServices, index: Int, of count: Int) throws -> any LaneAdapter {
        let state = state.withLock { $0 }
        guard state.options != nil else { throw ModuleFailure("not started", status: .state) }
        return SSTPLane(self, services, index: index, maxClients: state.maxClients)
    }
}
