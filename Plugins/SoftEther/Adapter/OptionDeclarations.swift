import PluginKit
import SoftEtherCore

/// What section [softether] of plugins.conf may hold.
enum OptionDeclarations {
    static let all: [OptionDeclaration] = [
        .integer(
            "max-connection", default: 32, in: 1...32, accepts: "1 to 32",
            help: "How many TCP connections one session may have."),
        .integer(
            "timeout", default: 20, in: 5...60, accepts: "5 to 60, in seconds",
            help: "After so long a silence a connection is gone, and a session without connections."),
        .boolean(
            "compression", default: true,
            help: "Whether frames are compressed for clients that ask for it."),
        .strings(
            "shown-hubs", accepts: "a list of names of hubs",
            help: "What clients are told who ask which hubs there are, before they have signed in."),
    ]

    /// As a client sees them. Clients tell by the version which requests are understood.
    private static let software = ServerSoftware(name: "Polyhub VPN Server", version: 502, build: 5187)

    static func read(from host: HostServices) throws -> ServerOptions {
        var options = ServerOptions(software: software)
        options.session.maxConnections = Int(try host.integer("max-connection") ?? 32)
        options.session.timeout = .seconds(try host.integer("timeout") ?? 20)
        options.session.allowsCompression = try host.boolean("compression")
        options.shownHubs = try host.strings("shown-hubs")
        return options
    }
}
