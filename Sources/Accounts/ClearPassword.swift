import OpenSSL

/// A password in the clear, for as long as it takes to judge it. Its memory is wiped when the last reference
/// goes, and it has no text: printing one shows nothing of it.
public final class ClearPassword: Sendable, CustomStringConvertible, CustomReflectable {
    public static let maximumLength = 1024

    let secret: SecretBytes

    /// Nothing is accepted that is empty or longer than `maximumLength` bytes.
    public init(_ bytes: some Collection<UInt8>) throws(AccountError) {
        guard (1...Self.maximumLength).contains(bytes.count) else {
            throw AccountError(.invalid, "a password has 1 to \(Self.maximumLength) bytes")
        }
        var copy = [UInt8](bytes)
        secret = SecretBytes(copying: copy)
        wipe(&copy)
    }

    public convenience init(_ text: String) throws(AccountError) { try self.init(text.utf8) }

    public var description: String { "ClearPassword" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
