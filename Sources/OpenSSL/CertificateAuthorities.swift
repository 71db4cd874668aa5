import COpenSSL

/// Those who may sign the certificates of peers, for protocols that carry chains by themselves. What it
/// checks is RFC 5280 §6: signatures, validity, who may sign; by the system's clock, as OpenSSL does. It
/// knows of no revocation. @unchecked Sendable: OpenSSL locks the store, and nothing is added to it after
/// `init`.
@safe public final class CertificateAuthorities: @unchecked Sendable {
    /// That are trusted at once.
    public static let maxCount = 32
    /// Certificates between a peer's and the authority's.
    static let maxDepth: Int32 = 4
    /// Keys as strong as 112 bits, RSA of 2048: as for TLS.
    private static let securityLevel: Int32 = 2

    private let store: OpaquePointer
    /// Their names, DER.
    public let names: [[UInt8]]

    public init(pem: [UInt8]) throws(OpenSSLError) {
        let certificates = try PEMCertificates(pem)
        defer { withExtendedLifetime(certificates) {} }
        guard certificates.all.count <= Self.maxCount else {
            throw OpenSSLError("authorities", reason: "more than \(Self.maxCount) certificates")
        }
        guard let store = unsafe X509_STORE_new() else { throw OpenSSLError(taking: "authorities") }
        unsafe self.store = unsafe store
        var names: [[UInt8]] = []
        for authority in certificates.all {
            names.append(unsafe CertificateHolder.octets(ofName: X509_get_subject_name(authority.handle)))
            // No deinit runs: the names are missing.
            guard unsafe X509_STORE_add_cert(store, authority.handle) == 1 else {
                let error = OpenSSLError(taking: "authority")
                unsafe X509_STORE_free(store)
                throw error
            }
        }
        self.names = names
    }

    deinit { unsafe X509_STORE_free(store) }

    /// The certificates of a PEM text, DER.
    public static func octets(ofPEM pem: [UInt8]) throws(OpenSSLError) -> [[UInt8]] {
        let certificates = try PEMCertificates(pem)
        defer { withExtendedLifetime(certificates) {} }
        return certificates.all.map { unsafe PeerCertificate($0.handle).der }
    }

    /// `chain`: DER, the peer's own certificate first, then what may stand between it and an authority.
    public func verify(_ chain: [[UInt8]]) throws(CertificateRefusal) -> CertificateHolder {
        defer { ERR_clear_error() }
        let certificates = try CertificateList(chain)
        defer { withExtendedLifetime(certificates) {} }
        guard let own = unsafe certificates.own, let context = unsafe X509_STORE_CTX_new() else {
            throw CertificateRefusal("there is none")
        }
        defer { unsafe X509_STORE_CTX_free(context) }
        guard unsafe X509_STORE_CTX_init(context, store, own, certificates.others) == 1 else {
            throw CertificateRefusal("it cannot be checked")
        }
        let parameters = unsafe X509_STORE_CTX_get0_param(context)
        unsafe X509_VERIFY_PARAM_set_depth(parameters, Self.maxDepth)
        unsafe X509_VERIFY_PARAM_set_auth_level(parameters, Self.securityLevel)
        guard unsafe X509_verify_cert(context) == 1 else {
            let reason = unsafe X509_verify_cert_error_string(
                Int(X509_STORE_CTX_get_error(context)))
            throw CertificateRefusal(unsafe reason.map { unsafe String(cString: $0) } ?? "unknown")
        }
        if let fault = unsafe CertificateHolder.fault(of: own) { throw fault }
        return unsafe CertificateHolder(own, der: chain[0])
    }
}

/// Why a certificate is not believed, in words for a log.
public struct CertificateRefusal: Error, Equatable, Sendable {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }
}

/// Certificates as OpenSSL has them.
@safe private final class CertificateList {
    private(set) var own: OpaquePointer?
    let others: OpaquePointer?

    init(_ chain: [[UInt8]]) throws(CertificateRefusal) {
        unsafe others = unsafe polyhub_certificates()
        for (index, der) in chain.enumerated() {
            guard let certificate = unsafe Self.read(der) else {
                throw CertificateRefusal("it is malformed")
            }
            if index == 0 {
                unsafe own = unsafe certificate
            } else if unsafe polyhub_certificates_take(others, certificate) <= 0 {
                unsafe X509_free(certificate)
                throw CertificateRefusal("it cannot be checked")
            }
        }
    }

    deinit {
        unsafe X509_free(own)
        unsafe polyhub_certificates_free(others)
    }

    private static func read(_ der: [UInt8]) -> OpaquePointer? {
        unsafe der.withUnsafeBufferPointer { bytes in
            var next = bytes.baseAddress
            guard let certificate = unsafe d2i_X509(nil, &next, bytes.count) else { return nil }
            guard unsafe next == bytes.baseAddress?.advanced(by: bytes.count) else {
                unsafe X509_free(certificate)
                return nil
            }
            return unsafe certificate
        }
    }
}
