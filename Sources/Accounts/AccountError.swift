import OpenSSL

/// What a command on the accounts was refused for. The sentence names the thing, the value and what would be
/// accepted; it is meant for the person who gave the command.
public struct AccountError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Kind: Hashable, Sendable {
        /// The named thing is not there.
        case unknown
        /// The named thing, or one that it would collide with, is there already.
        case exists
        /// The value is not one that would be accepted.
        case invalid
        /// The database or a file beside it cannot be used.
        case storage
    }

    public let kind: Kind
    public let description: String

    public init(_ kind: Kind, _ sentence: String) {
        self.kind = kind
        self.description = sentence
    }
}

extension AccountError {
    init(_ error: OpenSSLError) { self.init(.storage, "the cryptography of this machine refuses: \(error)") }
}

extension String {
    /// A value as it is shown in a sentence: quoted, bounded, with nothing in it that could upset a terminal.
    var quoted: String {
        let shown = unicodeScalars.prefix(80).map { scalar in
            scalar.value < 0x20 || scalar.value == 0x7f || (0x80..<0xa0).contains(scalar.value)
                ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
        }
        return "\"" + shown.joined() + (unicodeScalars.count > 80 ? "…" : "") + "\""
    }
}

extension [String] {
    /// "a, b, c", at most ten of them.
    var listed: String {
        prefix(10).joined(separator: ", ") + (count > 10 ? " and \(count - 10) more" : "")
    }
}
