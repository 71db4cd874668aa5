public import OpenSSL
public import Wire

/// The server's key of tls-crypt-v2 (doc/tls-crypt-v2.txt): with it the server makes a key for each client,
/// and recovers that key from the wrapped copy which the client brings along, so that it has none to store.
public struct TLSCryptV2ServerKey: Equatable, Sendable {
    public static let length = 128
    public let octets: [UInt8]

    /// Nil unless there are 128 octets.
    public init?(octets: [UInt8]) {
        guard octets.count == Self.length else { return nil }
        self.octets = octets
    }

    /// Reads a file as `openvpn --genkey tls-crypt-v2-server` writes it.
    public init?(file text: String) {
        guard let content = KeyFile.content(of: text, named: KeyFile.serverKeyName),
            let octets = Base64.decode(content)
        else { return nil }
        self.init(octets: octets)
    }

    public var file: String {
        KeyFile.text(named: KeyFile.serverKeyName, lines: Base64.encode(octets), width: 64)
    }

    public static func generate(from random: inout some RandomNumberGenerator) -> TLSCryptV2ServerKey {
        TLSCryptV2ServerKey(octets: (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) })!
    }
}

/// What the server wrote about a client into its wrapped key.
public enum TLSCryptV2Metadata: Equatable, Sendable {
    case none
    case user([UInt8])
    /// Seconds since 1970 at which the key was made.
    case timestamp(UInt64)
    case unknown(type: UInt8, [UInt8])

    init(_ bytes: [UInt8]) {
        guard let type = bytes.first else {
            self = .none
            return
        }
        let value = Array(bytes.dropFirst())
        switch type {
        case 0: self = .user(value)
        case 1 where value.count == 8: self = .timestamp(value.reduce(0) { $0 << 8 | UInt64($1) })
        default: self = .unknown(type: type, value)
        }
    }

    var octets: [UInt8] {
        switch self {
        case .none: return []
        case .user(let value): return [0] + value
        case .timestamp(let seconds):
            var bytes: [UInt8] = [1]
            bytes.appendBigEndian(seconds)
            return bytes
        case .unknown(let type, let value): return [type] + value
        }
    }
}

/// A client's key, and the copy of it that only the server can read; its tag is over length, Kc and metadata.
///
///     WKc:  +----------+-------------------------------+------------------+
///           | tag (32) | Kc (256), metadata; encrypted  | length of WKc (2)|
///           +----------+-------------------------------+------------------+
public struct TLSCryptV2ClientKey: Equatable, Sendable {
    public let key: StaticKey
    public let wrapped: [UInt8]

    public init(key: StaticKey, wrapped: [UInt8]) {
        self.key = key
        self.wrapped = wrapped
    }

    /// The file for a client's `tls-crypt-v2` option.
    public var file: String {
        KeyFile.text(named: KeyFile.clientKeyName, lines: Base64.encode(key.octets + wrapped), width: 64)
    }

    public init?(file text: String) {
        guard let content = KeyFile.content(of: text, named: KeyFile.clientKeyName),
            let octets = Base64.decode(content), octets.count > StaticKey.length,
            let key = StaticKey(octets: Array(octets.prefix(StaticKey.length)))
        else { return nil }
        self.init(key: key, wrapped: Array(octets.dropFirst(StaticKey.length)))
    }
}

/// Wraps and unwraps client keys.
public final class TLSCryptV2Wrapper {
    /// Octets of the largest wrapped key.
    public static let maxWrapped = 1024
    static let minWrapped = TLSCryptKeys.tagLength + StaticKey.length + 2
    private let cipher: SyntheticIVCipher

    public init(_ key: TLSCryptV2ServerKey) throws(OpenSSLError) {
        let half = TLSCryptV2ServerKey.length / 2
        cipher = try SyntheticIVCipher(
            cipherKey: Array(key.octets.prefix(32)), hmacKey: Array(key.octets[half..<half + 32]))
    }

    /// Nil if the metadata is too long.
    public func wrap(_ key: StaticKey, _ metadata: TLSCryptV2Metadata) throws(OpenSSLError)
        -> TLSCryptV2ClientKey?
    {
        let text = key.octets + metadata.octets
        let total = TLSCryptKeys.tagLength + text.count + 2
        guard total <= Self.maxWrapped else { return nil }
        var length: [UInt8] = []
        length.appendBigEndian(UInt16(total))
        let sealed = try cipher.seal(text, header: length)
        return TLSCryptV2ClientKey(key: key, wrapped: sealed.tag + sealed.text + length)
    }

    /// Octets of the wrapped key at the end of a packet, which the packet has.
    static func wrappedLength(in packet: [UInt8]) throws(WireError) -> Int {
        guard packet.count <= ControlPacket.maxReceived, packet.count >= 2 else { throw .badLength }
        let total = Int(packet[packet.count - 2]) << 8 | Int(packet[packet.count - 1])
        guard total >= minWrapped, total <= maxWrapped, total <= packet.count else { throw .badLength }
        return total
    }

    /// Splits the wrapped key off the end of a packet and opens it.
    public func unwrap(
        packet: [UInt8]
    ) throws(WireError) -> (key: StaticKey, metadata: TLSCryptV2Metadata, packet: [UInt8]) {
        let total = try Self.wrappedLength(in: packet)
        let front = Array(packet.dropLast(total))
        let wrapped = packet.suffix(total)
        let tag = Array(wrapped.prefix(TLSCryptKeys.tagLength))
        let text = Array(wrapped.dropFirst(TLSCryptKeys.tagLength).dropLast(2))
        let plain = try cipher.open(text, tag: tag, header: Array(wrapped.suffix(2)))
        guard let key = StaticKey(octets: Array(plain.prefix(StaticKey.length))) else { throw .badLength }
        return (key, TLSCryptV2Metadata(Array(plain.dropFirst(StaticKey.length))), front)
    }
}

/// Early negotiation between a tls-crypt-v2 client and a server that wants to stay stateless.
public enum EarlyNegotiation {
    /// A client that can send its wrapped key again starts counting its packets here.
    public static let marker: UInt32 = 0x0f00_0000
    static let markerMask: UInt32 = 0xff00_0000
    /// The payload of the server's reset: type 1 (flags), length 2, flag 1 (RESEND_WKC).
    public static let resendWKc: [UInt8] = [0, 1, 0, 2, 0, 1]

    static func isMarked(_ replayID: ReplayID) -> Bool { replayID.id & markerMask == marker }
}
