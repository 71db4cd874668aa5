/// Everything that can be said about one file by itself.
struct Inspection {
    let path: String
    let lineCount: Int
    let functions: [Function]
    let findings: [Finding]

    init(path: String, text: String) {
        let file = InspectedFile(path: path, text: text)
        self.path = path
        lineCount = file.lines.count
        functions = file.functions
        findings = (file.layout() + file.words() + file.sizes() + file.typeNames()).filter {
            $0.value > $0.rule.limit
        }
    }
}

private struct InspectedFile {
    let path: String
    let text: String
    let lines: [Substring]
    let functions: [Function]
    let tokens: [Token]

    init(path: String, text: String) {
        self.path = path
        self.text = text
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        self.lines = lines
        let languages: [String: SourceText.Language] = ["swift": .swift, "c": .c, "h": .c]
        guard let language = languages[String(path.split(separator: ".").last ?? "")] else {
            functions = []
            tokens = []
            return
        }
        let source = SourceText(text, language: language)
        functions = Function.all(in: source, language: language)
        tokens = language == .swift ? Token.all(in: source.code) : []
    }

    func layout() -> [Finding] {
        var findings: [Finding] = []
        for (number, line) in zip(1..., lines) {
            // Prose is wrapped by its reader, tables not at all.
            if !path.hasSuffix(".md") {
                findings.append(Finding(.line, path, line: number, value: line.count, "columns"))
            }
            if line.contains("\t") { findings.append(Finding(.tab, path, line: number, "a tab")) }
            if line.last?.isWhitespace == true {
                findings.append(Finding(.trailingSpace, path, line: number, "white space at the end"))
            }
        }
        if text.utf8.contains(UInt8(ascii: "\r")) {
            findings.append(Finding(.trailingSpace, path, "carriage returns"))
        }
        if !text.isEmpty, !text.hasSuffix("\n") || text.hasSuffix("\n\n") {
            findings.append(
                Finding(.finalNewline, path, line: lines.count, "not exactly one line break at the end"))
        }
        return findings
    }

    func words() -> [Finding] {
        var findings: [Finding] = []
        let unfinished = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
        let paths = ["work", "root", "home", "Users", "opt/swift"].map { "/\($0)/" }
        for (number, line) in zip(1..., lines) {
            for word in unfinished where line.hasWord(word) {
                findings.append(Finding(.unfinished, path, line: number, word))
            }
            for machine in paths where line.hasPath(machine) {
                findings.append(Finding(.machinePath, path, line: number, machine))
            }
        }
        return findings
    }

    func sizes() -> [Finding] {
        let isABI = path.hasPrefix("Sources/PluginABI/") && path.hasSuffix(".h")
        var findings = [Finding(isABI ? .header : .file, path, value: lines.count, "lines")]
        for function in functions {
            findings += [
                Finding(
                    .function, path, line: function.line, value: function.lines, "lines of \(function.name)"),
                Finding(
                    .nesting, path, line: function.line, value: function.nesting, "levels in \(function.name)"
                ),
                Finding(
                    .parameters, path, line: function.line, value: function.parameters,
                    "parameters of \(function.name)"),
            ]
        }
        return findings
    }

    func typeNames() -> [Finding] {
        let kinds: Set = ["struct", "class", "enum", "actor", "protocol", "typealias"]
        let endings = ["Manager", "Helper", "Helpers", "Util", "Utils", "Impl", "Base", "Info", "Data"]
        return zip(tokens, tokens.dropFirst()).compactMap { kind, name in
            guard kinds.contains(kind.text), name.text.first?.isUppercase == true,
                let ending = endings.first(where: { name.text.hasSuffix($0) })
            else { return nil }
            return Finding(.typeName, path, line: name.line, "\(name.text) ends in \(ending)")
        }
    }
}

extension Substring {
    /// Whether the word stands here by itself.
    fileprivate func hasWord(_ word: String) -> Bool {
        ranges(of: word).contains { range in
            let before = range.lowerBound == startIndex ? nil : self[index(before: range.lowerBound)]
            let after = range.upperBound == endIndex ? nil : self[range.upperBound]
            return [before, after].allSatisfy { $0.map { !$0.isLetter && !$0.isNumber } ?? true }
        }
    }

    /// Whether an absolute path begins so here: in the middle of another path it is only a folder.
    fileprivate func hasPath(_ prefix: String) -> Bool {
        ranges(of: prefix).contains { range in
            guard range.lowerBound > startIndex else { return true }
            let before = self[index(before: range.lowerBound)]
            return !before.isLetter && !before.isNumber && !"_-./*}".contains(before)
        }
    }
}
