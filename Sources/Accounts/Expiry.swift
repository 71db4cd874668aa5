public import Foundation

/// When a user's account ends, as a person writes it: `2027-12-31` (it is good through that day, UTC),
/// `2027-12-31T12:00:00Z`, or `never`.
public struct Expiry: Hashable, Sendable {
    /// nil: never.
    public let moment: Date?

    public init(_ text: String) throws(AccountError) {
        if text.isEmpty || text == "never" {
            moment = nil
        } else if let exact = try? Date(text, strategy: .iso8601), text.hasSuffix("Z") {
            moment = exact
        } else if text.utf8.count == 10, let day = try? Date(text, strategy: .iso8601.year().month().day()) {
            moment = day.addingTimeInterval(86_400)
        } else {
            throw AccountError(
                .invalid,
                "\(text.quoted) is no end of an account: "
                    + "\"2027-12-31\", \"2027-12-31T12:00:00Z\" or \"never\" "
                    + "is accepted")
        }
    }
}
