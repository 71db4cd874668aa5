/// A word, or a single mark, of blanked source.
struct Token {
    let text: String
    let line: Int

    static func all(in code: [UInt8]) -> [Token] {
        var tokens: [Token] = []
        var line = 1
        var at = 0
        while at < code.count {
            let start = at
            while at < code.count, isWord(code[at]) { at += 1 }
            if at == start { at += 1 }
            let text = String(decoding: code[start..<at], as: UTF8.self)
            if text == "\n" { line += 1 }
            if !text.allSatisfy(\.isWhitespace) { tokens.append(Token(text: text, line: line)) }
        }
        return tokens
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...0xff: true
        default: false
        }
    }
}

extension [Token] {
    /// For each opening mark the index of its closing one, and the reverse. Unbalanced marks have none.
    func partners(_ open: String, _ close: String) -> [Int: Int] {
        var partners: [Int: Int] = [:]
        var stack: [Int] = []
        for (index, token) in enumerated() {
            if token.text == open { stack.append(index) }
            if token.text == close, let start = stack.popLast() {
                partners[start] = index
                partners[index] = start
            }
        }
        return partners
    }
}
