/// The blocks of a PEM text (RFC 7468) that bear one of some labels. What stands between blocks is left out;
/// so is a block without its end, and one whose lines are not base64.
struct PEMBlocks {
    static let maxBlocks = 32
    let texts: [String]

    init(_ text: String, labels: Set<String>) {
        var texts: [String] = []
        var block: [Substring] = []
        var label: String?
        for line in text.split(whereSeparator: \.isNewline) where texts.count < Self.maxBlocks {
            if let begun = Self.label(line, "BEGIN"), labels.contains(begun) {
                (label, block) = (begun, [line])
            } else if let current = label, Self.label(line, "END") == current {
                texts.append((block + [line]).joined(separator: "\n"))
                label = nil
            } else if line.allSatisfy(Self.isBase64) {
                block.append(line)
            } else {
                label = nil
            }
        }
        self.texts = texts
    }

    private static func label(_ line: Substring, _ kind: String) -> String? {
        let (head, tail) = ("-----\(kind) ", "-----")
        guard line.hasPrefix(head), line.hasSuffix(tail), line.count > head.count + tail.count else {
            return nil
        }
        return String(line.dropFirst(head.count).dropLast(tail.count))
    }

    private static func isBase64(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber) || "+/=".contains(character)
    }
}
