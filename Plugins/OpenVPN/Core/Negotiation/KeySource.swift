public import OpenSSL

/// The random octets that one side gives to the data keys in its key-method 2 message.
public struct KeySource: Sendable {
    public static let preMasterLength = 48
    public static let randomLength = 32

    /// From the client only.
    public let preMaster: SecretBytes?
    public let random1: SecretBytes
    public let random2: SecretBytes

    public init(preMaster: SecretBytes?, random1: SecretBytes, random2: SecretBytes) {
        precondition(
            preMaster?.count ?? Self.preMasterLength == Self.preMasterLength, "a pre-master has 48 octets")
        precondition(
            random1.count == Self.randomLength && random2.count == Self.randomLength, "a random has 32 octets"
        )
        self.preMaster = preMaster
        self.random1 = random1
        self.random2 = random2
    }

    /// A server's: fresh, without pre-master.
    public static func server() throws(OpenSSLError) -> KeySource {
        KeySource(
            preMaster: nil, random1: try .random(count: randomLength),
            random2: try .random(count: randomLength))
    }

    public static func client() throws(OpenSSLError) -> KeySource {
        KeySource(
            preMaster: try .random(count: preMasterLength), random1: try .random(count: randomLength),
            random2: try .random(count: randomLength))
    }
}
