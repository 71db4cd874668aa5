import IKEv1
import IPsecCore
import OpenSSL
import PPPSessions
public import PluginKit
import Synchronization

/// IPsec as a module of the server: reads the options and makes a shell around the engine of `IPsecCore` for
/// each lane. The protocols are the engine's, IO the host's.
public final class IPsecModule: PacketAdapter {
    public static let descriptor = ModuleDescriptor(
        id: "org.polyhub.ipsec", name: "ipsec", version: "1.0.0, IKEv1 and ESP",
        summary:
            "L2TP, EtherIP and L2TPv3 over IPsec (IKEv1 with keys or certificates), natively and in UDP.",
        defaultListeners: ["udp://0.0.0.0:500", "udp://0.0.0.0:4500", "ip://0.0.0.0:50"])
    public static let capabilities: Capabilities = [
        .datagrams, .sessions, .authentication, .timers, .certificates, .preSharedKeys, .ipv6, .handover,
    ]
    public static let handoverVersions = Party.recordVersion...Party.recordVersion
    public static let needs: Capabilities = [
        .datagrams, .sessions, .authentication, .timers, .options, .store,
    ]
    public static let options = OptionDeclarations.all
    private static let cookieKeyLength = 32

    let host: HostServices
    private let state = Mutex(State())
    private let credentials = Credentials()
    let counters = ModuleCounters<Counter>()

    private struct State: Sendable {
        var options: IKEOptions?
        var preSharedKey: String?
        /// PEM.
        var clientAuthorities: [UInt8]?
        var calls = CallOptions()
        /// The same on all lanes, for as long as this instance lives.
        var cookieKey: [UInt8] = []
    }

    public init(host: HostServices) { self.host = host }

    public func start() throws {
        let reader = SettingsReader(host: host)
        let preSharedKey = try reader.preSharedKey()
        let options = try reader.options(preSharedKey)
        let calls = CallOptions(
            methods: try MethodsOption.read(host), maxCalls: options.maxSAs,
            carriesIPv6: host.capabilities.contains(.ipv6))
        try credentials.fetchTLS(from: host)
        try credentials.fetch(from: host, own: options.preSharedKeys)
        let authorities = try host.fileText("ike-client-ca").map { Array($0.utf8) }
        try credentials.fetchCertificate(from: host, authorities: authorities)
        let key = try host.random(Self.cookieKeyLength)
        try counters.declare(to: host)
        state.withLock { state in
            state = State(
                options: options, preSharedKey: preSharedKey, clientAuthorities: authorities, calls: calls,
                cookieKey: key)
        }
    }

    public func preSharedKeysChanged() throws {
        let own = state.withLock { $0.options?.preSharedKeys ?? [] }
        try credentials.fetch(from: host, own: own)
    }

    public func certificateChanged() throws {
        try credentials.fetchTLS(from: host)
        let authorities = state.withLock { $0.clientAuthorities }
        try credentials.fetchCertificate(from: host, authorities: authorities)
    }

    public var commands: [Command] {
        [
            Command(
                "psk", help: "Prints the pre-shared key that clients are to be given.", result: .string
            ) { [self] _ in
                guard let key = state.withLock({ $0.preSharedKey }) else {
                    throw ModuleFailure("the module is not started", status: .state)
                }
                return .string(key)
            }
        ]
    }

    public func makeLane(_ services: LaneServices, index: Int, of count: Int) throws -> any LaneAdapter {
        let state = state.withLock { $0 }
        guard let options = state.options else { throw ModuleFailure("not started", status: .state) }
        let server = try IPsecServer(
            options, calls: state.calls, cookieKey: state.cookieKey, random: SystemRandomNumberGenerator())
        return IPsecLane(self, server, services, index: index, credentials)
    }

    /// A client's port floats from 500 to 4500, and ESP has none: the address alone says which lane.
    public func pinning(of listener: String) -> Pinning { .source }
}
