import COpenSSL

/// HMAC, RFC 2104, with the key set once: a message costs no key schedule.
@safe public struct HMAC: ~Copyable {
    private let context: OpaquePointer
    public let digest: DigestAlgorithm

    public init(_ digest: DigestAlgorithm, key: RawSpan) throws(OpenSSLError) {
        guard let function = unsafe Fetched.hmac, let context = unsafe EVP_MAC_CTX_new(function) else {
            throw OpenSSLError(taking: "HMAC context")
        }
        var name = Array(digest.rawValue.utf8CString)
        let status = unsafe name.withUnsafeMutableBufferPointer { name in
            unsafe key.withUnsafeBytes { key in
                var parameters = unsafe [
                    polyhub_param_digest(name.baseAddress),
                    OSSL_PARAM_construct_end(),
                ]
                // A null key would mean "the key that is set already".
                guard let start = unsafe key.bindMemory(to: UInt8.self).baseAddress else { return Int32(0) }
                return unsafe EVP_MAC_init(context, start, key.count, &parameters)
            }
        }
        guard status == 1 else {
            unsafe EVP_MAC_CTX_free(context)
            throw OpenSSLError(taking: "HMAC-\(digest.rawValue) key")
        }
        unsafe self.context = unsafe context
        self.digest = digest
    }

    public init(_ digest: DigestAlgorithm, key: [UInt8]) throws(OpenSSLError) {
        try self.init(digest, key: unsafe key.span.bytes)
    }

    deinit { unsafe EVP_MAC_CTX_free(context) }

    /// Starts a message: begin, update (once or more), finish.
    public func begin() -> Bool { unsafe EVP_MAC_init(context, nil, 0, nil) == 1 }

    public func update(_ bytes: RawSpan) -> Bool {
        unsafe bytes.withUnsafeBytes { unsafe update($0.baseAddress, $0.count) }
    }

    public func update(_ start: UnsafeRawPointer?, _ count: Int) -> Bool {
        unsafe EVP_MAC_update(context, start?.assumingMemoryBound(to: UInt8.self), count) == 1
    }

    /// Writes `digest.digestLength` octets.
    public func finish(into tag: UnsafeMutablePointer<UInt8>) -> Bool {
        var length = 0
        return unsafe EVP_MAC_final(context, tag, &length, digest.digestLength) == 1
    }

    /// Writes the authenticator of one message, `digest.digestLength` octets.
    public func authenticate(
        _ start: UnsafePointer<UInt8>, _ count: Int, into tag: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        unsafe begin() && update(start, count) && finish(into: tag)
    }

    /// The authenticator of one message, which may lie in several pieces.
    public func authenticate(_ pieces: [UInt8]...) throws(OpenSSLError) -> [UInt8] {
        guard begin(), pieces.allSatisfy({ update(unsafe $0.span.bytes) }) else {
            throw OpenSSLError(taking: "HMAC")
        }
        var tag = [UInt8](repeating: 0, count: digest.digestLength)
        let isDone = unsafe tag.withUnsafeMutableBufferPointer { buffer in
            unsafe buffer.baseAddress.map { unsafe finish(into: $0) } ?? false
        }
        guard isDone else { throw OpenSSLError(taking: "HMAC") }
        return tag
    }
}

extension HMAC {
    /// The authenticator of one message that lies in pieces, and is a secret itself.
    public func secret(of pieces: [SecretBytes]) throws(OpenSSLError) -> SecretBytes {
        guard begin(), pieces.allSatisfy({ update($0.bytes) }) else { throw OpenSSLError(taking: "HMAC") }
        return try SecretBytes(count: digest.digestLength) { output throws(OpenSSLError) in
            let isDone = unsafe output.withUnsafeMutableBytes { buffer in
                unsafe buffer.bindMemory(to: UInt8.self).baseAddress.map { unsafe finish(into: $0) } ?? false
            }
            guard isDone else { throw OpenSSLError(taking: "HMAC") }
        }
    }
}
