import COpenSSL

/// The pseudo-random function of TLS 1.0 and 1.1, RFC 2246 §5: MD5 and SHA-1 over both halves of the secret.
/// `seed` begins with the label. Fails for an empty secret.
public func tls1PRF(secret: RawSpan, seed: RawSpan, count: Int) throws(OpenSSLError) -> SecretBytes {
    guard let function = unsafe Fetched.tls1PRF, let context = unsafe EVP_KDF_CTX_new(function) else {
        throw OpenSSLError(taking: "TLS1-PRF context")
    }
    defer { unsafe EVP_KDF_CTX_free(context) }
    return try SecretBytes(count: count) { output throws(OpenSSLError) in
        var name = Array("MD5-SHA1".utf8CString)
        let status = unsafe name.withUnsafeMutableBufferPointer { name in
            unsafe secret.withUnsafeBytes { secret in
                unsafe seed.withUnsafeBytes { seed in
                    var parameters = unsafe [
                        polyhub_param_digest(name.baseAddress),
                        polyhub_param_secret(secret.baseAddress, secret.count),
                        polyhub_param_seed(seed.baseAddress, seed.count),
                        OSSL_PARAM_construct_end(),
                    ]
                    return unsafe output.withUnsafeMutableBytes {
                        unsafe EVP_KDF_derive(
                            context, $0.bindMemory(to: UInt8.self).baseAddress, $0.count, &parameters)
                    }
                }
            }
        }
        guard status == 1 else { throw OpenSSLError(taking: "TLS1-PRF") }
    }
}
