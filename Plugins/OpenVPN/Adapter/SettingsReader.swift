import OpenSSL
import OpenVPNCore
import PluginKit
import Wire

/// Reads the options of plugins.conf. What the host cannot judge by the declarations is judged here, with a
/// sentence that names the option, the value and what would be accepted.
struct SettingsReader {
    let host: HostServices

    func settings(_ keys: KeyRing) throws -> Settings {
        Settings(server: try serverOptions(keys), push: try pushSettings(), profile: try profileSettings())
    }

    func identity() throws -> TLSContext.Identity {
        let certificate = try host.serverCertificate()
        return TLSContext.Identity(
            chain: String(decoding: certificate.chain, as: UTF8.self),
            key: String(decoding: certificate.key, as: UTF8.self))
    }

    func pushSettings() throws -> PushSettings {
        PushSettings(
            dns: try list("dns", "an IPv4 address") { IPv4Address($0) },
            routes: try list("routes", "a network such as \"10.0.0.0/8\"") {
                PushReply.Subnet($0).map { PushReply.Route($0) }
            },
            tunMTU: Int(try integer("tun-mtu")))
    }

    private func profileSettings() throws -> ProfileSettings {
        let udp = UInt16(clamping: try integer("public-udp-port"))
        let tcp = UInt16(clamping: try integer("public-tcp-port"))
        return ProfileSettings(
            address: try host.string("public-address"), udpPort: udp == 0 ? nil : udp,
            tcpPort: tcp == 0 ? nil : tcp)
    }

    private func serverOptions(_ keys: KeyRing) throws -> ServerOptions {
        var options = ServerOptions(identity: try identity())
        try readTLS(into: &options)
        try readWrappings(keys, into: &options)
        options.negotiation = CipherNegotiation(
            ciphers: try list("data-ciphers", "a cipher") { DataCipher(name: $0) },
            defaultAuthentication: try digest("auth"))
        options.redirectsGateway = try host.boolean("redirect-gateway")
        try readTimes(into: &options)
        options.clients = ClientLimit(Int(try integer("max-clients")))
        return options
    }

    private func readTimes(into options: inout ServerOptions) throws {
        options.handshakeWindow = .seconds(try integer("hand-window"))
        options.pingInterval = .seconds(try integer("ping"))
        options.pingRestart = .seconds(try integer("ping-restart"))
        guard options.pingRestart > options.pingInterval else {
            throw ModuleFailure("ping-restart has to be more than ping")
        }
        let seconds = try integer("reneg-sec")
        options.renegotiationInterval = seconds == 0 ? .seconds(Int32.max) : .seconds(seconds)
        let octets = UInt64(clamping: try integer("reneg-bytes"))
        options.renegotiationOctets = octets == 0 ? .max : octets
        let packets = UInt64(clamping: try integer("reneg-pkts"))
        if packets != 0 { options.renegotiationPackets = packets }
        options.transitionWindow = .seconds(try integer("tran-window"))
    }

    /// TLS as the client sees it: how old, and who has to show a certificate.
    private func readTLS(into options: inout ServerOptions) throws {
        let version = try string("tls-version-min")
        guard let minimum = TLSContext.Version(rawValue: version) else {
            throw ModuleFailure("tls-version-min is \"\(version)\"; it may be 1.2 or 1.3")
        }
        options.minimumTLS = minimum
        let name = try string("verify-client-cert")
        guard let policy = CertificatePolicy(rawValue: name) else {
            throw ModuleFailure("verify-client-cert is \"\(name)\"; it may be none, optional or require")
        }
        switch policy {
        case .none: options.clientCertificates = .none
        case .optional: options.clientCertificates = .optional
        case .require: options.clientCertificates = .required
        }
        guard policy != .none else { return }
        guard let authorities = try host.content(ofFileIn: "client-ca") else {
            throw ModuleFailure("verify-client-cert = \"\(name)\" needs client-ca, the path of a PEM file")
        }
        options.clientAuthorities = String(decoding: authorities, as: UTF8.self)
    }

    private func readWrappings(_ keys: KeyRing, into options: inout ServerOptions) throws {
        let wraps: [Wrap] = try list("wrap", "a wrapping") { Wrap(rawValue: $0) }
        guard !wraps.isEmpty else {
            throw ModuleFailure(
                "wrap is empty; it needs one of \(Wrap.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        options.acceptsPlain = wraps.contains(.none)
        if wraps.contains(.tlsCrypt) { options.wrappings.append(.tlsCrypt(keys.tlsCrypt)) }
        if wraps.contains(.tlsAuth) {
            options.wrappings.append(.tlsAuth(keys.tlsAuth, try digest("tls-auth-digest"), .normal))
        }
        if wraps.contains(.tlsCryptV2) { options.tlsCryptV2 = keys.tlsCryptV2 }
    }
}

// MARK: - Values

extension SettingsReader {
    private func string(_ key: String) throws -> String {
        guard let value = try host.string(key) else { throw ModuleFailure("\(key) is missing") }
        return value
    }

    private func integer(_ key: String) throws -> Int64 {
        guard let value = try host.integer(key) else { throw ModuleFailure("\(key) is missing") }
        return value
    }

    private func digest(_ key: String) throws -> DigestAlgorithm {
        let name = try string(key)
        guard let digest = DigestAlgorithm(rawValue: name.uppercased()) else {
            let known = DigestAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
            throw ModuleFailure("\(key) is \"\(name)\"; it may be one of \(known)")
        }
        return digest
    }

    private func list<T>(_ key: String, _ what: String, _ parse: (String) -> T?) throws -> [T] {
        try host.strings(key).map { text in
            guard let value = parse(text) else { throw ModuleFailure("\(key): \"\(text)\" is not \(what)") }
            return value
        }
    }
}
