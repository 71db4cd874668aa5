import ArgumentParser
import ControlRequests

struct NATCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nat", abstract: "SecureNAT: a virtual router with DHCP for a hub.",
        subcommands: [Enable.self, Disable.self, Show.self])

    enum Engine: String, ExpressibleByArgument, CaseIterable {
        case user, kernel
    }

    struct Enable: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Starts it, or changes how it runs.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        @Option(help: "The router's address with its network, as in 192.168.30.1/24.") var network: String?
        @Option(help: "user (needs no privileges) or kernel (TAP and nftables).") var engine: Engine?
        func request() -> NATEnable { NATEnable(hub: hub, network: network, engine: engine?.rawValue) }
        func show(_ report: NATReport) -> String {
            report.problem.map { "enabled, but it does not run: \($0)" } ?? ""
        }
    }

    struct Disable: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Stops it.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        func request() -> NATDisable { NATDisable(hub: hub) }
    }

    struct Show: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Shows its settings and whether it runs.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        func request() -> NATShow { NATShow(hub: hub) }
        func show(_ report: NATReport) -> String {
            properties([
                ("enabled", yesOrNo(report.enabled)), ("network", report.network), ("engine", report.engine),
                ("running", yesOrNo(report.running)), ("leases", "\(report.leases)"),
                ("problem", report.problem ?? ""),
            ])
        }
    }
}

struct BridgeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bridge", abstract: "A hub's ports onto devices of this machine.",
        subcommands: [Add.self, Remove.self, List.self])

    struct Add: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Joins a hub to a device.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        @OptionGroup var device: DeviceOptions
        func request() -> BridgeAdd { BridgeAdd(hub: hub, kind: device.kind, device: device.name) }
        func show(_ bridge: BridgeRow) -> String {
            bridge.problem.map { "added, but it does not run: \($0)" } ?? ""
        }
    }

    struct Remove: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Parts a hub from a device.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        @Argument(help: "The device's name; it may also follow --tap or --interface.") var device: String?
        @Option(help: .hidden) var tap: String?
        @Option(help: .hidden) var interface: String?
        func validate() throws {
            guard [device, tap, interface].compactMap({ $0 }).count == 1 else {
                throw ValidationError("Give the name of one device.")
            }
        }
        func request() -> BridgeRemove { BridgeRemove(hub: hub, device: device ?? tap ?? interface ?? "") }
    }

    struct List: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the bridges of a hub, or of all.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String?
        func request() -> BridgeList { BridgeList(hub: hub) }
        func show(_ bridges: [BridgeRow]) -> String {
            TextTable(
                ["HUB", "KIND", "DEVICE", "RUNNING", "PROBLEM"],
                bridges.map { [$0.hub, $0.kind, $0.device, yesOrNo($0.running), $0.problem ?? ""] }
            ).text
        }
    }
}

struct DeviceOptions: ParsableArguments {
    @Option(help: "A TAP device, made by the server.") var tap: String?
    @Option(help: "A network interface that is there.") var interface: String?

    func validate() throws {
        guard (tap == nil) != (interface == nil) else {
            throw ValidationError("Give either --tap NAME or --interface NAME.")
        }
    }

    var kind: String { tap == nil ? "interface" : "tap" }
    var name: String { tap ?? interface ?? "" }
}
