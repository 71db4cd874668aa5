import OpenSSL

/// The cipher of one direction with its key, set once.
enum Protection: ~Copyable {
    case cbc(CBCProtection)
    case gcm(GCMProtection)

    init(_ suite: ESPSuite, _ keys: RawSpan, _ direction: CipherDirection) throws(OpenSSLError) {
        precondition(keys.byteCount == suite.keyLength, "keys of another suite")
        switch suite.cipher {
        case .cbc(let algorithm): self = .cbc(try CBCProtection(algorithm, suite, keys, direction))
        case .gcm(let algorithm): self = .gcm(try GCMProtection(algorithm, suite, keys, direction))
        }
    }

    /// `start`: the SPI. `count`: octets to encrypt behind the IV, whole blocks.
    @inline(__always)
    func seal(_ start: UnsafeMutablePointer<UInt8>, _ count: Int, number: UInt64) -> Bool {
        switch self {
        case .cbc(let cbc): unsafe cbc.seal(start, count, number: number)
        case .gcm(let gcm): unsafe gcm.seal(start, count, number: number)
        }
    }

    /// `start`: the SPI. `length`: octets of the whole packet, which has at least header, IV and ICV.
    @inline(__always)
    func open(_ start: UnsafeMutablePointer<UInt8>, _ length: Int, number: UInt64) -> Bool {
        switch self {
        case .cbc(let cbc): unsafe cbc.open(start, length, number: number)
        case .gcm(let gcm): unsafe gcm.open(start, length, number: number)
        }
    }
}

/// A cipher in CBC mode, then HMAC over all of the packet. RFC 3602, RFC 4868.
@safe struct CBCProtection: ~Copyable {
    private let ivLength: Int
    private let dataOffset: Int
    private let isExtended: Bool
    private let icvLength: Int
    private let cipher: CipherContext
    private let hmac: HMAC
    private let ivs: RandomPool
    /// Where authenticators are computed: they are cut on their way into the packet.
    private let authenticator: UnsafeMutablePointer<UInt8>

    init(
        _ algorithm: CipherAlgorithm, _ suite: ESPSuite, _ keys: RawSpan, _ direction: CipherDirection
    ) throws(OpenSSLError) {
        guard let integrity = suite.integrity else {
            preconditionFailure("CBC without an integrity algorithm")
        }
        let cipher = try CipherContext(
            algorithm, key: keys.extracting(first: algorithm.keyLength), direction, isPadded: false)
        let hmac = try HMAC(integrity.digest, key: keys.extracting(droppingFirst: algorithm.keyLength))
        self.cipher = cipher
        self.hmac = hmac
        ivs = RandomPool()
        ivLength = algorithm.blockLength
        dataOffset = ESPHeader.length + algorithm.blockLength
        isExtended = suite.isExtended
        icvLength = integrity.icvLength
        unsafe authenticator = .allocate(capacity: integrity.digest.digestLength)
    }

    deinit { unsafe authenticator.deallocate() }

    @inline(__always)
    func seal(_ start: UnsafeMutablePointer<UInt8>, _ count: Int, number: UInt64) -> Bool {
        let iv = unsafe start + ESPHeader.length
        let text = unsafe start + dataOffset
        guard unsafe ivs.draw(iv, ivLength),
            unsafe cipher.process(iv: iv, input: text, count: count, output: text) == count,
            unsafe authenticate(start, dataOffset + count, number)
        else { return false }
        unsafe (text + count).update(from: authenticator, count: icvLength)
        return true
    }

    @inline(__always)
    func open(_ start: UnsafeMutablePointer<UInt8>, _ length: Int, number: UInt64) -> Bool {
        let text = unsafe start + dataOffset
        let count = length - dataOffset - icvLength
        guard unsafe authenticate(start, length - icvLength, number),
            unsafe constantTimeEquals(authenticator, start + length - icvLength, count: icvLength)
        else { return false }
        return unsafe cipher.process(
            iv: start + ESPHeader.length, input: text, count: count, output: text) == count
    }

