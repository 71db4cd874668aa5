public import OpenSSL
public import PPP
public import PluginKit

/// The option `auth`: how PPP clients may prove who they are; and `client-ca`, which EAP-TLS needs.
public enum MethodsOption {
    public static let key = "auth"
    public static let authoritiesKey = "client-ca"
    /// MD5 is not among them: the accounts keep no password that it could be judged by.
    private static let offered: [AuthenticationMethod] = [.eapTLS, .eapMSCHAPv2, .msCHAPv2, .pap]

    public static func declarations(default methods: [AuthenticationMethod]) -> [OptionDeclaration] {
        [
            .strings(
                key, default: methods.map(\.rawValue),
                accepts: "a list of \(offered.map { "\"\($0.rawValue)\"" }.joined(separator: ", "))",
                help: "How clients may prove who they are; the strongest is asked for first."),
            .string(
                authoritiesKey, accepts: "the path of a PEM file",
                help: "The authorities that sign clients' certificates, for eap-tls."),
        ]
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

    /// What EAP-TLS shows and verifies; nil where it is not among the methods.
    public static func readTLS(_ host: HostServices) throws -> TLSContext? {
        guard try read(host).contains(.eapTLS) else { return nil }
        guard let authorities = try host.fileText(authoritiesKey) else {
            throw ModuleFailure(
                "\(key) has \"\(AuthenticationMethod.eapTLS.rawValue)\", which needs \(authoritiesKey), "
                    + "the path of a PEM file")
        }
        var certificate = try host.serverCertificate()
        defer { wipe(&certificate.key) }
        do {
            return try TLSContext(
                .server,
                identity: TLSContext.Identity(
                    chain: String(decoding: certificate.chain, as: UTF8.self),
                    key: String(decoding: certificate.key, as: UTF8.self)),
                authorities: authorities, verification: .required)
        } catch {
            throw ModuleFailure("\(authoritiesKey), or the server's certificate: \(error)")
        }
    }
}
