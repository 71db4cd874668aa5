public import OpenSSL

/// The data ciphers that we speak, under OpenVPN's names. The order is the server's preference.
public enum DataCipher: String, Sendable, CaseIterable {
    case aes256GCM = "AES-256-GCM"
    case aes128GCM = "AES-128-GCM"
    case chaCha20Poly1305 = "CHACHA20-POLY1305"
    case aes192GCM = "AES-192-GCM"
    case aes256CBC = "AES-256-CBC"
    case aes192CBC = "AES-192-CBC"
    case aes128CBC = "AES-128-CBC"

    /// Names compare without case, as OpenSSL's do.
    public init?(name: some StringProtocol) { self.init(rawValue: name.uppercased()) }

    public var algorithm: Algorithm {
        switch self {
        case .aes256GCM: .aead(.aes256GCM)
        case .aes192GCM: .aead(.aes192GCM)
        case .aes128GCM: .aead(.aes128GCM)
        case .chaCha20Poly1305: .aead(.chaCha20Poly1305)
        case .aes256CBC: .cbc(.aes256CBC)
        case .aes192CBC: .cbc(.aes192CBC)
        case .aes128CBC: .cbc(.aes128CBC)
        }
    }

    public enum Algorithm: Sendable {
        case aead(AEADAlgorithm)
        /// Authenticated by an HMAC of its own.
        case cbc(CipherAlgorithm)
    }

    public var isAEAD: Bool {
        switch algorithm {
        case .aead: true
        case .cbc: false
        }
    }

    /// Octets.
    public var keyLength: Int {
        switch algorithm {
        case .aead(let algorithm): algorithm.keyLength
        case .cbc(let algorithm): algorithm.keyLength
        }
    }
}

/// A cipher and, unless it authenticates by itself, the hash of its HMAC: OpenVPN's `cipher` and `auth`.
public struct DataCipherSuite: Equatable, Sendable {
    public let cipher: DataCipher
    /// Nil for an AEAD cipher.
    public let authentication: DigestAlgorithm?

    /// `authentication` is ignored for an AEAD cipher.
    public init(_ cipher: DataCipher, authentication: DigestAlgorithm = .sha1) {
        self.cipher = cipher
        self.authentication = cipher.isAEAD ? nil : authentication
    }
}
