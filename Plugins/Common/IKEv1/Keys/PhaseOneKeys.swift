import OpenSSL
import Wire

/// The keys of an ISAKMP SA, RFC 2409 §5 and appendix B.
struct PhaseOneKeys: Sendable {
    let suite: PhaseOneSuite
    let skeyid: SecretBytes
    /// For the keys of phase 2.
    let derivation: SecretBytes
    /// For authenticating messages.
    let authentication: SecretBytes
    let cipherKey: SecretBytes

    /// What both sides have contributed.
    struct Exchange: Sendable {
        var cookies: Cookies
        var initiatorNonce: [UInt8]
        var responderNonce: [UInt8]
        var initiatorPublic: [UInt8]
        var responderPublic: [UInt8]
        var secret: SecretBytes
    }

    init(_ suite: PhaseOneSuite, _ exchange: Exchange, preSharedKey: SecretBytes) throws(OpenSSLError) {
        let nonces = SecretBytes(copying: exchange.initiatorNonce + exchange.responderNonce)
        try self.init(suite, exchange, skeyid: prf(suite.hash, preSharedKey, nonces))
    }

    /// With signatures.
    init(_ suite: PhaseOneSuite, _ exchange: Exchange) throws(OpenSSLError) {
        let nonces = SecretBytes(copying: exchange.initiatorNonce + exchange.responderNonce)
        try self.init(suite, exchange, skeyid: prf(suite.hash, nonces, exchange.secret))
    }

    private init(_ suite: PhaseOneSuite, _ exchange: Exchange, skeyid: SecretBytes) throws(OpenSSLError) {
        self.suite = suite
        self.skeyid = skeyid
        let (cookies, secret) = (exchange.cookies.octets, exchange.secret)
        derivation = try prf(suite.hash, skeyid, secret, SecretBytes(copying: cookies + [0]))
        authentication = try prf(
            suite.hash, skeyid, derivation, secret, SecretBytes(copying: cookies + [1]))
        let encryption = try prf(
            suite.hash, skeyid, authentication, secret, SecretBytes(copying: cookies + [2]))
        cipherKey = try Self.cipherKey(suite, encryption)
    }

    /// As long as the cipher needs it: the start of SKEYID_e, or a stream made of it.
    private static func cipherKey(
        _ suite: PhaseOneSuite, _ encryption: SecretBytes
    ) throws(OpenSSLError) -> SecretBytes {
        let count = suite.cipher.keyLength
        guard encryption.count < count else {
            return SecretBytes(copying: encryption.bytes.extracting(first: count))
        }
        return try keyStream(suite.hash, encryption.bytes, count: count, seed: [0])
    }

    /// The IV of the first encrypted message.
    static func firstIV(
        _ suite: PhaseOneSuite, _ exchange: Exchange
    ) throws(OpenSSLError) -> [UInt8] {
        let digest = try suite.hash.hash(exchange.initiatorPublic + exchange.responderPublic)
        return Array(digest.prefix(suite.cipher.blockLength))
    }

    /// The IV of another exchange's first message. `lastBlock`: the last octets of phase 1.
    func iv(lastBlock: [UInt8], messageID: UInt32) throws(OpenSSLError) -> [UInt8] {
        var octets = lastBlock
        octets.appendBigEndian(messageID)
        return Array(try suite.hash.hash(octets).prefix(suite.cipher.blockLength))
    }

    /// HASH_I or HASH_R: `own` is the prover's public value and cookie. `identity`: the body of the prover's
    /// payload. `offer`: the body of the initiator's SA payload.
    func proof(
        isInitiator: Bool, _ exchange: Exchange, offer: [UInt8], identity: [UInt8]
    ) throws(OpenSSLError) -> [UInt8] {
        var octets: [UInt8] = []
        let cookies = exchange.cookies
        if isInitiator {
            octets += exchange.initiatorPublic + exchange.responderPublic + cookies.octets
        } else {
            octets += exchange.responderPublic + exchange.initiatorPublic
            octets.appendBigEndian(cookies.responder)
            octets.appendBigEndian(cookies.initiator)
        }
        octets += offer + identity
        return try HMAC(suite.hash, key: skeyid.bytes).authenticate(octets)
    }

    /// What authenticates a message of quick mode or an informational one.
    func authenticate(_ pieces: [UInt8]...) throws(OpenSSLError) -> [UInt8] {
        try HMAC(suite.hash, key: authentication.bytes).authenticate(pieces.reduce([], +))
    }
}

/// HMAC over pieces, with a secret for its result.
func prf(
    _ hash: DigestAlgorithm, _ key: SecretBytes, _ pieces: SecretBytes...
) throws(OpenSSLError) -> SecretBytes {
    let hmac = try HMAC(hash, key: key.bytes)
    return try hmac.secret(of: pieces)
}

/// K1 | K2 | ... with K1 = prf(key, seed) and Kn = prf(key, Kn-1 | seed), cut to `count` octets. In phase 1
/// (appendix B) the seed stands in K1 alone; there it is one zero octet, and `repeatsSeed` false.
func keyStream(
    _ hash: DigestAlgorithm, _ key: RawSpan, count: Int, seed: [UInt8], repeatsSeed: Bool = false
) throws(OpenSSLError) -> SecretBytes {
    var stream: [UInt8] = []
    defer { wipe(&stream) }
    stream.reserveCapacity(count + hash.digestLength)
    var block: [UInt8] = []
    let hmac = try HMAC(hash, key: key)
    while stream.count < count {
        block = try hmac.authenticate(block + (block.isEmpty || repeatsSeed ? seed : []))
        stream += block
    }
    wipe(&block)
    return SecretBytes(copying: stream.rawSpan.extracting(first: count))
}
