import PPP
import PluginKit
import SSTPCore

/// What section [sstp] of plugins.conf may hold.
enum Settings {
    static let declarations: [OptionDeclaration] = [
        .strings(
            "auth", default: [AuthenticationMethod.eapMSCHAPv2, .msCHAPv2].map(\.rawValue),
            accepts: "a list of \(offered.map { "\"\($0.rawValue)\"" }.joined(separator: ", "))",
            help: "How clients may prove who they are; the strongest is asked for first."),
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

    /// MD5 is not among them: the accounts keep no password that it could be judged by.
    private static let offered: [AuthenticationMethod] = [.eapMSCHAPv2, .msCHAPv2, .pap]

    static func read(_ host: HostServices) throws -> (options: ConnectionOptions, maxClients: Int) {
        let wanted = try host.strings("auth").map { name in
            guard let method = AuthenticationMethod(rawValue: name), offered.contains(method) else {
                let known = offered.map(\.rawValue).joined(separator: ", ")
                throw ModuleFailure("auth has \"\(name)\"; accepted are \(known)")
            }
            return method
        }
        guard !wanted.isEmpty else { throw ModuleFailure("auth is empty; it needs one way at least") }
        let name = try host.string("binding") ?? ""
        guard let binding = Binding(rawValue: name) else {
            throw ModuleFailure("binding is \"\(name)\"; it may be require or optional")
        }
        let options = ConnectionOptions(
            methods: offered.filter { wanted.contains($0) }, requiresBinding: binding == .require,
            mtu: Int(try host.integer("mtu") ?? 1400))
        return (options, Int(try host.integer("max-clients") ?? 1))
    }
}