    /// The high half of an extended number is authenticated behind the packet without travelling in it, RFC
    /// 4303 §2.2.1.
    @inline(__always)
    private func authenticate(_ start: UnsafeMutablePointer<UInt8>, _ count: Int, _ number: UInt64) -> Bool {
        guard hmac.begin(), unsafe hmac.update(start, count) else { return false }
        if isExtended {
            let high = UInt32(truncatingIfNeeded: number >> 32).bigEndian
            let isAdded = unsafe withUnsafeBytes(of: high) { unsafe hmac.update($0.baseAddress, $0.count) }
            guard isAdded else { return false }
        }
        return unsafe hmac.finish(into: authenticator)
    }
}

/// AES-GCM: nonce of salt and IV, RFC 4106. The sequence number serves as IV: it is unique under a key.
@safe struct GCMProtection: ~Copyable {
    private static let ivLength = 8
    private static let dataOffset = ESPHeader.length + ivLength

    private let isExtended: Bool
    private let context: AEADContext
    private let nonce: UnsafeMutablePointer<UInt8>
    /// SPI and all 64 bits of the number, where those are authenticated.
    private let extendedHeader: UnsafeMutablePointer<UInt8>

    init(
        _ algorithm: AEADAlgorithm, _ suite: ESPSuite, _ keys: RawSpan, _ direction: CipherDirection
    ) throws(OpenSSLError) {
        let context = try AEADContext(algorithm, key: keys.extracting(first: algorithm.keyLength), direction)
        self.context = context
        isExtended = suite.isExtended
        unsafe nonce = .allocate(capacity: AEADAlgorithm.nonceLength)
        unsafe nonce.initialize(repeating: 0, count: AEADAlgorithm.nonceLength)
        unsafe extendedHeader = .allocate(capacity: 12)
        unsafe extendedHeader.initialize(repeating: 0, count: 12)
        for index in 0..<ESPSuite.saltLength {
            unsafe nonce[index] = keys.unsafeLoad(
                fromByteOffset: algorithm.keyLength + index, as: UInt8.self)
        }
    }

    deinit {
        unsafe nonce.deallocate()
        unsafe extendedHeader.deallocate()
    }

    @inline(__always)
    func seal(_ start: UnsafeMutablePointer<UInt8>, _ count: Int, number: UInt64) -> Bool {
        let iv = unsafe start + ESPHeader.length
        let text = unsafe start + Self.dataOffset
        unsafe UnsafeMutableRawPointer(iv).storeBytes(of: number.bigEndian, as: UInt64.self)
        unsafe (nonce + ESPSuite.saltLength).update(from: iv, count: Self.ivLength)
        return unsafe context.seal(
            UnsafeMutableBufferPointer(start: text, count: count), nonce: nonce,
            authenticating: header(start, number), tag: text + count)
    }

    @inline(__always)
    func open(_ start: UnsafeMutablePointer<UInt8>, _ length: Int, number: UInt64) -> Bool {
        let text = unsafe start + Self.dataOffset
        let count = length - Self.dataOffset - AEADAlgorithm.tagLength
        unsafe (nonce + ESPSuite.saltLength).update(from: start + ESPHeader.length, count: Self.ivLength)
        return unsafe context.open(
            UnsafeMutableBufferPointer(start: text, count: count), nonce: nonce,
            authenticating: header(start, number), tag: text + count)
    }

    /// What is authenticated in clear, RFC 4106 §5.
    @inline(__always)
    private func header(
        _ start: UnsafeMutablePointer<UInt8>, _ number: UInt64
    ) -> UnsafeBufferPointer<UInt8> {
        guard isExtended else { return unsafe UnsafeBufferPointer(start: start, count: ESPHeader.length) }
        unsafe extendedHeader.update(from: start, count: 4)
        unsafe UnsafeMutableRawPointer(extendedHeader + 4).storeBytes(of: number.bigEndian, as: UInt64.self)
        return unsafe UnsafeBufferPointer(start: extendedHeader, count: 12)
    }
}
