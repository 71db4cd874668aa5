import ArgumentParser
import ControlRequests

struct HubCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hub", abstract: "Virtual Ethernet hubs.",
        subcommands: [Create.self, Delete.self, List.self, Show.self, Change.self])

    struct Create: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Creates a hub.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        @Option(help: "A text for people.") var note: String?
        @OptionGroup var policy: PolicyOptions
        @OptionGroup var key: PreSharedKeyOptions
        func request() throws -> HubCreate {
            var wanted = HubCreate(hub: hub, note: note, policy: policy.given)
            wanted.psk = try key.read()
            return wanted
        }
    }

    struct Delete: RequestCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes a hub with its users and settings, and ends its sessions.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        func request() -> HubDelete { HubDelete(hub: hub) }
    }

    struct List: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the hubs.")
        @OptionGroup var server: ServerOptions
        func request() -> HubList { HubList() }
        func show(_ hubs: [HubRow]) -> String {
            TextTable(
                ["HUB", "ENABLED", "USERS", "GROUPS", "NOTE"],
                hubs.map { [$0.name, yesOrNo($0.enabled), "\($0.users)", "\($0.groups)", $0.note] }
            ).text
        }
    }

    struct Show: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Shows a hub and what belongs to it.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        func request() -> HubShow { HubShow(hub: hub) }
        func show(_ detail: HubDetail) -> String {
            let nat = detail.nat.map { $0.enabled ? "\($0.network) (\($0.engine))" : "disabled" }
            return properties([
                ("hub", detail.hub.name), ("enabled", yesOrNo(detail.hub.enabled)),
                ("users", "\(detail.hub.users)"),
                ("groups", "\(detail.hub.groups)"), ("sessions", "\(detail.sessions)"),
                ("MACs", "\(detail.macs)"),
                ("bridges", detail.bridges.map { "\($0.kind) \($0.device)" }.joined(separator: ", ")),
                ("NAT", nat ?? ""), ("psk", detail.hub.psk == true ? "set" : ""),
                ("policy", detail.hub.policy.text), ("note", detail.hub.note),
            ])
        }
    }

    struct Change: RequestCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Changes what is given and leaves the rest.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        @Option(help: "A text for people.") var note: String?
        @Flag(help: "Whether users are let in.") var standing: Standing?
        @OptionGroup var policy: PolicyOptions
        @OptionGroup var key: PreSharedKeyOptions
        func request() throws -> HubSet {
            var wanted = HubSet(hub: hub, note: note, enabled: standing?.isEnabled, policy: policy.given)
            wanted.psk = try key.read()
            return wanted
        }
    }
}

/// `--enable` or `--disable`.
enum Standing: String, EnumerableFlag {
    case enable, disable
    var isEnabled: Bool { self == .enable }
}
