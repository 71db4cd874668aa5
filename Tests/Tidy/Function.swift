/// A function with a body, as far as its size goes.
struct Function {
    let name: String
    let line: Int
    /// From the line of its name to that of its closing brace.
    let lines: Int
    let parameters: Int
    /// How deep its blocks go; one that begins and ends on one line does not count.
    let nesting: Int

    static func all(in source: SourceText, language: SourceText.Language) -> [Function] {
        FunctionFinder(tokens: Token.all(in: source.code), language: language).functions()
    }
}

private struct FunctionFinder {
    let tokens: [Token]
    let language: SourceText.Language
    let braces: [Int: Int]
    let parentheses: [Int: Int]

    /// Where a function's parts are among the tokens.
    struct Place {
        let name: Int
        let parameters: ClosedRange<Int>?
        let body: ClosedRange<Int>
    }

    init(tokens: [Token], language: SourceText.Language) {
        self.tokens = tokens
        self.language = language
        braces = tokens.partners("{", "}")
        parentheses = tokens.partners("(", ")")
    }

    func functions() -> [Function] {
        let places = tokens.indices.compactMap {
            language == .swift ? swiftFunction(at: $0) : cFunction(at: $0)
        }
        return places.map { place in
            let inner = places.filter { place.body.contains($0.name) && place.name != $0.name }
            return Function(
                name: tokens[place.name].text,
                line: tokens[place.name].line,
                lines: tokens[place.body.upperBound].line - tokens[place.name].line + 1,
                parameters: place.parameters.map(count) ?? 0,
                nesting: nesting(in: place.body, skipping: inner.map(\.body)))
        }
    }

    private func swiftFunction(at index: Int) -> Place? {
        guard index == 0 || tokens[index - 1].text != "." else { return nil }
        switch tokens[index].text {
        case "deinit": return place(name: index, parametersAt: nil, bodyAfter: index + 1)
        case "func": return swiftFunction(named: index + 1)
        case "init", "subscript": return swiftFunction(named: index)
        default: return nil
        }
    }

    private func swiftFunction(named name: Int) -> Place? {
        guard let open = tokens[name...].prefix(80).firstIndex(where: { $0.text == "(" }),
            let close = parentheses[open]
        else { return nil }
        return place(name: name, parametersAt: open, bodyAfter: close + 1)
    }

    /// Nil for a requirement of a protocol: the next declaration comes before any brace.
    private func place(name: Int, parametersAt open: Int?, bodyAfter start: Int) -> Place? {
        let ends: Set = [
            "{", "}", "func", "var", "let", "init", "subscript", "case", "struct", "associatedtype", "=",
        ]
        guard start < tokens.count, let body = tokens[start...].firstIndex(where: { ends.contains($0.text) }),
            tokens[body].text == "{", let end = braces[body]
        else { return nil }
        return Place(name: name, parameters: open.map { $0...parentheses[$0]! }, body: body...end)
    }

    /// A brace after a parenthesis, with a word before that, outside of any other such brace.
    private func cFunction(at index: Int) -> Place? {
        guard tokens[index].text == "{", let end = braces[index], index > 0,
            let open = parentheses[index - 1],
            open > 0, open < index, tokens[open - 1].text.first.map({ $0.isLetter || $0 == "_" }) == true
        else { return nil }
        let statements: Set = ["if", "for", "while", "switch"]
        guard !statements.contains(tokens[open - 1].text) else { return nil }
        return Place(name: open - 1, parameters: open...(index - 1), body: index...end)
    }

    private func count(_ range: ClosedRange<Int>) -> Int {
        let inside = tokens[(range.lowerBound + 1)..<range.upperBound]
        guard let last = inside.last, !(language == .c && inside.map(\.text) == ["void"]) else { return 0 }
        var depth = 0
        var commas = 0
        var previous = ""
        for token in inside {
            switch token.text {
            case "(", "[", "{", "<": depth += 1
            case ")", "]", "}": depth -= 1
            case ">" where previous != "-": depth -= 1
            case "," where depth == 0: commas += 1
            default: break
            }
            previous = token.text
        }
        return commas + (last.text == "," ? 0 : 1)
    }

    private func nesting(in body: ClosedRange<Int>, skipping inner: [ClosedRange<Int>]) -> Int {
        var depth = 0
        var deepest = 0
        for index in (body.lowerBound + 1)..<body.upperBound {
            guard let partner = braces[index], tokens[partner].line != tokens[index].line,
                !inner.contains(where: { $0.contains(index) })
            else { continue }
            depth += partner > index ? 1 : -1
            deepest = max(deepest, depth)
        }
        return deepest
    }
}
