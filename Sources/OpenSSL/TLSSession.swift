import COpenSSL

/// One TLS connection over memory: bytes of the peer go in, bytes for the peer come out, and it is the
/// caller who carries them. Not for several threads at once.
@safe public final class TLSSession {
    /// How the session or the peer failed; the session is of no more use.
    public struct Failure: Error, Equatable, Sendable {
        public let reason: String
    }

    private let handle: OpaquePointer
    /// Owned by `handle`.
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    private var isHandshakeDone = false
    /// The peer said that it will send no more.
    public private(set) var isClosedByPeer = false
    /// Whether the session ends with this object. False for one that was given to another image of this
    /// library in the same process, or is borrowed from one.
    public var isOwner = true

    public init(_ context: TLSContext) throws(OpenSSLError) {
        guard let handle = unsafe SSL_new(context.handle) else { throw OpenSSLError(taking: "TLS session") }
        guard let incoming = unsafe BIO_new(BIO_s_mem()), let outgoing = unsafe BIO_new(BIO_s_mem()) else {
            unsafe SSL_free(handle)
            throw OpenSSLError(taking: "memory BIO")
        }
        unsafe polyhub_bio_set_mem_eof_return(incoming, -1)
        unsafe polyhub_bio_set_mem_eof_return(outgoing, -1)
        unsafe SSL_set_bio(handle, incoming, outgoing)
        switch context.role {
        case .server: unsafe SSL_set_accept_state(handle)
        case .client: unsafe SSL_set_connect_state(handle)
        }
        unsafe self.handle = unsafe handle
        unsafe self.incoming = unsafe incoming
        unsafe self.outgoing = unsafe outgoing
    }

    /// The session at another one's `address`, in the state that the other one knows of. `isOwner` is false
    /// until it is set.
    @unsafe public init(
        borrowing address: UnsafeMutableRawPointer, isHandshakeDone: Bool, isClosedByPeer: Bool
    ) {
        unsafe handle = OpaquePointer(address)
        unsafe incoming = SSL_get_rbio(handle)
        unsafe outgoing = SSL_get_wbio(handle)
        self.isHandshakeDone = isHandshakeDone
        self.isClosedByPeer = isClosedByPeer
        isOwner = false
    }

    deinit { if isOwner { unsafe SSL_free(handle) } }

    /// Takes in bytes of the peer; `handshake` or `read` looks at them.
    public func receive(_ bytes: [UInt8]) throws(Failure) {
        guard !bytes.isEmpty else { return }
        guard unsafe BIO_write(incoming, bytes, Int32(bytes.count)) == Int32(bytes.count) else {
            throw failure()
        }
    }

    /// Octets that wait for `takeOutput`.
    public var pendingOutput: Int { unsafe polyhub_bio_pending(outgoing) }

    /// The next bytes for the peer, at most `count`. After a failure too: they hold the alert.
    public func takeOutput(upTo count: Int) -> [UInt8] {
        let size = min(count, pendingOutput)
        guard size > 0 else { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
            initialized = unsafe Int(max(0, BIO_read(outgoing, buffer.baseAddress, Int32(size))))
        }
    }

    /// Takes the handshake as far as the bytes allow. True: it is done.
    public func handshake() throws(Failure) -> Bool {
        guard !isHandshakeDone else { return true }
        ERR_clear_error()
        let status = unsafe SSL_do_handshake(handle)
        if status == 1 {
            isHandshakeDone = true
            return true
        }
        guard unsafe SSL_get_error(handle, status) == SSL_ERROR_WANT_READ else { throw failure() }
        return false
    }

