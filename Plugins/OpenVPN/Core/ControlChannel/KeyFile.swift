/// A key in a text file: lines of text between a BEGIN and an END line. What stands outside is ignored.
public enum KeyFile {
    static let staticKeyName = "OpenVPN Static key V1"
    static let serverKeyName = "OpenVPN tls-crypt-v2 server key"
    static let clientKeyName = "OpenVPN tls-crypt-v2 client key"

    /// The lines between the markers, joined; nil where they are missing.
    static func content(of text: String, named name: String) -> String? {
        var inside = false
        var content = ""
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.trimmed
            if line == "-----BEGIN \(name)-----" {
                inside = true
            } else if inside, line == "-----END \(name)-----" {
                return content
            } else if inside {
                content += line
            }
        }
        return nil
    }

    static func text(named name: String, lines content: String, width: Int) -> String {
        var text = "-----BEGIN \(name)-----\n"
        var rest = content[...]
        while !rest.isEmpty {
            text += rest.prefix(width) + "\n"
            rest = rest.dropFirst(width)
        }
        return text + "-----END \(name)-----\n"
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var part = self
        while let first = part.first, first.isWhitespace { part.removeFirst() }
        while let last = part.last, last.isWhitespace { part.removeLast() }
        return part
    }
}

extension StaticKey {
    /// Reads a file as `openvpn --genkey secret` writes it: hexadecimal digits.
    public init?(file text: String) {
        guard let digits = KeyFile.content(of: text, named: KeyFile.staticKeyName) else { return nil }
        let nibbles = digits.compactMap(\.hexDigitValue)
        guard nibbles.count == digits.count, nibbles.count == 2 * Self.length else { return nil }
        self.init(
            octets: stride(from: 0, to: nibbles.count, by: 2).map {
                UInt8(nibbles[$0] << 4 | nibbles[$0 + 1])
            })
    }

    public var file: String {
        let digits = octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return KeyFile.text(named: KeyFile.staticKeyName, lines: digits, width: 32)
    }
}
