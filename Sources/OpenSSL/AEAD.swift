import COpenSSL

/// Authenticated ciphers with a nonce of 12 and a tag of 16 octets. The raw value is OpenSSL's name.
public enum AEADAlgorithm: String, Sendable, CaseIterable {
    case aes128GCM = "AES-128-GCM"
    case aes192GCM = "AES-192-GCM"
    case aes256GCM = "AES-256-GCM"
    case chaCha20Poly1305 = "ChaCha20-Poly1305"

    /// Octets.
    public var keyLength: Int {
        switch self {
        case .aes128GCM: 16
        case .aes192GCM: 24
        case .aes256GCM, .chaCha20Poly1305: 32
        }
    }
    /// Octets.
    public static let nonceLength = 12
    public static let tagLength = 16
}

/// An authenticated cipher with its key, for one direction. The key is set once; each packet brings its
/// nonce.
@safe public struct AEADContext: ~Copyable {
    private let context: OpaquePointer
    /// The request for the tag, kept ready: building it per packet costs a twentieth of the packet.
    private let tagRequest: UnsafeMutablePointer<OSSL_PARAM>
    public let algorithm: AEADAlgorithm

    /// `key` has `algorithm.keyLength` octets.
    public init(
        _ algorithm: AEADAlgorithm, key: RawSpan, _ direction: CipherDirection
    ) throws(OpenSSLError) {
        precondition(key.byteCount == algorithm.keyLength, "a key of another cipher")
        unsafe context = unsafe try keyedContext(Fetched.aead(algorithm), key, direction, algorithm.rawValue)
        self.algorithm = algorithm
        unsafe tagRequest = .allocate(capacity: 2)
        unsafe tagRequest.initialize(
            to: polyhub_param_aead_tag(nil, AEADAlgorithm.tagLength))
        unsafe (tagRequest + 1).initialize(to: OSSL_PARAM_construct_end())
    }

    deinit {
        unsafe EVP_CIPHER_CTX_free(context)
        unsafe tagRequest.deallocate()
    }

    /// Encrypts `text` in place and writes its tag (16 octets). `nonce` has 12 octets. The context's
    /// direction is encrypt.
    public func seal(
        _ text: UnsafeMutableBufferPointer<UInt8>, nonce: UnsafePointer<UInt8>,
        authenticating header: UnsafeBufferPointer<UInt8>, tag: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        var written: Int32 = 0
        unsafe tagRequest.pointee.data = UnsafeMutableRawPointer(tag)
        guard unsafe EVP_CipherInit_ex2(context, nil, nil, nonce, -1, nil) == 1,
            unsafe authenticate(header),
            unsafe EVP_CipherUpdate(
                context, text.baseAddress, &written, text.baseAddress, Int32(text.count)) == 1,
            unsafe EVP_CipherFinal_ex(context, nil, &written) == 1,
            unsafe EVP_CIPHER_CTX_get_params(context, tagRequest) == 1
        else {
            ERR_clear_error()
            return false
        }
        return true
    }

    /// Decrypts `text` in place if header, text and tag belong together; if not, `text` is garbage and the
    /// answer false. The context's direction is decrypt.
    public func open(
        _ text: UnsafeMutableBufferPointer<UInt8>, nonce: UnsafePointer<UInt8>,
        authenticating header: UnsafeBufferPointer<UInt8>, tag: UnsafePointer<UInt8>
    ) -> Bool {
        var written: Int32 = 0
        guard unsafe EVP_CipherInit_ex2(context, nil, nil, nonce, -1, nil) == 1,
            unsafe polyhub_evp_cipher_ctx_set_tag(context, 16, tag) == 1,
            unsafe authenticate(header),
            unsafe EVP_CipherUpdate(
                context, text.baseAddress, &written, text.baseAddress, Int32(text.count)) == 1,
            unsafe EVP_CipherFinal_ex(context, nil, &written) == 1
        else {
            ERR_clear_error()
            return false
        }
        return true
    }
}

extension AEADContext {
    @inline(__always)
    private func authenticate(_ header: UnsafeBufferPointer<UInt8>) -> Bool {
        if header.isEmpty { return true }
        var written: Int32 = 0
        return unsafe EVP_CipherUpdate(context, nil, &written, header.baseAddress, Int32(header.count)) == 1
    }

    /// Encrypts `text` of a packet in place. The nonce stands at the packet's front, the tag goes right
    /// behind the text, and nothing else is authenticated.
    public func seal(_ packet: inout MutableRawSpan, text: Range<Int>) -> Bool {
        unsafe withParts(of: &packet, text) { nonce, text, tag in
            let nothing = unsafe UnsafeBufferPointer<UInt8>(start: nil, count: 0)
            return unsafe seal(text, nonce: nonce, authenticating: nothing, tag: tag)
        }
    }

    /// The other way round.
    public func open(_ packet: inout MutableRawSpan, text: Range<Int>) -> Bool {
        unsafe withParts(of: &packet, text) { nonce, text, tag in
            let nothing = unsafe UnsafeBufferPointer<UInt8>(start: nil, count: 0)
            return unsafe open(text, nonce: nonce, authenticating: nothing, tag: tag)
        }
    }

    private func withParts(
        of packet: inout MutableRawSpan, _ text: Range<Int>,
        _ body: (
            UnsafeMutablePointer<UInt8>, UnsafeMutableBufferPointer<UInt8>, UnsafeMutablePointer<UInt8>
        ) -> Bool
    ) -> Bool {
        precondition(text.lowerBound >= AEADAlgorithm.nonceLength, "no room for the nonce")
        precondition(text.upperBound + AEADAlgorithm.tagLength <= packet.byteCount, "no room for the tag")
        return unsafe packet.withUnsafeMutableBytes { bytes in
            let octets = unsafe bytes.bindMemory(to: UInt8.self)
            let start = unsafe octets.baseAddress.unsafelyUnwrapped
            return unsafe body(
                start, UnsafeMutableBufferPointer(rebasing: octets[text]), start + text.upperBound)
        }
    }
}
