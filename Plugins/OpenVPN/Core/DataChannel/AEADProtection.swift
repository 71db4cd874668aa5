import OpenSSL

/// Both directions of one AEAD key. The nonce is the packet id and eight octets that never travel.
///
///     | opcode, key id (1) | peer id (3) | packet id (4) | tag (16) | ciphertext
///     |---------- authenticated: P_DATA_V2 ----------|
///                                |- authenticated: P_DATA_V1 -|
@safe struct AEADProtection: ~Copyable {
    static let headerLength = 4 + AEADAlgorithm.tagLength
    static let implicitLength = 8

    private let sealing: AEADContext
    private let opening: AEADContext
    /// The nonces; their first four octets change with each packet.
    private let sealingNonce: UnsafeMutablePointer<UInt8>
    private let openingNonce: UnsafeMutablePointer<UInt8>

    init(_ algorithm: AEADAlgorithm, _ keys: DataKeys, role: DataKeys.Role) throws(OpenSSLError) {
        let peer: DataKeys.Role = role == .server ? .client : .server
        let sealing = try AEADContext(
            algorithm, key: keys.cipherKey(sentBy: role, count: algorithm.keyLength).bytes, .encrypt)
        let opening = try AEADContext(
            algorithm, key: keys.cipherKey(sentBy: peer, count: algorithm.keyLength).bytes, .decrypt)
        self.sealing = sealing
        self.opening = opening
        unsafe sealingNonce = unsafe Self.nonce(keys.hmacKey(sentBy: role, count: Self.implicitLength))
        unsafe openingNonce = unsafe Self.nonce(keys.hmacKey(sentBy: peer, count: Self.implicitLength))
    }

    private static func nonce(_ implicit: SecretBytes) -> UnsafeMutablePointer<UInt8> {
        let nonce = UnsafeMutablePointer<UInt8>.allocate(capacity: AEADAlgorithm.nonceLength)
        unsafe nonce.initialize(repeating: 0, count: AEADAlgorithm.nonceLength)
        unsafe implicit.bytes.withUnsafeBytes {
            unsafe UnsafeMutableRawPointer(nonce + 4).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
        }
        return unsafe nonce
    }

    deinit {
        unsafe sealingNonce.deallocate()
        unsafe openingNonce.deallocate()
    }

    /// `text` is preceded by 20 octets of room, before which `authenticated - 4` octets stand already.
    @inline(__always)
    func seal(_ text: UnsafeMutablePointer<UInt8>, _ count: Int, packetID: UInt32, authenticated: Int) -> Bool
    {
        let head = unsafe text - Self.headerLength
        unsafe UnsafeMutableRawPointer(head).storeBytes(of: packetID.bigEndian, as: UInt32.self)
        unsafe UnsafeMutableRawPointer(sealingNonce).storeBytes(of: packetID.bigEndian, as: UInt32.self)
        return unsafe sealing.seal(
            UnsafeMutableBufferPointer(start: text, count: count), nonce: sealingNonce,
            authenticating: UnsafeBufferPointer(start: head + 4 - authenticated, count: authenticated),
            tag: head + 4)
    }

    /// `text` is preceded by the 20 octets of packet id and tag.
    @inline(__always)
    func open(_ text: UnsafeMutablePointer<UInt8>, _ count: Int, packetID: UInt32, authenticated: Int) -> Bool
    {
        let head = unsafe text - Self.headerLength
        unsafe UnsafeMutableRawPointer(openingNonce).storeBytes(of: packetID.bigEndian, as: UInt32.self)
        return unsafe opening.open(
            UnsafeMutableBufferPointer(start: text, count: count), nonce: openingNonce,
            authenticating: UnsafeBufferPointer(start: head + 4 - authenticated, count: authenticated),
            tag: head + 4)
    }
}
