public import PPP
public import PluginKit

/// The option `auth`: how PPP clients may prove who they are.
public enum MethodsOption {
    public static let key = "auth"
    /// MD5 is not among them: the accounts keep no password that it could be judged by.
    private static let offered: [AuthenticationMethod] = [.eapMSCHAPv2, .msCHAPv2, .pap]

    public static func declaration(default methods: [AuthenticationMethod]) -> OptionDeclaration {
        .strings(
            key, default: methods.map(\.rawValue),
            accepts: "a list of \(offered.map { "\"\($0.rawValue)\"" }.joined(separator: ", "))",
            help: "How clients may prove who they are; the strongest is asked for first.")
    }

    public static func read(_ host: HostServices) throws -> [AuthenticationMethod] {
        let wanted = try host.strings(key).map { name in
            guard let method = AuthenticationMethod(rawValue: name), offered.contains(method) else {
                let known = offered.map(\.rawValue).joined(separator: ", ")
                throw ModuleFailure("\(key) has \"\(name)\"; accepted are \(known)")
            }
            return method
        }
        guard !wanted.isEmpty else { throw ModuleFailure("\(key) is empty; it needs one way at least") }
        return offered.filter { wanted.contains($0) }
    }
}
