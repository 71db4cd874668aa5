/// A source file whose comments and literals are blanked: a brace or a keyword left in `code` is really one.
///
/// Byte for byte as long as the file, with its line breaks kept. Swift's bare `/regex/` literals are not
/// known: they cannot be told from division without parsing.
struct SourceText {
    enum Language { case swift, c }

    let code: [UInt8]

    init(_ text: String, language: Language) {
        var blanking = Blanking(source: Array(text.utf8), language: language)
        blanking.run()
        code = blanking.code
    }
}

/// One walk over the bytes that keeps those of code.
private struct Blanking {
    let source: [UInt8]
    let language: SourceText.Language
    var code: [UInt8]
    var at = 0

    init(source: [UInt8], language: SourceText.Language) {
        self.source = source
        self.language = language
        code = source.map { $0 == UInt8(ascii: "\n") ? $0 : UInt8(ascii: " ") }
    }

    mutating func run() {
        while at < source.count { step(keep: true) }
    }

    /// Consumes one comment, one literal or one byte of code; the latter is kept only where `keep` says so.
    private mutating func step(keep: Bool) {
        if source[at] > UInt8(ascii: "/"), source[at] != UInt8(ascii: "`") { return plain(keep: keep) }
        if starts("//") { return lineComment() }
        if starts("/*") { return blockComment() }
        if let hashes = stringStart() { return string(hashes: hashes) }
        if language == .c, starts("'") { return quoted(by: UInt8(ascii: "'")) }
        if language == .swift, starts("`") { return escapedName(keep: keep) }
        plain(keep: keep)
    }

    private mutating func plain(keep: Bool) {
        if keep { code[at] = source[at] }
        at += 1
    }

    private func starts(_ prefix: StaticString) -> Bool {
        starts(Array(prefix.description.utf8))
    }

    private func starts(_ prefix: [UInt8]) -> Bool {
        source[at...].starts(with: prefix)
    }

    private mutating func lineComment() {
        while at < source.count, source[at] != UInt8(ascii: "\n") { at += 1 }
    }

    private mutating func blockComment() {
        var depth = 0
        repeat {
            if starts("/*"), depth == 0 || language == .swift {
                depth += 1
                at += 2
            } else if starts("*/") {
                depth -= 1
                at += 2
            } else {
                at += 1
            }
        } while depth > 0 && at < source.count
    }

    /// The number of `#` before a string literal that starts here; nil where none starts.
    private func stringStart() -> Int? {
        var end = at
        while language == .swift, end < source.count, source[end] == UInt8(ascii: "#") { end += 1 }
        return end < source.count && source[end] == UInt8(ascii: "\"") ? end - at : nil
    }

    private mutating func string(hashes: Int) {
        guard language == .swift else { return quoted(by: UInt8(ascii: "\"")) }
        let fence = [UInt8](repeating: UInt8(ascii: "#"), count: hashes)
        at += hashes
        let quote = [UInt8](repeating: UInt8(ascii: "\""), count: starts("\"\"\"") ? 3 : 1)
        at += quote.count
        let escape = [UInt8(ascii: "\\")] + fence
        while at < source.count, !starts(quote + fence) {
            if starts(escape + [UInt8(ascii: "(")]) {
                at += escape.count
                interpolation()
            } else {
                at += starts(escape) ? escape.count + 1 : 1
            }
        }
        at = min(at + quote.count + hashes, source.count)
    }

    private mutating func interpolation() {
        var depth = 0
        repeat {
            if starts("(") { depth += 1 }
            if starts(")") { depth -= 1 }
            step(keep: false)
        } while depth > 0 && at < source.count
    }

    private mutating func quoted(by quote: UInt8) {
        at += 1
        while at < source.count, source[at] != quote {
            at += source[at] == UInt8(ascii: "\\") ? 2 : 1
        }
        at = min(at + 1, source.count)
    }

    /// A name in backticks may be a whole sentence, so it is kept as one word.
    private mutating func escapedName(keep: Bool) {
        repeat {
            if keep { code[at] = UInt8(ascii: "_") }
            at += 1
        } while at < source.count && !starts("`")
        if keep, at < source.count { code[at] = UInt8(ascii: "_") }
        at += 1
    }
}
