public import Foundation
public import Logging

/// Something that happened, as one line of a log: when, how grave, of what kind, in which session, and what
/// else is known. Field names are literals and values are few types, none of which a password converts to.
public struct Event: Sendable {
    public static let maximumText = 2048

    public enum Value: Hashable, Sendable {
        /// Cut after `maximumText` bytes.
        case text(String)
        case integer(Int64)
        case truth(Bool)
        /// In seconds with three decimals.
        case duration(Duration)
    }

    struct Field: Hashable, Sendable {
        let name: String
        let value: Value
    }

    public let time: Date
    public let level: Logger.Level
    public let category: String
    public let session: String?
    private(set) var fields: [Field] = []

    public init(
        _ category: StaticString, level: Logger.Level = .info, session: String? = nil, time: Date = Date()
    ) {
        self.category = "\(category)"
        self.level = level
        self.session = session
        self.time = time
    }

    public func with(_ name: StaticString, _ value: Value) -> Event {
        var event = self
        event.fields.append(Field(name: "\(name)", value: value))
        return event
    }

    /// nil and empty texts are left out.
    public func with(_ name: StaticString, _ text: String?) -> Event {
        guard let text, !text.isEmpty else { return self }
        return with(name, .text(text))
    }

    public func with(_ name: StaticString, _ number: some BinaryInteger) -> Event {
        with(name, .integer(Int64(clamping: number)))
    }
}
