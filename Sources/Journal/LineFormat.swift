import Foundation

/// How an event is written as one line.
public enum LineFormat: String, Sendable, CaseIterable {
    /// `time=… level=info category=connected session=S7 user="a b"`
    case logfmt
    /// One JSON object a line, its members in the same order.
    case json

    func line(_ event: Event) -> String {
        var pairs = [
            ("time", Self.text(event.time)), ("level", event.level.rawValue), ("category", event.category),
        ].map { Event.Field(name: $0, value: .text($1)) }
        if let session = event.session { pairs.append(Event.Field(name: "session", value: .text(session))) }
        pairs += event.fields
        switch self {
        case .logfmt: return pairs.map { "\($0.name)=\(Self.logfmt($0.value))" }.joined(separator: " ")
        case .json:
            return "{" + pairs.map { "\(Self.json($0.name)):\(Self.json($0.value))" }.joined(separator: ",")
                + "}"
        }
    }

    /// RFC 3339 in UTC, with milliseconds.
    static func text(_ time: Date) -> String {
        time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    private static func logfmt(_ value: Event.Value) -> String {
        switch value {
        case .text(let text): logfmt(cut(text))
        case .integer(let number): "\(number)"
        case .truth(let truth): "\(truth)"
        case .duration(let duration): seconds(duration)
        }
    }

    /// Quoted unless it is visible ASCII without the characters that mean something; no control character, no
    /// change of writing direction and no line end is ever written as it is.
    private static func logfmt(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy {
                (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=")
                    && $0 != UInt8(ascii: "\\")
            }
        return isPlain ? text : quoted(text)
    }

    private static func json(_ value: Event.Value) -> String {
        switch value {
        case .text(let text): json(cut(text))
        case .integer(let number): "\(number)"
        case .truth(let truth): "\(truth)"
        case .duration(let duration): seconds(duration)
        }
    }

    private static func json(_ text: String) -> String { quoted(text) }

    /// RFC 8259 §7, which logfmt readers take too.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case _ where isHidden(scalar):
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
                }
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > Event.maximumText else { return text }
        var length = 0
        let kept = text.unicodeScalars.prefix { scalar in
            length += String(scalar).utf8.count
            return length <= Event.maximumText
        }
        return String(kept) + "…"
    }

    private static func seconds(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let thousandths = abs(attoseconds / 1_000_000_000_000_000)
        let fraction = String(thousandths)
        return "\(seconds)." + String(repeating: "0", count: 3 - fraction.utf8.count) + fraction
    }
}
