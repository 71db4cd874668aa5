import OpenSSL
import OpenVPNCore
public import PluginKit
import Synchronization

/// OpenVPN as a module of the server: reads the options, keeps the keys, and makes a shell around the engine
/// of
/// `OpenVPNCore` for each lane. The protocol is the engine's, IO the host's.
public final class OpenVPNModule: PacketAdapter {
    public static let descriptor = ModuleDescriptor(
        id: "org.polyhub.openvpn", name: "openvpn", version: "1.0.0, OpenVPN protocol 2.6",
        summary: "OpenVPN clients over UDP and TCP, layer 2 (tap) and layer 3 (tun).",
        defaultListeners: ["udp://0.0.0.0:1194", "tcp://0.0.0.0:1194"])
    public static let capabilities: Capabilities = [
        .datagrams, .streams, .sessions, .authentication, .timers, .certificates, .handover, .ipv6,
    ]
    public static let handoverVersions = ConnectionRecord.version...ConnectionRecord.version
    public static let needs: Capabilities = [
        .datagrams, .sessions, .authentication, .timers, .certificates, .options, .store,
    ]
    public static let options = OptionDeclarations.all
    /// Peer ids have eight bits for the lane at most.
    static let maxLanes = 256

    let host: HostServices
    let counters = ModuleCounters<Counter>()
    private let state = Mutex(State())
    /// Changes whenever lanes should look at `changes` again.
    let generation = Atomic<Int>(0)

    struct State: Sendable {
        var settings: Settings?
        var keys: KeyRing?
        /// Of the stateless cookies; the same on all lanes, for as long as this instance lives.
        var cookieKey: [UInt8] = []
        var datagramPort: UInt16?
    }

    /// What may change under the feet of running lanes.
    struct Changes: Sendable {
        let context: TLSContext?
        let push: PushSettings
    }

    public init(host: HostServices) { self.host = host }

    public func start() throws {
        let keys = try KeyRing(from: host)
        var settings = try SettingsReader(host: host).settings(keys)
        settings.server.context = try settings.server.makeContext()
        let cookieKey = try host.random(SessionCookie.keyLength)
        try counters.declare(to: host)
        state.withLock { state in
            state.settings = settings
            state.keys = keys
            state.cookieKey = cookieKey
        }
    }

    public func makeLane(_ services: LaneServices, index: Int, of count: Int) throws -> any LaneAdapter {
        guard count <= Self.maxLanes else {
            throw ModuleFailure("OpenVPN's peer ids have room for \(Self.maxLanes) lanes, not \(count)")
        }
        let state = snapshot
        guard let settings = state.settings else { throw ModuleFailure("not started", status: .state) }
        let server = try Server(
            settings.server, cookieKey: state.cookieKey, lane: index,
            laneBits: Int.bitWidth - (count - 1).leadingZeroBitCount, lanes: count,
            random: SystemRandomNumberGenerator())
        return OpenVPNLane(self, server, services, LaneCounters(counters, services), settings.push)
    }

    public func optionsChanged() throws {
        let push = try SettingsReader(host: host).pushSettings()
        state.withLock { $0.settings?.push = push }
        generation.add(1, ordering: .releasing)
    }

    public func certificateChanged() throws {
        guard var server = snapshot.settings?.server else { return }
        server.identity = try SettingsReader(host: host).identity()
        let context = try server.makeContext()
        state.withLock { state in
            state.settings?.server.identity = server.identity
            state.settings?.server.context = context
        }
        generation.add(1, ordering: .releasing)
    }

    var changes: Changes? {
        state.withLock { state in
            state.settings.map { Changes(context: $0.server.context, push: $0.push) }
        }
    }

    /// Remembers the port of the newest datagram listener, for profiles: an older one may be gone.
    func noteListener(at local: Endpoint) { state.withLock { $0.datagramPort = local.port } }

    var snapshot: State { state.withLock { $0 } }
}
