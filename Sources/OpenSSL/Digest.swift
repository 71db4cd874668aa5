import COpenSSL

/// A hash function, fetched from OpenSSL once per process.
public enum DigestAlgorithm: String, Sendable, CaseIterable {
    case md5 = "MD5"
    case sha1 = "SHA1"
    case sha256 = "SHA256"
    case sha384 = "SHA384"
    case sha512 = "SHA512"

    /// Octets.
    public var digestLength: Int {
        switch self {
        case .md5: 16
        case .sha1: 20
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    public func hash(_ bytes: RawSpan) throws(OpenSSLError) -> [UInt8] {
        var digest = try Digest(self)
        try digest.update(bytes)
        return try digest.finish()
    }

    public func hash(_ bytes: [UInt8]) throws(OpenSSLError) -> [UInt8] { try hash(unsafe bytes.span.bytes) }
}

/// A hash over bytes that come in pieces. Ready for the next message after `finish`.
@safe public struct Digest: ~Copyable {
    private let context: OpaquePointer
    private let algorithm: DigestAlgorithm

    public init(_ algorithm: DigestAlgorithm) throws(OpenSSLError) {
        guard let context = unsafe EVP_MD_CTX_new() else { throw OpenSSLError(taking: "digest context") }
        guard unsafe EVP_DigestInit_ex(context, Fetched.digest(algorithm), nil) == 1 else {
            unsafe EVP_MD_CTX_free(context)
            throw OpenSSLError(taking: algorithm.rawValue)
        }
        unsafe self.context = unsafe context
        self.algorithm = algorithm
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    public mutating func update(_ bytes: RawSpan) throws(OpenSSLError) {
        let status = unsafe bytes.withUnsafeBytes {
            unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count)
        }
        guard status == 1 else { throw OpenSSLError(taking: algorithm.rawValue) }
    }

    public mutating func finish() throws(OpenSSLError) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: algorithm.digestLength)
        var length: UInt32 = 0
        let status = unsafe digest.withUnsafeMutableBufferPointer {
            unsafe EVP_DigestFinal_ex(context, $0.baseAddress, &length)
        }
        guard status == 1, unsafe EVP_DigestInit_ex(context, nil, nil) == 1 else {
            throw OpenSSLError(taking: algorithm.rawValue)
        }
        return digest
    }
}
