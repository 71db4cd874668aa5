import Testing

@testable import OpenVPNCore

private let authority = """
    -----BEGIN CERTIFICATE-----
    MIIBszCCAVmgAwIBAgIUAAAA
    -----END CERTIFICATE-----

    """

private func profile(_ change: (inout ClientProfile) -> Void = { _ in }) -> ClientProfile {
    var profile = ClientProfile(
        remotes: [.init(host: "vpn.example.org", port: 1194, isTCP: false)], device: .tun,
        authorities: authority, wrapping: .plain, username: "alice@HUB")
    change(&profile)
    return profile
}

@Suite struct ClientProfileTests {
    @Test func `a profile in full`() throws {
        let key = try #require(StaticKey(octets: [UInt8](repeating: 0xab, count: 256)))
        let text = try profile {
            $0.remotes.append(.init(host: "2001:db8::1", port: 443, isTCP: true))
            $0.wrapping = .tlsCrypt(key)
        }.text()
        #expect(
            text == """
                client
                dev tun
                remote vpn.example.org 1194 udp
                remote 2001:db8::1 443 tcp
                resolv-retry infinite
                nobind
                persist-key
                persist-tun
                remote-cert-tls server
                cipher AES-256-GCM
                ignore-unknown-option data-ciphers
                data-ciphers AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305
                # Sign in as alice@HUB.
                auth-user-pass
                verb 3
                <ca>
                -----BEGIN CERTIFICATE-----
                MIIBszCCAVmgAwIBAgIUAAAA
                -----END CERTIFICATE-----
                </ca>
                <tls-crypt>
                \(key.file)</tls-crypt>

                """)
    }

    @Test func `tap, a certificate of its own, and a key for one client`() throws {
        let key = try #require(StaticKey(octets: [UInt8](repeating: 1, count: 256)))
        let text = try profile {
            $0.device = .tap
            $0.username = nil
            $0.wrapping = .tlsCryptV2(TLSCryptV2ClientKey(key: key, wrapped: [1, 2, 3]))
            $0.certificate = (
                chain: authority + authority,
                key: "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----"
            )
        }.text()
        #expect(text.contains("\ndev tap\n"))
        #expect(!text.contains("auth-user-pass"))
        for name in ["ca", "cert", "extra-certs", "key", "tls-crypt-v2"] {
            #expect(text.contains("\n<\(name)>\n-----BEGIN "))
            #expect(text.contains("-----\n</\(name)>\n"))
        }
    }

    @Test func `tls-auth comes with its direction and hash`() throws {
        let key = try #require(StaticKey(octets: [UInt8](repeating: 1, count: 256)))
        let text = try profile { $0.wrapping = .tlsAuth(key, hash: "SHA256") }.text()
        #expect(text.contains("\nauth SHA256\nkey-direction 1\n<tls-auth>\n"))
    }

    @Test(
        arguments: ["", "a b", "a\nscript-security 2", "host\r", "[::1]", "-x", "ä.example", "a;b", "a\"b"])
    func `a host that is none is named`(host: String) {
        let bad = profile { $0.remotes = [.init(host: host, port: 1, isTCP: false)] }
        #expect(throws: ProfileError.badHost(host)) { try bad.text() }
    }

    @Test func `what is missing is named`() {
        #expect(throws: ProfileError.noRemote) { try profile { $0.remotes = [] }.text() }
        #expect(throws: ProfileError.noCipher) { try profile { $0.ciphers = [] }.text() }
        #expect(throws: ProfileError.noAuthority) { try profile { $0.authorities = "" }.text() }
        #expect(throws: ProfileError.badCertificate) {
            try profile { $0.certificate = (chain: authority, key: "") }.text()
        }
    }

    @Test func `nothing but certificates comes out of a text with certificates`() throws {
        let mixed = """
            Subject: CN=x
            </ca>
            -----BEGIN PRIVATE KEY-----
            c2VjcmV0
            -----END PRIVATE KEY-----
            -----BEGIN CERTIFICATE-----
            </ca>
            -----END CERTIFICATE-----
            \(authority)
            -----BEGIN CERTIFICATE-----
            MIIB
            """
        let text = try profile { $0.authorities = mixed }.text()
        #expect(text == (try profile().text()))
    }

    @Test func `a user name cannot add a line`() throws {
        let text = try profile { $0.username = "eve\nup /bin/sh\r\u{2028}x" }.text()
        #expect(!text.split(whereSeparator: \.isNewline).contains { $0.hasPrefix("up ") })
        #expect(text.contains("# Sign in as eveup /bin/shx.\n"))
    }
}
