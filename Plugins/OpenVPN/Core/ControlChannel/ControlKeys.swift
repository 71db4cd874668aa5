public import OpenSSL
public import Wire

/// The secret that protects control packets outside of TLS, and how: one of the wrappings of OpenVPN. Knows
/// nothing of connections: counters and replay windows are `ControlWrapping`.
public enum ControlKeys {
    case plain
    case tlsAuth(TLSAuthKeys)
    case tlsCrypt(TLSCryptKeys)

    /// A packet without its wrapping, which is authentic (where there is one) but may be a replay.
    public struct Unwrapped: Equatable, Sendable {
        public var packet: ControlPacket
        /// Nil in a plain channel.
        public var replayID: ReplayID?
    }

    /// The name for sessions' details and the log.
    public var name: String {
        switch self {
        case .plain: "plain"
        case .tlsAuth: "tls-auth"
        case .tlsCrypt: "tls-crypt"
        }
    }

    /// Octets that a packet grows by, beyond head and body.
    public var overhead: Int {
        switch self {
        case .plain: 0
        case .tlsAuth(let keys): keys.tagLength + ReplayID.length
        case .tlsCrypt: TLSCryptKeys.overhead
        }
    }

    public func wrap(_ packet: ControlPacket, _ replayID: ReplayID) throws(WireError) -> [UInt8] {
        var head: [UInt8] = []
        packet.head.serialize(into: &head)
        var body: [UInt8] = []
        packet.body.serialize(into: &body)
        do {
            switch self {
            case .plain: return head + body
            case .tlsAuth(let keys): return try keys.wrap(head, body, replayID)
            case .tlsCrypt(let keys): return try keys.wrap(head, body, replayID)
            }
        } catch {
            throw .badValue
        }
    }

    /// Refuses whatever does not authenticate or is not a control packet.
    public func unwrap(_ bytes: [UInt8]) throws(WireError) -> Unwrapped {
        guard bytes.count <= ControlPacket.maxReceived else { throw .badLength }
        var reader = unsafe ByteReader(bytes.span.bytes)
        let head = try ControlHead(parsing: &reader)
        var replayID: ReplayID?
        let body: [UInt8]
        switch self {
        case .plain:
            body = reader.rest()
        case .tlsAuth(let keys):
            let tag = try reader.take(keys.tagLength)
            let id = try ReplayID(parsing: &reader)
            body = reader.rest()
            try keys.verify(tag, head: Array(bytes.prefix(ControlHead.length)), body, id)
            replayID = id
        case .tlsCrypt(let keys):
            let id = try ReplayID(parsing: &reader)
            let tag = try reader.take(TLSCryptKeys.tagLength)
            let header = Array(bytes.prefix(ControlHead.length + ReplayID.length))
            body = try keys.open(reader.rest(), tag: tag, header: header)
            replayID = id
        }
        let packet = ControlPacket(head: head, body: try ControlBody(body, of: head.opcode))
        return Unwrapped(packet: packet, replayID: replayID)
    }
}

/// tls-auth: HMAC over every control packet.
///
///     +------+---------+--------------+--------+------+
///     | head | HMAC    | packet id    | time   | body |     computed over: packet id, time, head, body
///     +------+---------+--------------+--------+------+
public final class TLSAuthKeys {
    let key: StaticKey
    let direction: KeyDirection
    private let send: HMAC
    private let receive: HMAC
    var digest: DigestAlgorithm { receive.digest }
    public var tagLength: Int { receive.digest.digestLength }

    public init(_ key: StaticKey, _ digest: DigestAlgorithm, _ direction: KeyDirection) throws(OpenSSLError) {
        self.key = key
        self.direction = direction
        let count = digest.digestLength
        send = try HMAC(digest, key: key.hmacKey(set: direction.sendSet, count: count))
        receive = try HMAC(digest, key: key.hmacKey(set: direction.receiveSet, count: count))
    }

    func wrap(_ head: [UInt8], _ body: [UInt8], _ replayID: ReplayID) throws(OpenSSLError) -> [UInt8] {
        var number: [UInt8] = []
        replayID.serialize(into: &number)
        return head + (try send.authenticate(number, head, body)) + number + body
    }

    func verify(_ tag: [UInt8], head: [UInt8], _ body: [UInt8], _ replayID: ReplayID) throws(WireError) {
        var number: [UInt8] = []
        replayID.serialize(into: &number)
        guard let expected = try? receive.authenticate(number, head, body), constantTimeEquals(tag, expected)
        else { throw .badValue }
    }
}

/// tls-crypt: control packets are encrypted, AES-256-CTR with a synthetic IV (doc/tls-crypt-v2.txt, "Control
/// channel encryption"). The tag, HMAC-SHA256, is made before encryption, and its first half is the IV.
///
///     +------+-----------+------+----------+---------------------+
///     | head | packet id | time | tag (32) | body, encrypted     |
///     +------+-----------+------+----------+---------------------+
///
/// The tag is over head, packet id, time and plain body.
public final class TLSCryptKeys {
    static let tagLength = 32
    static let overhead = tagLength + ReplayID.length
    let key: StaticKey
    let direction: KeyDirection
    private let send: SyntheticIVCipher
    private let receive: SyntheticIVCipher

    public init(_ key: StaticKey, _ direction: KeyDirection) throws(OpenSSLError) {
        self.key = key
        self.direction = direction
        send = try SyntheticIVCipher(key, set: direction.sendSet)
        receive = try SyntheticIVCipher(key, set: direction.receiveSet)
    }

    func wrap(_ head: [UInt8], _ body: [UInt8], _ replayID: ReplayID) throws(OpenSSLError) -> [UInt8] {
        var header = head
        replayID.serialize(into: &header)
        let (tag, text) = try send.seal(body, header: header)
        return header + tag + text
    }

    func open(_ text: [UInt8], tag: [UInt8], header: [UInt8]) throws(WireError) -> [UInt8] {
        try receive.open(text, tag: tag, header: header)
    }
}

/// AES-256-CTR under the first half of an HMAC-SHA256 over header and text: what tls-crypt does with packets
/// and tls-crypt-v2 with client keys.
final class SyntheticIVCipher {
    private let hmac: HMAC
    private let cipher: CipherContext

    convenience init(_ key: StaticKey, set: Int) throws(OpenSSLError) {
        try self.init(
            cipherKey: key.cipherKey(set: set, count: 32), hmacKey: key.hmacKey(set: set, count: 32))
    }

    /// 32 octets each.
    init(cipherKey: [UInt8], hmacKey: [UInt8]) throws(OpenSSLError) {
        hmac = try HMAC(.sha256, key: hmacKey)
        // The key stream of CTR is the same both ways.
        cipher = try unsafe CipherContext(.aes256CTR, key: cipherKey.span.bytes, .encrypt)
    }

    func seal(_ text: [UInt8], header: [UInt8]) throws(OpenSSLError) -> (tag: [UInt8], text: [UInt8]) {
        let tag = try hmac.authenticate(header, text)
        return (tag, try cipher.process(text, iv: Array(tag.prefix(CipherAlgorithm.ivLength))))
    }

    func open(_ text: [UInt8], tag: [UInt8], header: [UInt8]) throws(WireError) -> [UInt8] {
        guard let plain = try? cipher.process(text, iv: Array(tag.prefix(CipherAlgorithm.ivLength))),
            let expected = try? hmac.authenticate(header, plain), constantTimeEquals(tag, expected)
        else { throw .badValue }
        return plain
    }
}
