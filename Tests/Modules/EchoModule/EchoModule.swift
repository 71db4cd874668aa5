import PluginKit
import Synchronization

/// A UDP echo, with a counter of datagrams and a command that greets: the C template in Swift.
final class EchoModule: PacketAdapter {
    static let descriptor = ModuleDescriptor(
        id: "org.polyhub.echo", name: "echo", version: "1",
        summary: "Sends every datagram back to where it came from.",
        defaultListeners: ["udp://127.0.0.1:7007"])
    static let capabilities: Capabilities = [.datagrams]
    static let needs: Capabilities = [.datagrams]

    private let host: HostServices
    private let echoed = Mutex(Metric.unkept)

    init(host: HostServices) { self.host = host }

    var commands: [Command] {
        [
            Command(
                "greet", help: "Greets somebody.", arguments: [.string("NAME", "whom to greet")],
                result: .string
            ) { .string("hello, \($0.string(0))") }
        ]
    }

    func start() throws {
        let metric = try host.declareCounter("echoed", help: "datagrams sent back")
        echoed.withLock { $0 = metric }
    }

    func makeLane(_ services: LaneServices, index: Int, of count: Int) -> any LaneAdapter {
        EchoLane(services: services, echoed: echoed.withLock { $0 })
    }
}

private final class EchoLane: LaneAdapter {
    private let services: LaneServices
    private let echoed: Metric

    init(services: LaneServices, echoed: Metric) {
        self.services = services
        self.echoed = echoed
    }

    func received(_ batch: DatagramBatch, on socket: SocketHandle) {
        services.send(batch, on: socket)
        services.add(batch.count, to: echoed)
    }
}
