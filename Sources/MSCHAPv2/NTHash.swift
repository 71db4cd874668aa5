public import OpenSSL

/// NtPasswordHash, RFC 2759 §8.3: MD4 over the password in UTF-16. Whoever has it can answer every challenge,
/// so it is as secret as the password itself.
public struct NTHash: Sendable {
    /// Octets.
    public static let length = LegacyAlgorithms.md4Length
    /// Of a password, RFC 2759 §8.
    public static let maxCharacters = 256

    let secret: SecretBytes

    /// Nil unless there are `length` octets.
    public init?(octets: [UInt8]) {
        guard octets.count == Self.length else { return nil }
        secret = SecretBytes(copying: octets)
    }

    /// Nil where the password is no UTF-8 or is too long: no client can send it by MS-CHAPv2.
    public init?(ofPassword password: SecretBytes) throws(OpenSSLError) {
        var octets = unsafe password.bytes.withUnsafeBytes { unsafe Array($0) }
        defer { wipe(&octets) }
        guard let text = String(validating: octets, as: UTF8.self), text.utf16.count <= Self.maxCharacters
        else {
            return nil
        }
        var characters = text.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        defer { wipe(&characters) }
        var hash = try LegacyAlgorithms.md4(characters)
        defer { wipe(&hash) }
        secret = SecretBytes(copying: hash)
    }

    /// For whoever stores it. The caller wipes the copy.
    public var octets: [UInt8] { unsafe secret.bytes.withUnsafeBytes { unsafe Array($0) } }

    /// HashNtPasswordHash, RFC 2759 §8.4.
    func hashed() throws(OpenSSLError) -> [UInt8] {
        var octets = octets
        defer { wipe(&octets) }
        return try LegacyAlgorithms.md4(octets)
    }
}
