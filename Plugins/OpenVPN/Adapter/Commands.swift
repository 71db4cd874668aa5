import OpenSSL
import OpenVPNCore
public import PluginKit

/// `polyhubctl module call openvpn ...`: what an administrator hands to clients, and what he wants to see.
extension OpenVPNModule {
    public var commands: [Command] {
        let whom: [Command.Argument] = [
            .string("HUB", "the hub that the client signs in to"), .string("USER", "the user"),
        ]
        return [
            Command(
                "profile", help: "Prints a client's complete configuration, layer 3 (tun).", arguments: whom,
                result: .string
            ) { [self] in .string(try profile(.tun, hub: $0.string(0), user: $0.string(1))) },
            Command(
                "profile-tap", help: "Prints a client's complete configuration, layer 2 (tap).",
                arguments: whom,
                result: .string
            ) { [self] in .string(try profile(.tap, hub: $0.string(0), user: $0.string(1))) },
            Command(
                "tls-crypt-key", help: "Prints the key for clients' option tls-crypt.", result: .string
            ) { [self] _ in .string(try keys().tlsCrypt.file) },
            Command(
                "tls-auth-key", help: "Prints the key for clients' option tls-auth, with key-direction 1.",
                result: .string
            ) { [self] _ in .string(try keys().tlsAuth.file) },
            Command(
                "tls-crypt-v2-client-key",
                help: "Makes and prints a client's own key for its option tls-crypt-v2.",
                arguments: [.string("NAME", "whose key, as noted inside of it")], result: .string
            ) { [self] in .string(try clientKey(for: $0.string(0)).file) },
            Command("statistics", help: "Prints what the module has counted.", result: .string) { [self] _ in
                .string(counters.report)
            },
        ]
    }

    private func keys() throws -> KeyRing {
        guard let keys = snapshot.keys else {
            throw ModuleFailure("the module is not started", status: .state)
        }
        return keys
    }

    private func clientKey(for name: String) throws -> TLSCryptV2ClientKey {
        let wrapper = try TLSCryptV2Wrapper(keys().tlsCryptV2)
        guard let key = StaticKey(octets: try host.random(StaticKey.length)),
            let wrapped = try wrapper.wrap(key, .user(Array(name.utf8)))
        else {
            throw ModuleFailure("NAME is longer than a wrapped key has room for: \(name.utf8.count) octets")
        }
        return wrapped
    }

    // MARK: Profiles

    private func profile(_ device: OptionsString.Device, hub: String, user: String) throws -> String {
        let state = snapshot
        guard let settings = state.settings else {
            throw ModuleFailure("the module is not started", status: .state)
        }
        let trust = try host.serverCertificate().trust
        return try ClientProfile(
            remotes: try remotes(settings.profile, datagramPort: state.datagramPort), device: device,
            authorities: String(decoding: trust, as: UTF8.self),
            wrapping: try wrapping(settings.server, for: user),
            ciphers: ciphers(settings.server.negotiation), username: "\(user)@\(hub)"
        ).text()
    }

    /// With a cipher among them that their system's kernel does not know, clients do without its help (DCO).
    private func ciphers(_ negotiation: CipherNegotiation) -> [DataCipher] {
        let fast = negotiation.ciphers.filter(\.isAEAD)
        return fast.isEmpty ? negotiation.ciphers : fast
    }

    /// UDP first, where there is a listener. TCP's listeners are the host's alone, so without a word in
    /// plugins.conf TCP is taken to have the same port.
    private func remotes(_ profile: ProfileSettings, datagramPort: UInt16?) throws -> [ClientProfile.Remote] {
        let address = try profile.address ?? host.publicName()
        let udp = profile.udpPort ?? datagramPort
        let tcp = profile.tcpPort ?? udp ?? Self.standardPort
        var remotes = [ClientProfile.Remote(host: address, port: tcp, isTCP: true)]
        if let udp { remotes.insert(ClientProfile.Remote(host: address, port: udp, isTCP: false), at: 0) }
        return remotes
    }

    /// IANA's.
    private static let standardPort: UInt16 = 1194

    /// The strongest that is accepted and that all clients from 2.4 on understand.
    private func wrapping(_ options: ServerOptions, for user: String) throws -> ClientProfile.Wrapping {
        for wrapping in options.wrappings {
            if case .tlsCrypt(let key) = wrapping { return .tlsCrypt(key) }
        }
        if options.tlsCryptV2 != nil { return .tlsCryptV2(try clientKey(for: user)) }
        for wrapping in options.wrappings {
            if case .tlsAuth(let key, let digest, _) = wrapping {
                return .tlsAuth(key, hash: digest.rawValue)
            }
        }
        return .plain
    }
}
