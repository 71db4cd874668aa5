import COpenSSL

/// A certificate with an RSA key, and what signs with that key.
/// @unchecked Sendable: OpenSSL signs with one key on several threads, and nothing changes after `init`.
@safe public final class RSAIdentity: @unchecked Sendable {
    /// Octets of the modulus: shorter ones nobody should believe, longer ones cost too much.
    static let modulus = 256...512
    public static let maxCertificates = 5

    /// DER: its own first, then those up to the authority, which is left out.
    public let certificates: [[UInt8]]
    public let holder: CertificateHolder
    private let key: OpaquePointer

    /// PEM; the certificate first. The caller wipes the key.
    public init(chain: [UInt8], key pem: [UInt8]) throws(OpenSSLError) {
        let all = try PEMCertificates(chain)
        defer { withExtendedLifetime(all) {} }
        let own = unsafe all.all[0].handle
        let bio = try MemoryBIO(pem)
        defer { withExtendedLifetime(bio) {} }
        guard let key = unsafe PEM_read_bio_PrivateKey(bio.handle, nil, nil, nil) else {
            throw OpenSSLError(taking: "private key")
        }
        if let fault = unsafe Self.fault(of: key, own) {
            unsafe EVP_PKEY_free(key)
            throw OpenSSLError("private key", reason: fault)
        }
        unsafe self.key = unsafe key
        holder = unsafe CertificateHolder(own, der: PeerCertificate(own).der)
        certificates = all.all.prefix(Self.maxCertificates).enumerated().compactMap { index, certificate in
            let isRoot = unsafe X509_check_issued(certificate.handle, certificate.handle) == X509_V_OK
            return isRoot && index > 0 ? nil : unsafe PeerCertificate(certificate.handle).der
        }
    }

    deinit { unsafe EVP_PKEY_free(key) }

    private static func fault(of key: OpaquePointer, _ certificate: OpaquePointer) -> String? {
        defer { ERR_clear_error() }
        guard unsafe EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA else { return "it is not an RSA key" }
        guard modulus.contains(Int(unsafe EVP_PKEY_get_size(key))) else {
            return "it has not \(modulus.lowerBound * 8) to \(modulus.upperBound * 8) bits"
        }
        let belongs = unsafe X509_check_private_key(certificate, key) == 1
        return belongs ? nil : "it is not that of the certificate"
    }

    /// Of the hash itself, see `CertificateSignature.isValidRSA`.
    public func sign(hash: [UInt8]) throws(OpenSSLError) -> [UInt8] {
        guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, key, nil) else {
            throw OpenSSLError(taking: "signature")
        }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: Int(unsafe EVP_PKEY_get_size(key)))
        var count = signature.count
        guard unsafe EVP_PKEY_sign_init(context) == 1,
            unsafe EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1,
            unsafe EVP_PKEY_sign(context, &signature, &count, hash, hash.count) == 1
        else { throw OpenSSLError(taking: "signature") }
        return Array(signature.prefix(count))
    }
}
