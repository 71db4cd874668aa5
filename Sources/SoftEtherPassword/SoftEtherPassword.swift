public import OpenSSL

/// What SoftEther keeps of a password, SHA-0 over the password and the user's name in capitals. It is as good
/// as the password to whoever speaks that protocol.
@safe public struct SoftEtherPassword: Sendable {
    public static let length = SHA0.length
    public static let challengeLength = 20

    private let secret: SecretBytes

    /// Nil unless there are `length` octets. The caller wipes them.
    public init?(octets: [UInt8]) {
        guard octets.count == Self.length else { return nil }
        secret = SecretBytes(copying: octets)
    }

    public init(of password: SecretBytes, user: String) {
        var message = unsafe password.bytes.withUnsafeBytes { unsafe Array($0) }
        message += user.utf8.map { (0x61...0x7a).contains($0) ? $0 - 0x20 : $0 }
        var hash = SHA0.hash(message)
        secret = SecretBytes(copying: hash)
        wipe(&message)
        wipe(&hash)
    }

    /// The caller wipes them.
    public var octets: [UInt8] { unsafe secret.bytes.withUnsafeBytes { unsafe Array($0) } }

    /// What proves the password to the one who made the challenge.
    public func proof(of challenge: [UInt8]) -> [UInt8] {
        var message = octets + challenge
        defer { wipe(&message) }
        return SHA0.hash(message)
    }

    /// In a time that does not tell how much of it is right.
    public func accepts(_ proof: [UInt8], of challenge: [UInt8]) -> Bool {
        constantTimeEquals(self.proof(of: challenge), proof)
    }
}
