public import OpenSSL
public import Wire

/// The first message that each side sends through the TLS channel, "key method 2": octets for the data keys,
/// the options to compare, and from the client its credentials and what it can do.
///
///     | 0 (4) | 2 (1) | pre-master (48), client only | random 1 (32) | random 2 (32) |
///     | options | user name | password | peer info |    each: length (2), octets, NUL
///
/// The length counts the NUL. A length of zero is a string that is not there, and so are strings behind the
/// end of the message: old clients stop after the options.
public struct KeyMethod2: Sendable {
    /// Octets of a whole message. A client writes it in one TLS record.
    public static let maxLength = 8192
    public static let maxUsername = 512
    /// As many as the accounts take.
    public static let maxPassword = 1024

    public enum Sender: Sendable { case client, server }

    public var keySource: KeySource
    public var options: String
    public var username: String?
    public var password: SecretBytes?
    public var peerInfo: String?

    public init(
        keySource: KeySource, options: String, username: String? = nil, password: SecretBytes? = nil,
        peerInfo: String? = nil
    ) {
        self.keySource = keySource
        self.options = options
        self.username = username
        self.password = password
        self.peerInfo = peerInfo
    }
}

extension KeyMethod2 {
    private static let method: UInt8 = 2

    /// `.truncated` while the message is not complete; any other error says that it never will be one. Octets
    /// behind the peer info are not read.
    public init(parsing reader: inout ByteReader, from sender: Sender) throws(WireError) {
        guard reader.remaining <= Self.maxLength else { throw .badLength }
        guard try reader.read(UInt32.self) == 0, try reader.read(UInt8.self) == Self.method else {
            throw .badValue
        }
        let preMaster = sender == .client ? try Self.secret(KeySource.preMasterLength, &reader) : nil
        keySource = KeySource(
            preMaster: preMaster, random1: try Self.secret(KeySource.randomLength, &reader),
            random2: try Self.secret(KeySource.randomLength, &reader))
        options = try Self.text(&reader, limit: OptionsString.maxLength) ?? ""
        username = try Self.text(&reader, limit: Self.maxUsername)
        password = try Self.octets(&reader, limit: Self.maxPassword).map(Self.kept)
        peerInfo = try Self.text(&reader, limit: PeerInfo.maxLength, mayBreakLines: true)
    }

    /// The bytes hold secrets: the caller wipes them.
    public func serialize(into bytes: inout [UInt8]) {
        bytes.reserveCapacity(bytes.count + Self.maxLength)
        bytes.append(contentsOf: [0, 0, 0, 0, Self.method])
        for secret in [keySource.preMaster, keySource.random1, keySource.random2] {
            if let secret { unsafe secret.bytes.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) } }
        }
        Self.append(Array(options.utf8), to: &bytes)
        Self.append(username.map { Array($0.utf8) }, to: &bytes)
        var secret = password.map { password in unsafe password.bytes.withUnsafeBytes { unsafe Array($0) } }
        Self.append(secret, to: &bytes)
        if secret != nil { wipe(&secret!) }
        Self.append(peerInfo.map { Array($0.utf8) }, to: &bytes)
    }

    private static func append(_ string: [UInt8]?, to bytes: inout [UInt8]) {
        guard let string else { return bytes.appendBigEndian(UInt16(0)) }
        precondition(
            string.count < Int(UInt16.max), "a string of a key-method message is longer than its length field"
        )
        bytes.appendBigEndian(UInt16(string.count + 1))
        bytes.append(contentsOf: string)
        bytes.append(0)
    }

    private static func secret(_ count: Int, _ reader: inout ByteReader) throws(WireError) -> SecretBytes {
        kept(try reader.take(count))
    }

    private static func kept(_ octets: consuming [UInt8]) -> SecretBytes {
        var octets = octets
        defer { wipe(&octets) }
        return SecretBytes(copying: octets)
    }

    private static func text(
        _ reader: inout ByteReader, limit: Int, mayBreakLines: Bool = false
    ) throws(WireError) -> String? {
        guard let octets = try octets(&reader, limit: limit, mayBreakLines: mayBreakLines) else { return nil }
        guard let text = String(validating: octets, as: UTF8.self) else { throw .badValue }
        return text
    }

    /// One string without its NUL. Control characters are refused: what passes may stand in a log line.
    private static func octets(
        _ reader: inout ByteReader, limit: Int, mayBreakLines: Bool = false
    ) throws(WireError) -> [UInt8]? {
        guard reader.remaining > 0 else { return nil }
        let length = Int(try reader.read(UInt16.self))
        guard length > 0 else { return nil }
        guard length <= limit + 1 else { throw .badLength }
        var octets = try reader.take(length)
        guard octets.removeLast() == 0 else { throw .badValue }
        guard octets.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || mayBreakLines && $0 == 0x0a }) else {
            throw .badValue
        }
        return octets
    }
}
