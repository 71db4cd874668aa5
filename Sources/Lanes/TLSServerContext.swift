import COpenSSL

/// A certificate or key that OpenSSL does not accept.
public struct TLSError: Error, CustomStringConvertible, Sendable {
    public let description: String
}

/// A certificate with its chain, leaf first, and its key. PEM.
public struct TLSIdentity: Equatable, Sendable {
    public var chain: String
    public var key: String

    public init(chain: String, key: String) {
        self.chain = chain
        self.key = key
    }
}

/// The oldest protocol that is spoken.
public enum TLSVersion: String, Sendable, CaseIterable {
    case tls10 = "1.0"
    case tls11 = "1.1"
    case tls12 = "1.2"
    case tls13 = "1.3"

    fileprivate var code: Int32 {
        switch self {
        case .tls10: TLS1_VERSION
        case .tls11: TLS1_1_VERSION
        case .tls12: TLS1_2_VERSION
        case .tls13: TLS1_3_VERSION
        }
    }
}

/// What a TLS listener presents: the host's certificate with its chain, its key, and the protocols it speaks;
/// other certificates to those who ask for their names (SNI, RFC 6066 §3). No renegotiation, no session
/// tickets. Client certificates are not asked for.
///
/// @unchecked Sendable: a context is not changed after its initialiser, and OpenSSL counts its references
/// atomically.
@safe public final class TLSServerContext: @unchecked Sendable {
    private let context: OpaquePointer
    /// For other names, in the order in which they are looked through.
    private let others: [TLSServerContext]
    /// The protocols in the form of the ALPN extension; OpenSSL's callback reads it.
    private let protocols: UnsafeMutableBufferPointer<UInt8>

    /// Names of `applicationProtocols` in order of preference; a client that knows none of them is served
    /// without. `others` are presented to those who ask for one of their names.
    public init(
        _ identity: TLSIdentity, others: [TLSIdentity] = [], oldest: TLSVersion = .tls12,
        applicationProtocols: [String] = []
    ) throws(TLSError) {
        ERR_clear_error()
        let chain = unsafe try TLSServerContext.certificates(in: identity.chain)
        defer { unsafe chain.forEach { unsafe X509_free($0) } }
        guard let context = unsafe SSL_CTX_new(TLS_server_method()) else {
            throw TLSServerContext.error("cannot make a TLS context")
        }
        let names = applicationProtocols.filter { (1...255).contains($0.utf8.count) }
        let encoded = names.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        unsafe protocols = .allocate(capacity: encoded.count)
        _ = unsafe protocols.initialize(from: encoded)
        unsafe self.context = context
        self.others = try others.map { (other) throws(TLSError) in
            try TLSServerContext(other, oldest: oldest, applicationProtocols: applicationProtocols)
        }
        unsafe polyhub_ssl_ctx_prepare_server(context, oldest.code)
        unsafe try use(chain, identity.key)
        if !encoded.isEmpty { chooseProtocols() }
        if !others.isEmpty { chooseByName() }
    }

    deinit {
        unsafe SSL_CTX_free(context)
        unsafe protocols.deallocate()
    }

    func makeSession() -> OpaquePointer? { unsafe SSL_new(context) }

    /// Takes the oldest error of this thread's queue.
    static func lastError() -> String? {
        let code = ERR_get_error()
        guard code != 0, let text = unsafe ERR_reason_error_string(code) else { return nil }
        return unsafe String(cString: text)
    }
}

