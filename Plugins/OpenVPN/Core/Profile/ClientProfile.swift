/// A complete configuration file for an unmodified OpenVPN client (2.4 and later, OpenVPN 3): one file,
/// certificates and keys within. It holds no password; the client asks for it.
public struct ClientProfile: Sendable {
    public static let maxRemotes = 16

    public struct Remote: Equatable, Sendable {
        /// A name, an IPv4 or an IPv6 address, without brackets.
        public var host: String
        public var port: UInt16
        public var isTCP: Bool

        public init(host: String, port: UInt16, isTCP: Bool) {
            self.host = host
            self.port = port
            self.isTCP = isTCP
        }
    }

    /// How the control channel is wrapped before TLS.
    public enum Wrapping: Sendable {
        case plain
        /// The client's key direction is 1.
        case tlsAuth(StaticKey, hash: String)
        case tlsCrypt(StaticKey)
        /// A key of this client alone.
        case tlsCryptV2(TLSCryptV2ClientKey)
    }

    /// Tried in this order; at least one.
    public var remotes: [Remote]
    public var device: OptionsString.Device
    /// The certificates (PEM) under one of which the server's stands; what is not a certificate is left out.
    public var authorities: String
    public var wrapping: Wrapping
    public var ciphers: [DataCipher]
    /// Whom to sign in as, for a comment in the file. Nil: the client identifies itself by other means.
    public var username: String?
    /// The client's own certificate and key (PEM), where the server asks for one.
    public var certificate: (chain: String, key: String)?

    public init(
        remotes: [Remote], device: OptionsString.Device, authorities: String, wrapping: Wrapping,
        ciphers: [DataCipher] = [.aes256GCM, .aes128GCM, .chaCha20Poly1305], username: String?
    ) {
        self.remotes = remotes
        self.device = device
        self.authorities = authorities
        self.wrapping = wrapping
        self.ciphers = ciphers
        self.username = username
    }
}

/// What is wrong with a profile, in words for the person who asked for it.
public enum ProfileError: Error, Equatable, CustomStringConvertible {
    case noRemote
    case badHost(String)
    case noAuthority
    case noCipher
    case badCertificate

    public var description: String {
        switch self {
        case .noRemote:
            "a client profile needs 1 to \(ClientProfile.maxRemotes) addresses of the server"
        case .badHost(let host):
            "\"\(host)\" is neither a host name nor an IP address: "
                + "letters, digits, '.', '-', '_' and ':' are accepted"
        case .noAuthority:
            "there is no certificate (PEM) by which the client could know the server"
        case .noCipher:
            "a client profile needs a data cipher"
        case .badCertificate:
            "the client's certificate and key are not both there (PEM)"
        }
    }
}

extension ClientProfile {
    public func text() throws(ProfileError) -> String {
        guard (1...Self.maxRemotes).contains(remotes.count) else { throw .noRemote }
        for remote in remotes where !Self.isHost(remote.host) { throw .badHost(remote.host) }
        guard let first = ciphers.first else { throw .noCipher }

        var lines = ["client", "dev \(device.rawValue)"]
        lines += remotes.map { "remote \($0.host) \($0.port) \($0.isTCP ? "tcp" : "udp")" }
        lines += ["resolv-retry infinite", "nobind", "persist-key", "persist-tun", "remote-cert-tls server"]
        lines += ["cipher \(first.rawValue)", "ignore-unknown-option data-ciphers"]
        lines.append("data-ciphers " + ciphers.map(\.rawValue).joined(separator: ":"))
        if let username {
            lines += ["# Sign in as \(Self.printable(username)).", "auth-user-pass"]
        }
        lines.append("verb 3")
        lines += try authorityLines() + certificateLines() + wrappingLines
        return lines.joined(separator: "\n") + "\n"
    }

    private func authorityLines() throws(ProfileError) -> [String] {
        let blocks = PEMBlocks(authorities, labels: ["CERTIFICATE"])
        guard !blocks.texts.isEmpty else { throw .noAuthority }
        return Self.inline("ca", blocks.texts)
    }

    private func certificateLines() throws(ProfileError) -> [String] {
        guard let certificate else { return [] }
        let chain = PEMBlocks(certificate.chain, labels: ["CERTIFICATE"]).texts
        let keys = PEMBlocks(certificate.key, labels: ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"])
        guard let own = chain.first, let key = keys.texts.first else { throw .badCertificate }
        let rest = chain.dropFirst()
        return Self.inline("cert", [own]) + (rest.isEmpty ? [] : Self.inline("extra-certs", Array(rest)))
            + Self.inline("key", [key])
    }

    private var wrappingLines: [String] {
        switch wrapping {
        case .plain: []
        case .tlsAuth(let key, let hash):
            ["auth \(hash)", "key-direction 1"] + Self.inline("tls-auth", [key.file])
        case .tlsCrypt(let key): Self.inline("tls-crypt", [key.file])
        case .tlsCryptV2(let key): Self.inline("tls-crypt-v2", [key.file])
        }
    }

    private static func inline(_ name: String, _ texts: [String]) -> [String] {
        let body = texts.flatMap { $0.split(whereSeparator: \.isNewline).map(String.init) }
        return ["<\(name)>"] + body + ["</\(name)>"]
    }

    private static func isHost(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count) && text.first != "-"
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || ".-_:".contains($0) }
    }

    /// Without characters that could end the comment.
    private static func printable(_ text: String) -> String {
        String(text.filter { !$0.isNewline && $0.unicodeScalars.allSatisfy { $0.value >= 0x20 } })
    }
}
