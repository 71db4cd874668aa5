public import PluginKit
import SoftEtherCore
import Synchronization

/// The SoftEther protocol as a module: Ethernet frames in TLS streams that the host ends.
public final class SoftEtherModule: PacketAdapter {
    public static let descriptor = ModuleDescriptor(
        id: "org.polyhub.softether", name: "softether", version: "1.0.0, SoftEther protocol 5.02",
        summary: "SoftEther VPN clients, layer 2, over TLS",
        defaultListeners: [
            "tls://0.0.0.0:443", "tls://0.0.0.0:992", "tls://0.0.0.0:5555", "udp://0.0.0.0:5555",
        ])
    public static let capabilities: Capabilities = [
        .streams, .sessions, .authentication, .timers, .datagrams, .handover,
    ]
    public static let handoverVersions = SessionRecord.version...SessionRecord.version
    public static let needs: Capabilities = [.streams, .sessions, .authentication, .timers, .options]
    public static let options = OptionDeclarations.all

    let host: HostServices
    let counters = ModuleCounters<Counter>()
    let directory = AccelerationDirectory()
    private let started = Mutex<ServerOptions?>(nil)

    public init(host: HostServices) { self.host = host }

    public func start() throws {
        let options = try OptionDeclarations.read(from: host)
        try counters.declare(to: host)
        started.withLock { $0 = options }
    }

    public func makeLane(_ services: LaneServices, index: Int, of count: Int) throws -> any LaneAdapter {
        guard count <= SessionKey.maxLanes else {
            throw ModuleFailure("session keys have room for \(SessionKey.maxLanes) lanes, not \(count)")
        }
        guard let options = started.withLock({ $0 }) else {
            throw ModuleFailure("not started", status: .state)
        }
        let server = Server(
            options, lane: index, lanes: count, random: SystemRandomNumberGenerator())
        return SoftEtherLane(self, lane: index, server, services, LaneCounters(counters, services))
    }
}
