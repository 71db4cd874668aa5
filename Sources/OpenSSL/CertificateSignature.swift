import COpenSSL

/// Checks what was signed with a certificate's key.
public enum CertificateSignature {
    /// Octets of a modulus that are worked with.
    private static let modulus = 128...512

    /// Whether `signature` is one of RSASSA-PKCS1-v1_5 with SHA-1 (RFC 8017 §8.2.2) over `message`, by the
    /// RSA key of a certificate in DER. Says nothing about who has issued the certificate.
    public static func isValidRSASHA1(
        _ signature: [UInt8], of message: [UInt8], byCertificate der: [UInt8]
    ) -> Bool {
        unsafe withRSAKey(ofCertificate: der) { key in
            guard let context = unsafe EVP_MD_CTX_new() else { return false }
            defer { unsafe EVP_MD_CTX_free(context) }
            let digest = unsafe Fetched.digest(.sha1)
            return unsafe EVP_DigestVerifyInit(context, nil, digest, nil, key) == 1
                && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
        }
    }

    /// Whether `signature` is one of the hash itself, as IKEv1 has them: EMSA-PKCS1-v1_5 (RFC 8017 §9.2)
    /// without the name of the hash function (RFC 2409 §5.1), by the RSA key of a certificate in DER. Says
    /// nothing about who has issued the certificate.
    public static func isValidRSA(
        _ signature: [UInt8], ofHash hash: [UInt8], byCertificate der: [UInt8]
    ) -> Bool {
        unsafe withRSAKey(ofCertificate: der) { key in
            guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, key, nil) else { return false }
            defer { unsafe EVP_PKEY_CTX_free(context) }
            return unsafe EVP_PKEY_verify_init(context) == 1
                && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1
                && EVP_PKEY_verify(context, signature, signature.count, hash, hash.count) == 1
        }
    }

    /// What `body` says of the key; false where there is none that is worked with.
    private static func withRSAKey(
        ofCertificate der: [UInt8], _ body: (OpaquePointer) -> Bool
    ) -> Bool {
        defer { ERR_clear_error() }
        return unsafe der.withUnsafeBufferPointer { bytes in
            var next = bytes.baseAddress
            guard let certificate = unsafe d2i_X509(nil, &next, bytes.count) else { return false }
            defer { unsafe X509_free(certificate) }
            guard let key = unsafe X509_get0_pubkey(certificate),
                unsafe EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA,
                modulus.contains(Int(unsafe EVP_PKEY_get_size(key)))
            else { return false }
            return unsafe body(key)
        }
    }
}
