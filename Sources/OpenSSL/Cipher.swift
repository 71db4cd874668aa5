import COpenSSL

/// Ciphers without authentication. The raw value is OpenSSL's name.
public enum CipherAlgorithm: String, Sendable, CaseIterable {
    case aes128CBC = "AES-128-CBC"
    case aes192CBC = "AES-192-CBC"
    case aes256CBC = "AES-256-CBC"
    case aes256CTR = "AES-256-CTR"
    /// Three keys of DES.
    case tripleDESCBC = "DES-EDE3-CBC"

    /// Octets.
    public var keyLength: Int {
        switch self {
        case .aes128CBC: 16
        case .aes192CBC, .tripleDESCBC: 24
        case .aes256CBC, .aes256CTR: 32
        }
    }
    /// Octets of a block, and of an IV.
    public var blockLength: Int { self == .tripleDESCBC ? 8 : Self.blockLength }

    /// Octets, of AES.
    public static let ivLength = 16
    public static let blockLength = 16
}

public enum CipherDirection: Int32, Sendable {
    case decrypt = 0
    case encrypt = 1
}

/// A cipher with its key, for one direction. The key is set once; each message brings its IV. CBC pads (PKCS
/// #7), or takes whole blocks alone.
@safe public struct CipherContext: ~Copyable {
    private let context: OpaquePointer
    public let algorithm: CipherAlgorithm

    /// `key` has `algorithm.keyLength` octets.
    public init(
        _ algorithm: CipherAlgorithm, key: RawSpan, _ direction: CipherDirection, isPadded: Bool = true
    ) throws(OpenSSLError) {
        precondition(key.byteCount == algorithm.keyLength, "a key of another cipher")
        unsafe context = unsafe try keyedContext(
            Fetched.cipher(algorithm), key, direction, algorithm.rawValue)
        self.algorithm = algorithm
        if !isPadded { _ = unsafe EVP_CIPHER_CTX_set_padding(context, 0) }
    }

    deinit { unsafe EVP_CIPHER_CTX_free(context) }

    /// Transforms `count` octets from `input` to `output`, which may be the same place. Returns the octets
    /// written (encryption in CBC: up to one block more than `count`) or -1 if the padding is wrong, or where
    /// there is none, if these are no whole blocks.
    public func process(
        iv: UnsafePointer<UInt8>, input: UnsafePointer<UInt8>, count: Int,
        output: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var written: Int32 = 0
        var last: Int32 = 0
        guard unsafe EVP_CipherInit_ex2(context, nil, nil, iv, -1, nil) == 1,
            unsafe EVP_CipherUpdate(context, output, &written, input, Int32(count)) == 1,
            unsafe EVP_CipherFinal_ex(context, output + Int(written), &last) == 1
        else {
            ERR_clear_error()
            return -1
        }
        return Int(written &+ last)
    }

    /// The same for the control plane, on owned bytes.
    public func process(_ input: [UInt8], iv: [UInt8]) throws(OpenSSLError) -> [UInt8] {
        precondition(iv.count == algorithm.blockLength, "an IV of another cipher")
        var output = [UInt8](repeating: 0, count: input.count + CipherAlgorithm.blockLength)
        let written = unsafe output.withUnsafeMutableBufferPointer { output in
            unsafe iv.withUnsafeBufferPointer { iv in
                unsafe input.withUnsafeBufferPointer { input in
                    guard let iv = iv.baseAddress, let to = output.baseAddress else { return -1 }
                    return unsafe process(
                        iv: iv, input: input.baseAddress ?? UnsafePointer(to), count: input.count, output: to)
                }
            }
        }
        guard written >= 0 else { throw OpenSSLError(algorithm.rawValue, reason: "wrong padding") }
        output.removeLast(output.count - written)
        return output
    }
}

/// A context that has its key and waits for an IV. The caller frees it.
func keyedContext(
    _ cipher: OpaquePointer?, _ key: RawSpan, _ direction: CipherDirection, _ name: String
) throws(OpenSSLError) -> OpaquePointer {
    guard let context = unsafe EVP_CIPHER_CTX_new() else { throw OpenSSLError(taking: "cipher context") }
    let status = unsafe key.withUnsafeBytes { key in
        unsafe EVP_CipherInit_ex2(
            context, cipher, key.bindMemory(to: UInt8.self).baseAddress, nil, direction.rawValue, nil)
    }
    guard status == 1 else {
        unsafe EVP_CIPHER_CTX_free(context)
        throw OpenSSLError(taking: "\(name) key")
    }
    return unsafe context
}
