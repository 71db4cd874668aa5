/// The name of a hub: 1 to 64 of A-Z a-z 0-9 - _ . and not beginning with a dot, so that it can stand after
/// the @ of a user's name, in a file's name and in a terminal. Upper and lower case are the same name.
public struct HubName: Sendable, CustomStringConvertible {
    public static let maximumLength = 64

    /// As it was written.
    public let description: String
    /// What is compared.
    let key: String

    public init(_ text: String) throws(AccountError) {
        guard (1...Self.maximumLength).contains(text.utf8.count), text.utf8.first != UInt8(ascii: "."),
            text.utf8.allSatisfy(Self.isAllowed)
        else {
            throw AccountError(
                .invalid,
                "\(text.quoted) cannot be a hub's name: 1 to \(Self.maximumLength) of A-Z a-z 0-9 - _ . "
                    + "not beginning with a dot are accepted")
        }
        self.init(stored: text)
    }

    init(stored text: String) {
        description = text
        key = text.lowercased()
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}

extension HubName: Hashable {
    public static func == (a: HubName, b: HubName) -> Bool { a.key == b.key }
    public func hash(into hasher: inout Hasher) { hasher.combine(key) }
}
