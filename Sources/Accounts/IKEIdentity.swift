/// What an IPsec peer calls itself in phase 1, and by which a user of a hub is found: a name such as
/// `site-1.example` or `router@site`, an address, the distinguished name of a certificate as RFC 2253
/// writes it (`CN=site 1,O=Office`), or hexadecimal digits. Capital letters do not matter.
public struct IKEIdentity: Hashable, Sendable {
    public static let maxLength = 255

    public let description: String

    public init(_ text: String) throws(AccountError) {
        guard !text.isEmpty, text.utf8.count <= Self.maxLength,
            text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") }),
            !text.utf8.contains(0x20) || text.utf8.contains(UInt8(ascii: "="))
        else {
            throw AccountError(
                .invalid,
                "\(String(text.prefix(40)).quoted) is not an IKE identity: 1 to \(Self.maxLength) letters, "
                    + "digits and signs without blanks are accepted, or a distinguished name")
        }
        description = text
    }

    init(stored text: String) { description = text }
}