extension TLSServerContext {
    private func use(_ chain: [OpaquePointer], _ privateKeyPEM: String) throws(TLSError) {
        guard unsafe SSL_CTX_use_certificate(context, chain[0]) == 1 else {
            throw TLSServerContext.error("the certificate is not usable")
        }
        for position in unsafe 1..<chain.count {
            guard unsafe polyhub_ssl_ctx_add1_chain_cert(context, chain[position]) == 1 else {
                throw TLSServerContext.error("the certificate's chain is not usable")
            }
        }
        let key = unsafe TLSServerContext.withMemoryBIO(privateKeyPEM) { bio in
            // An empty passphrase, lest OpenSSL ask for one on the terminal.
            unsafe PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in 0 }, nil)
        }
        defer { unsafe EVP_PKEY_free(key) }
        guard let key = unsafe key, unsafe SSL_CTX_use_PrivateKey(context, key) == 1 else {
            throw TLSServerContext.error("the private key is not one in PEM without a passphrase")
        }
        guard unsafe SSL_CTX_check_private_key(context) == 1 else {
            throw TLSServerContext.error("the private key does not belong to the certificate")
        }
    }

    private func chooseProtocols() {
        let context = unsafe context
        let argument = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe SSL_CTX_set_alpn_select_cb(
            context,
            { _, chosen, length, offered, offeredLength, argument in
                let own = unsafe Unmanaged<TLSServerContext>.fromOpaque(argument!).takeUnretainedValue()
                var name: UnsafeMutablePointer<UInt8>?
                let result = unsafe SSL_select_next_proto(
                    &name, length, own.protocols.baseAddress, UInt32(own.protocols.count), offered,
                    offeredLength)
                guard result == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_NOACK }
                unsafe chosen!.pointee = unsafe UnsafePointer(name)
                return SSL_TLSEXT_ERR_OK
            }, argument)
    }

    private func chooseByName() {
        let argument = unsafe Unmanaged.passUnretained(self).toOpaque()
        _ = unsafe polyhub_ssl_ctx_set_tlsext_servername_callback(
            context,
            { ssl, _, argument in
                guard let ssl = unsafe ssl, let name = unsafe polyhub_ssl_server_name(ssl) else {
                    return SSL_TLSEXT_ERR_NOACK
                }
                let own = unsafe Unmanaged<TLSServerContext>.fromOpaque(argument!).takeUnretainedValue()
                guard let chosen = own.others.first(where: { unsafe $0.stands(for: name) }),
                    unsafe !own.stands(for: name)
                else { return SSL_TLSEXT_ERR_OK }
                unsafe SSL_set_SSL_CTX(ssl, chosen.context)
                return SSL_TLSEXT_ERR_OK
            }, argument)
    }

    /// Whether the certificate is one for that name, RFC 9525.
    private func stands(for name: UnsafePointer<CChar>) -> Bool {
        unsafe X509_check_host(SSL_CTX_get0_certificate(context), name, 0, 0, nil) == 1
    }

    /// Why clients will refuse what is presented to them, with the place of the certificate, 0 for the
    /// first.
    public var doubts: [(place: Int, why: String)] {
        let own = ownDoubts.map { (place: 0, why: $0) }
        return own
            + others.enumerated().flatMap { index, other in
                other.ownDoubts.map { (place: index + 1, why: $0) }
            }
    }

    private var ownDoubts: [String] {
        let certificate = unsafe SSL_CTX_get0_certificate(context)
        var doubts: [String] = []
        if unsafe X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0) != 1 {
            doubts.append("its usage does not allow it to stand for a TLS server (serverAuth)")
        }
        if unsafe X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0 {
            doubts.append("it has expired")
        }
        if unsafe X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0 {
            doubts.append("it is not valid yet")
        }
        return doubts
    }

    private static func certificates(in pem: String) throws(TLSError) -> [OpaquePointer] {
        let found = unsafe withMemoryBIO(pem) { bio in
            var found: [OpaquePointer] = unsafe []
            while let certificate = unsafe PEM_read_bio_X509(bio, nil, nil, nil) {
                unsafe found.append(certificate)
            }
            return unsafe found
        }
        // Reading stops with the error that there is no further certificate.
        defer { ERR_clear_error() }
        guard unsafe !found.isEmpty else { throw error("no certificate in PEM form") }
        return unsafe found
    }

    private static func withMemoryBIO<Result>(_ text: String, _ body: (OpaquePointer?) -> Result) -> Result {
        let octets = Array(text.utf8)
        return unsafe octets.withUnsafeBytes { bytes in
            let bio = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count))
            defer { unsafe BIO_free(bio) }
            return unsafe body(bio)
        }
    }

    static func encode(_ certificate: OpaquePointer) -> [UInt8] {
        let length = Int(unsafe i2d_X509(certificate, nil))
        guard length > 0 else { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            var end = buffer.baseAddress
            count = Int(unsafe i2d_X509(certificate, &end))
        }
    }

    private static func error(_ attempt: String) -> TLSError {
        TLSError(description: lastError().map { "\(attempt): \($0)" } ?? attempt)
    }
}