    /// The plaintext of the next record, or its first `limit` octets; nil when more bytes of the peer are
    /// needed, or none will come.
    public func read(limit: Int) throws(Failure) -> [UInt8]? {
        guard isHandshakeDone, !isClosedByPeer else { return nil }
        ERR_clear_error()
        var status: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, initialized in
            status = unsafe SSL_read(handle, buffer.baseAddress, Int32(limit))
            initialized = Int(max(0, status))
        }
        if status > 0 { return bytes }
        switch unsafe SSL_get_error(handle, status) {
        case SSL_ERROR_WANT_READ: return nil
        case SSL_ERROR_ZERO_RETURN:
            isClosedByPeer = true
            return nil
        default: throw failure()
        }
    }

    /// Encrypts `bytes`, as one record if there are at most `TLSContext.maxServerRecord`. Only after the
    /// handshake.
    public func write(_ bytes: [UInt8]) throws(Failure) {
        precondition(isHandshakeDone, "plaintext before the handshake is done")
        guard !bytes.isEmpty else { return }
        ERR_clear_error()
        guard unsafe SSL_write(handle, bytes, Int32(bytes.count)) == Int32(bytes.count) else {
            throw failure()
        }
    }

    /// Tells the peer that nothing more will be sent.
    public func close() {
        guard isHandshakeDone else { return }
        unsafe SSL_shutdown(handle)
        ERR_clear_error()
    }

    /// Keying material of the session, RFC 5705 and RFC 8446 §7.5; no `context` is another one than an empty
    /// one. Only after the handshake.
    public func exportKeyingMaterial(
        label: String, context: [UInt8]? = nil, count: Int
    ) throws(OpenSSLError) -> SecretBytes {
        precondition(isHandshakeDone, "no keys before the handshake is done")
        return try SecretBytes(count: count) { output throws(OpenSSLError) in
            let status = unsafe output.withUnsafeMutableBytes {
                unsafe SSL_export_keying_material(
                    handle, $0.bindMemory(to: UInt8.self).baseAddress, $0.count, label, label.utf8.count,
                    context ?? [], context?.count ?? 0, context == nil ? 0 : 1)
            }
            guard status == 1 else { throw OpenSSLError(taking: "TLS exporter") }
        }
    }

    /// RFC 8446 and not an older version; only after the handshake.
    public var isTLS13: Bool { unsafe SSL_version(handle) == TLS1_3_VERSION }

    /// Why the peer's certificate failed the check; nil if it has not. Also of a handshake that failed.
    public var verificationFault: String? {
        let result = unsafe SSL_get_verify_result(handle)
        return result == X509_V_OK ? nil : unsafe String(cString: X509_verify_cert_error_string(result))
    }

    /// "TLSv1.3 TLS_AES_256_GCM_SHA384"; only after the handshake.
    public var summary: String {
        let version = unsafe SSL_get_version(handle).map { unsafe String(cString: $0) } ?? "TLS"
        let cipher = unsafe polyhub_ssl_get_cipher_name(handle).map { unsafe String(cString: $0) } ?? "?"
        return "\(version) \(cipher)"
    }

    /// What the peer proved by certificate; only after the handshake.
    public var peerVerification: PeerVerification {
        guard let certificate = unsafe SSL_get1_peer_certificate(handle) else { return .absent }
        defer { unsafe X509_free(certificate) }
        let result = unsafe SSL_get_verify_result(handle)
        guard result == X509_V_OK else {
            return .refused(
                isExpired: result == X509_V_ERR_CERT_HAS_EXPIRED,
                reason: unsafe String(cString: X509_verify_cert_error_string(result)))
        }
        return unsafe .verified(PeerCertificate(certificate))
    }

    private func failure() -> Failure {
        let error = OpenSSLError(taking: "TLS")
        return Failure(reason: error.reason)
    }
}

// MARK: - Between images

extension TLSSession {
    /// Where OpenSSL keeps the session: the same for every image of this library in the process, because they
    /// share OpenSSL itself.
    @unsafe public var address: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(handle) }
}

/// The outcome of the check of the peer's certificate.
public enum PeerVerification: Equatable, Sendable {
    /// The peer showed none.
    case absent
    case verified(PeerCertificate)
    case refused(isExpired: Bool, reason: String)
}

/// A certificate whose chain was verified.
public struct PeerCertificate: Equatable, Sendable {
    /// RFC 2253 form.
    public let subject: String
    /// The last common name of the subject; empty if it has none.
    public let commonName: String
    /// The certificate, DER.
    public let der: [UInt8]

    public init(subject: String, commonName: String, der: [UInt8]) {
        self.subject = subject
        self.commonName = commonName
        self.der = der
    }

    init(_ certificate: OpaquePointer) {
        let name = unsafe X509_get_subject_name(certificate)
        subject = unsafe Self.text(of: name)
        commonName = unsafe Self.commonName(of: name)
        var length = unsafe i2d_X509(certificate, nil)
        var octets = [UInt8](repeating: 0, count: Int(max(0, length)))
        unsafe octets.withUnsafeMutableBufferPointer { buffer in
            var position = buffer.baseAddress
            length = unsafe i2d_X509(certificate, &position)
        }
        der = octets
    }

    static func text(of name: OpaquePointer?) -> String {
        guard let bio = unsafe BIO_new(BIO_s_mem()) else { return "" }
        defer { unsafe BIO_free(bio) }
        guard unsafe X509_NAME_print_ex(bio, name, 0, polyhub_xn_flag_rfc2253()) >= 0 else { return "" }
        return unsafe read(bio)
    }

    static func commonName(of name: OpaquePointer?) -> String {
        var last: Int32 = -1
        while true {
            let next = unsafe X509_NAME_get_index_by_NID(name, NID_commonName, last)
            guard next >= 0 else { break }
            last = next
        }
        guard last >= 0, let bio = unsafe BIO_new(BIO_s_mem()) else { return "" }
        defer { unsafe BIO_free(bio) }
        let value = unsafe X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last))
        guard unsafe ASN1_STRING_print_ex(bio, value, UInt(ASN1_STRFLGS_UTF8_CONVERT)) >= 0 else { return "" }
        return unsafe read(bio)
    }

    private static func read(_ bio: OpaquePointer) -> String {
        let count = unsafe polyhub_bio_pending(bio)
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = unsafe Int(max(0, BIO_read(bio, buffer.baseAddress, Int32(count))))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
