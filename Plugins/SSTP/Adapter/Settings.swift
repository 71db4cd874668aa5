import PPP
import PPPSessions
import PluginKit
import SSTPCore
import Wire

/// What section [sstp] of plugins.conf may hold.
enum Settings {
    static let declarations: [OptionDeclaration] =
        MethodsOption.declarations(
            default: [.eapMSCHAPv2, .msCHAPv2]) + [
            .string(
                "binding", default: Binding.require.rawValue,
                accepts: Binding.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or "),
                help: "Whether clients are let in whose crypto binding is wrong, as some old ones' is."),
            .integer(
                "mtu", default: 1400, in: 576...1500, accepts: "576 to 1500, in octets",
                help: "The largest IP packet in the tunnel."),
            .integer(
                "max-clients", default: 16_384, in: 1...1_000_000, accepts: "1 to 1000000",
                help: "Connections on each lane."),
        ]

    enum Binding: String, CaseIterable { case require, optional }

    static func read(_ host: HostServices) throws -> (options: ConnectionOptions, maxClients: Int) {
        let name = try host.string("binding") ?? ""
        guard let binding = Binding(rawValue: name) else {
            throw ModuleFailure("binding is \"\(name)\"; it may be require or optional")
        }
        let mtu = Int(try host.integer("mtu") ?? 1400)
        var options = ConnectionOptions(
            methods: try MethodsOption.read(host), requiresBinding: binding == .require, mtu: mtu,
            carriesIPv6: host.capabilities.contains(.ipv6) && mtu >= IPv6Packet.minMTU)
        options.tls = try MethodsOption.readTLS(host)
        return (options, Int(try host.integer("max-clients") ?? 1))
    }
}
