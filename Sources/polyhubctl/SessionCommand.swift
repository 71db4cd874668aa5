import ArgumentParser
import ControlRequests

struct SessionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session", abstract: "Who is connected.", subcommands: [List.self, Disconnect.self])

    struct List: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the sessions of a hub, or of all.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String?
        func request() -> SessionList { SessionList(hub: hub) }
        func show(_ sessions: [SessionRow]) -> String {
            TextTable(
                [
                    "ID", "HUB", "USER", "MODULE", "CIPHER", "CLIENT", "OUTSIDE", "INSIDE", "MAC", "LANE",
                    "SINCE", "BYTES-IN", "BYTES-OUT", "DENIED",
                ],
                sessions.map { session in
                    [
                        session.id, session.hub, session.user, session.module, session.cipher, session.client,
                        session.outside, session.inside, session.mac, "\(session.lane)", session.since,
                        "\(session.bytesIn)", "\(session.bytesOut)",
                        "\(session.denied.values.reduce(0, +))",
                    ]
                }
            ).text
        }
    }

    struct Disconnect: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Ends a session.")
        @OptionGroup var server: ServerOptions
        @Argument var id: String
        func request() -> SessionDisconnect { SessionDisconnect(id: id) }
    }
}

struct MACCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mac", abstract: "A hub's forwarding table.", subcommands: [List.self])

    struct List: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Lists which MAC is behind which session.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        func request() -> MACList { MACList(hub: hub) }
        func show(_ entries: [MACRow]) -> String {
            TextTable(
                ["MAC", "SESSION", "AGE"], entries.map { [$0.mac, $0.session, "\($0.ageSeconds)"] }
            ).text
        }
    }
}

struct AddressCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "address", abstract: "The addresses in a hub.", subcommands: [List.self])

    struct List: RequestCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the addresses that were seen, leased or lent, by session.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        func request() -> AddressList { AddressList(hub: hub) }
        func show(_ addresses: [AddressRow]) -> String {
            TextTable(
                ["ADDRESS", "MAC", "SESSION", "KIND", "EXPIRES"],
                addresses.map { [$0.address, $0.mac, $0.session, $0.kind.rawValue, $0.expires ?? ""] }
            ).text
        }
    }
}
