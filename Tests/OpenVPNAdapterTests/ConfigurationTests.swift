import FakeHost
import Glibc
import OpenVPNAdapter
import OpenVPNCore
import OpenVPNSite
import OpenVPNTestClient
import PluginABI
import PluginKit
import Testing

/// Options, keys and commands.
@Suite struct ConfigurationTests {
    /// What start says to an option.
    private func refusal(_ options: [String: FakeHost.FakeOption]) throws -> String {
        let host = FakeHost()
        host.certificate = (
            TestCertificates.server.chain, TestCertificates.server.key, TestCertificates.authority
        )
        let module = try LoadedModule(ModuleEntry.descriptor(of: OpenVPNModule.self), in: host)
        defer { module.end() }
        host.options = options
        host.takeDefaults(of: try #require(module.capability(PA_OPTION)))
        #expect(module.start() == PA_ERROR_REFUSED)
        return host.explained.joined()
    }

    @Test func `what a person did wrong is named`() throws {
        #expect(
            try refusal(["data-ciphers": .strings(["AES-256-GCM", "ROT13"])])
                == "data-ciphers: \"ROT13\" is not a cipher")
        #expect(
            try refusal(["auth": .string("CRC32")])
                == "auth is \"CRC32\"; it may be one of MD5, SHA1, SHA256, SHA384, SHA512")
        #expect(
            try refusal(["tls-version-min": .string("1.1")])
                == "tls-version-min is \"1.1\"; it may be 1.2 or 1.3")
        #expect(try refusal(["wrap": .strings(["rot13"])]) == "wrap: \"rot13\" is not a wrapping")
        #expect(
            try refusal(["wrap": .strings([])])
                == "wrap is empty; it needs one of tls-crypt, tls-crypt-v2, tls-auth, none")
        #expect(try refusal(["dns": .strings(["9.9.9"])]) == "dns: \"9.9.9\" is not an IPv4 address")
        let network = "routes: \"10.0.0.1/8\" is not a network such as \"10.0.0.0/8\""
        #expect(try refusal(["routes": .strings(["10.0.0.1/8"])]) == network)
        #expect(
            try refusal(["ping": .integer(60), "ping-restart": .integer(60)])
                == "ping-restart has to be more than ping")
        #expect(
            try refusal(["verify-client-cert": .string("maybe")])
                == "verify-client-cert is \"maybe\"; it may be none, optional or require")
        #expect(
            try refusal(["verify-client-cert": .string("require")])
                == "verify-client-cert = \"require\" needs client-ca, the path of a PEM file")
        #expect(
            try refusal(["verify-client-cert": .string("require"), "client-ca": .string("/nowhere")])
                == "client-ca: /nowhere: No such file or directory")
    }

    @Test func `name servers and routes of plugins.conf are pushed`() throws {
        let site = try Site(options: ["dns": .strings(["9.9.9.9"]), "routes": .strings(["172.16.0.0/12"])])
        defer { site.end() }
        let guest = try site.invite()
        #expect(site.run { guest.client.isConnected })
        #expect(guest.client.pushed.contains("dhcp-option DNS 9.9.9.9"))
        #expect(!guest.client.pushed.contains("dhcp-option DNS 192.168.30.1"))
        #expect(guest.client.pushed.contains("route 172.16.0.0 255.240.0.0"))
        #expect(guest.client.pushed.contains("redirect-gateway def1"))
    }

    @Test func `live options are taken by running lanes`() throws {
        let site = try Site()
        defer { site.end() }
        site.host.options["dns"] = .strings(["9.9.9.9"])
        let table = try #require(site.module.capability(PA_OPTION, pa_option_module_v1.self))
        #expect(table.changed(site.module.table.pointee.state) == PA_OK)
        let guest = try site.invite()
        #expect(site.run { guest.client.isConnected })
        #expect(guest.client.pushed.contains("dhcp-option DNS 9.9.9.9"))
        site.host.options["dns"] = .strings(["nine"])
        #expect(table.changed(site.module.table.pointee.state) == PA_ERROR_REFUSED)
    }

    @Test func `a new certificate is presented without a restart`() throws {
        let site = try Site()
        defer { site.end() }
        site.host.certificate = (
            TestCertificates.stranger.chain, TestCertificates.stranger.key, TestCertificates.stranger.chain
        )
        let table = try #require(site.module.capability(PA_CERTIFICATE, pa_certificate_module_v1.self))
        #expect(table.changed(site.module.table.pointee.state) == PA_OK)
        let guest = try site.invite()
        #expect(site.run { guest.client.isConnected })
    }

    @Test func `a client's certificate stands in the evidence`() throws {
        let path = "/tmp/polyhub-client-ca-\(getpid()).pem"
        let file = try #require(fopen(path, "w"))
        fputs(TestCertificates.authority, file)
        fclose(file)
        defer { unlink(path) }
        let site = try Site(options: ["verify-client-cert": .string("require"), "client-ca": .string(path)])
        defer { site.end() }
        var options = SimulatedClient.Options()
        options.identity = TestCertificates.client
        (options.username, options.password) = (nil, nil)
        let guest = try site.invite(options)
        #expect(site.run { guest.client.isConnected })
        #expect(site.host.said().contains { $0.hasPrefix("ask 4 ") })
    }

    @Test func `TLS 1.3 alone is enough`() throws {
        let site = try Site(options: ["tls-version-min": .string("1.3")])
        defer { site.end() }
        let guest = try site.invite()
        #expect(site.run { guest.client.isConnected })
    }

    // MARK: Keys

    @Test func `keys are made once and found again`() throws {
        let site = try Site()
        defer { site.end() }
        #expect(site.host.stored.keys.sorted() == ["tls-auth", "tls-crypt", "tls-crypt-v2-server"])
        let key = try site.command("tls-crypt-key")
        site.host.stored["tls-crypt"] = site.host.stored["tls-crypt"]?.reversed()
        #expect(site.module.start() == PA_OK)
        #expect(try site.command("tls-crypt-key") != key)
        site.host.stored["tls-crypt"] = [1]
        #expect(site.module.start() == PA_ERROR_REFUSED)
        #expect(site.host.explained == ["the stored tls-crypt key has 1 octets instead of 256"])
    }

    @Test func `each wrapping lets its clients in with the key that the command prints`() throws {
        let site = try Site()
        defer { site.end() }
        let crypt = try #require(StaticKey(file: try site.command("tls-crypt-key")))
        let auth = try #require(StaticKey(file: try site.command("tls-auth-key")))
        let own = try #require(
            TLSCryptV2ClientKey(file: try site.command("tls-crypt-v2-client-key", "alice")))
        let wrappings: [SimulatedClient.Wrapping] = [
            .plain, .tlsCrypt(crypt), .tlsAuth(auth, .sha1), .tlsCryptV2(own, sendsKeyAgain: true),
            .tlsCryptV2(own, sendsKeyAgain: false),
        ]
        for wrapping in wrappings {
            var options = SimulatedClient.Options()
            options.wrapping = wrapping
            let guest = try site.invite(options)
            #expect(site.run { guest.client.isConnected }, "\(wrapping)")
        }
    }

    @Test func `a wrapping that is not wanted gets no answer`() throws {
        let site = try Site(options: ["wrap": .strings(["tls-crypt"])])
        defer { site.end() }
        let guest = try site.invite()
        #expect(!site.run(for: 30) { guest.client.isConnected })
        #expect(!site.host.said().contains { $0.hasPrefix("send") })
    }

    // MARK: Profiles

    @Test func `a profile is complete`() throws {
        let site = try Site()
        defer { site.end() }
        let text = try site.command("profile", "LAB", "alice")
        let lines = text.split(separator: "\n")
        #expect(lines.contains("remote vpn.example.org 1194 udp"))
        #expect(lines.contains("remote vpn.example.org 1194 tcp"))
        #expect(lines.contains("dev tun"))
        #expect(text.contains("alice@LAB"))
        #expect(text.contains("<ca>\n-----BEGIN CERTIFICATE-----"))
        #expect(text.contains(try site.command("tls-crypt-key")))
        #expect(try site.command("profile-tap", "LAB", "alice").contains("\ndev tap\n"))
    }

    @Test func `plugins.conf says where profiles point to`() throws {
        let site = try Site(options: [
            "public-address": .string("203.0.113.5"), "public-udp-port": .integer(53),
            "public-tcp-port": .integer(443), "wrap": .strings(["tls-crypt-v2"]),
        ])
        defer { site.end() }
        let text = try site.command("profile", "LAB", "alice")
        #expect(text.contains("remote 203.0.113.5 53 udp\nremote 203.0.113.5 443 tcp\n"))
        #expect(text.contains("<tls-crypt-v2>"))
    }
}
