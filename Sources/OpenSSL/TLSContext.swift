import COpenSSL

/// What the TLS sessions of one listener share: role, certificate, authorities. TLS 1.2 and 1.3; no
/// resumption, no tickets, no renegotiation: who authenticates does so in full.
/// @unchecked Sendable: OpenSSL makes sessions of one on several threads, and nothing changes after `init`.
@safe public final class TLSContext: @unchecked Sendable {
    public enum Role: Sendable {
        case server
        case client
    }

    /// PEM texts. A server needs a chain (its own certificate first) and that certificate's key.
    public struct Identity: Sendable {
        public var chain: String
        public var key: String

        public init(chain: String, key: String) {
            self.chain = chain
            self.key = key
        }
    }

    public enum Version: String, Sendable, CaseIterable {
        case tls12 = "1.2"
        case tls13 = "1.3"

        var number: Int32 { self == .tls12 ? TLS1_2_VERSION : TLS1_3_VERSION }
    }

    /// What becomes of a peer whose certificate fails the check, or that shows none to a server.
    public enum Verification: Sendable {
        /// The handshake goes on: `TLSSession.peerVerification` says so, and the caller can tell the peer why
        /// in words.
        case told
        /// The handshake fails with the alert that says why.
        case required
    }

    /// Octets of a client's certificate chain.
    public static let maxClientChain = 12 * 1024
    /// Octets of plaintext in a record of a server: OpenSSL keeps room for one in each handshake.
    public static let maxServerRecord = 4096

    public let role: Role
    let handle: OpaquePointer

    /// `authorities`: PEM of the certificates that may sign the peer's; nil: the peer's certificate is not
    /// asked for (by a server) or not looked at (by a client).
    public init(
        _ role: Role, identity: Identity?, authorities: String?, verification: Verification = .told,
        minimum: Version = .tls12, maximum: Version = .tls13
    ) throws(OpenSSLError) {
        let method = unsafe role == .server ? TLS_server_method() : TLS_client_method()
        guard let handle = unsafe SSL_CTX_new(method) else { throw OpenSSLError(taking: "TLS context") }
        self.role = role
        unsafe self.handle = unsafe handle
        guard unsafe polyhub_ssl_ctx_set_min_proto_version(handle, minimum.number) == 1,
            unsafe polyhub_ssl_ctx_set_max_proto_version(handle, maximum.number) == 1
        else {
            throw OpenSSLError(taking: "TLS version")
        }
        unsafe SSL_CTX_set_options(handle, polyhub_ssl_options())
        _ = unsafe polyhub_ssl_ctx_set_session_cache_mode(handle, Int(SSL_SESS_CACHE_OFF))
        unsafe SSL_CTX_set_num_tickets(handle, 0)
        // Sessions are idle for nearly all of their life: 32 kB each are given back meanwhile.
        _ = unsafe polyhub_ssl_ctx_set_mode(handle, Int(SSL_MODE_RELEASE_BUFFERS))
        if role == .server {
            unsafe polyhub_ssl_ctx_bound(handle, Self.maxClientChain, Self.maxServerRecord)
        }
        if let identity { try use(identity) }
        if let authorities { try verifyPeers(by: authorities, verification) }
    }

    deinit { unsafe SSL_CTX_free(handle) }

    private func use(_ identity: Identity) throws(OpenSSLError) {
        let certificates = try PEMCertificates(identity.chain)
        defer { withExtendedLifetime(certificates) {} }
        guard let own = certificates.all.first else {
            throw OpenSSLError("certificate chain", reason: "no certificate in the file")
        }
        guard unsafe SSL_CTX_use_certificate(handle, own.handle) == 1 else {
            throw OpenSSLError(taking: "certificate")
        }
        for other in certificates.all.dropFirst() {
            guard unsafe polyhub_ssl_ctx_add1_chain_cert(handle, other.handle) == 1 else {
                throw OpenSSLError(taking: "certificate chain")
            }
        }
        let bio = try MemoryBIO(identity.key)
        guard let key = unsafe PEM_read_bio_PrivateKey(bio.handle, nil, nil, nil) else {
            throw OpenSSLError(taking: "private key")
        }
        defer { unsafe EVP_PKEY_free(key) }
        guard unsafe SSL_CTX_use_PrivateKey(handle, key) == 1, unsafe SSL_CTX_check_private_key(handle) == 1
        else {
            throw OpenSSLError(taking: "private key")
        }
    }

    private func verifyPeers(
        by authorities: String, _ verification: Verification
    ) throws(OpenSSLError) {
        let certificates = try PEMCertificates(authorities)
        defer { withExtendedLifetime(certificates) {} }
        let store = unsafe SSL_CTX_get_cert_store(handle)
        for authority in certificates.all {
            guard unsafe X509_STORE_add_cert(store, authority.handle) == 1 else {
                throw OpenSSLError(taking: "authority")
            }
            if role == .server { unsafe SSL_CTX_add_client_CA(handle, authority.handle) }
        }
        switch verification {
        case .told: unsafe polyhub_ssl_ctx_verify_without_failing(handle)
        case .required:
            unsafe SSL_CTX_set_verify(handle, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
    }
}

/// The certificates of a PEM text, in its order.
final class PEMCertificates {
    @safe struct Certificate {
        let handle: OpaquePointer
    }

    private(set) var all: [Certificate] = []

    convenience init(_ text: String) throws(OpenSSLError) { try self.init(Array(text.utf8)) }

    init(_ pem: [UInt8]) throws(OpenSSLError) {
        let bio = try MemoryBIO(pem)
        while let certificate = unsafe PEM_read_bio_X509(bio.handle, nil, nil, nil) {
            all.append(unsafe Certificate(handle: certificate))
        }
        ERR_clear_error()
        guard !all.isEmpty else { throw OpenSSLError("PEM", reason: "no certificate in the text") }
    }

    deinit { for certificate in all { unsafe X509_free(certificate.handle) } }
}

/// A text as OpenSSL reads files. Its copy, which may be a private key, is wiped when it goes (BUF_MEM_free).
@safe final class MemoryBIO {
    let handle: OpaquePointer

    convenience init(_ text: String) throws(OpenSSLError) { try self.init(Array(text.utf8)) }

    init(_ octets: [UInt8]) throws(OpenSSLError) {
        guard let handle = unsafe BIO_new(BIO_s_mem()) else { throw OpenSSLError(taking: "memory BIO") }
        unsafe self.handle = unsafe handle
        let written = unsafe octets.isEmpty ? 0 : BIO_write(handle, octets, Int32(octets.count))
        guard written == Int32(octets.count) else { throw OpenSSLError(taking: "memory BIO") }
    }

    deinit { unsafe BIO_free(handle) }
}
