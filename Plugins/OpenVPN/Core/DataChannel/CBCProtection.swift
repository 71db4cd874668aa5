import OpenSSL

/// Both directions of one CBC key with its HMAC: encrypt, then authenticate. Opcode and peer id are not
/// authenticated.
///
///     | opcode, key id (1) | peer id (3) | HMAC | IV (16) | ciphertext of: packet id (4), payload, padding
///                                               |---------- authenticated ----------|
@safe struct CBCProtection: ~Copyable {
    static let ivLength = CipherAlgorithm.ivLength
    static let blockLength = CipherAlgorithm.blockLength

    let digestLength: Int
    private let encrypting: CipherContext
    private let decrypting: CipherContext
    private let signing: HMAC
    private let verifying: HMAC
    /// Where the authenticator that a received packet should have is computed.
    private let expected: UnsafeMutablePointer<UInt8>
    private let ivs: RandomPool

    init(
        _ algorithm: CipherAlgorithm, _ digest: DigestAlgorithm, _ keys: DataKeys, role: DataKeys.Role
    ) throws(OpenSSLError) {
        let peer: DataKeys.Role = role == .server ? .client : .server
        let digestLength = digest.digestLength
        let encrypting = try CipherContext(
            algorithm, key: keys.cipherKey(sentBy: role, count: algorithm.keyLength).bytes, .encrypt)
        let decrypting = try CipherContext(
            algorithm, key: keys.cipherKey(sentBy: peer, count: algorithm.keyLength).bytes, .decrypt)
        let signing = try HMAC(digest, key: keys.hmacKey(sentBy: role, count: digestLength).bytes)
        let verifying = try HMAC(digest, key: keys.hmacKey(sentBy: peer, count: digestLength).bytes)
        self.digestLength = digestLength
        self.encrypting = encrypting
        self.decrypting = decrypting
        self.signing = signing
        self.verifying = verifying
        ivs = RandomPool()
        unsafe expected = .allocate(capacity: digestLength)
    }

    deinit { unsafe expected.deallocate() }

    /// `text` begins with the packet id and has a block of room behind it; before it there is room for IV and
    /// HMAC. Returns the octets of the ciphertext, or -1.
    @inline(__always)
    func seal(_ text: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        let iv = unsafe text - Self.ivLength
        guard unsafe ivs.draw(iv, Self.ivLength) else { return -1 }
        let length = unsafe encrypting.process(iv: iv, input: text, count: count, output: text)
        guard length >= 0,
            unsafe signing.authenticate(iv, Self.ivLength + length, into: iv - digestLength)
        else { return -1 }
        return length
    }

    /// `text` is the ciphertext, whole blocks, preceded by HMAC and IV. Returns the octets of the plaintext,
    /// or -1.
    @inline(__always)
    func open(_ text: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        let iv = unsafe text - Self.ivLength
        guard unsafe verifying.authenticate(iv, Self.ivLength + count, into: expected),
            unsafe constantTimeEquals(expected, iv - digestLength, count: digestLength)
        else { return -1 }
        return unsafe decrypting.process(iv: iv, input: text, count: count, output: text)
    }
}
