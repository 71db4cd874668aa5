public import Logging

/// What our own code and the libraries say through swift-log, as lines of the server's log: the logger's
/// label is the category, and the metadata `session` stands first.
public struct JournalLogHandler: LogHandler {
    private static let sessionKey = "session"

    private let journal: Journal
    private let label: String
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]

    public init(label: String, journal: Journal, level: Logger.Level = .info) {
        self.label = label
        self.journal = journal
        logLevel = level
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        var line = Event(
            named: label, level: event.level, session: all[Self.sessionKey].map { "\($0)" }, time: .now
        ).with(named: "message", .text("\(event.message)"))
        for (key, value) in all.sorted(by: { $0.key < $1.key }) where key != Self.sessionKey {
            line = line.with(named: Self.name(key), .text("\(value)"))
        }
        journal.record(line)
    }

    /// What cannot stand before the equals sign becomes a hyphen.
    private static func name(_ key: String) -> String {
        let name = key.utf8.prefix(64).map { byte in
            (0x21...0x7e).contains(byte) && byte != UInt8(ascii: "=") && byte != UInt8(ascii: "\"")
                ? String(Unicode.Scalar(byte)) : "-"
        }
        return name.isEmpty ? "-" : name.joined()
    }
}
