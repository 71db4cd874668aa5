import Foundation

/// The name of a user or of a group within its hub: 1 to 255 bytes of UTF-8 without control characters, and
/// without white space at its ends. Names that differ only in case or in Unicode composition are the same
/// name. A user's name may contain an @, since the last one separates the hub.
public struct UserName: Sendable, CustomStringConvertible {
    public static let maximumLength = 255

    /// As it was written.
    public let description: String
    /// What is compared.
    let key: String

    public init(_ text: String) throws(AccountError) {
        guard (1...Self.maximumLength).contains(text.utf8.count),
            !text.unicodeScalars.contains(where: Self.isControl),
            text.first?.isWhitespace == false, text.last?.isWhitespace == false
        else {
            throw AccountError(
                .invalid,
                "\(text.quoted) cannot be a name: "
                    + "1 to \(Self.maximumLength) bytes without control characters, "
                    + "and without white space at the ends, are accepted")
        }
        self.init(stored: text)
    }

    init(stored text: String) {
        description = text
        key = text.precomposedStringWithCanonicalMapping.lowercased()
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}

extension UserName: Hashable {
    public static func == (a: UserName, b: UserName) -> Bool { a.key == b.key }
    public func hash(into hasher: inout Hasher) { hasher.combine(key) }
}
