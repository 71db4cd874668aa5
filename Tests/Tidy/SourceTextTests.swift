import Testing

@Suite struct SourceTextTests {
    func words(_ text: String, _ language: SourceText.Language = .swift) -> [String] {
        Token.all(in: SourceText(text, language: language).code).map(\.text)
    }

    @Test func `comments are blank`() {
        #expect(words("a // {\nb /* { /* } */ { */ c") == ["a", "b", "c"])
        #expect(words("a /* /* */ b", .c) == ["a", "b"])
    }

    @Test func `strings are blank, whatever they hold`() {
        #expect(words(#"a("{\"}" + "\(b("}"))" )"#) == ["a", "(", "+", ")"])
        #expect(words("a = #\"{\"\\(b)}\"# c") == ["a", "=", "c"])
        #expect(words("a = \"\"\"\n{ \"b\" \\(c(\"{\"))\n\"\"\" d") == ["a", "=", "d"])
        #expect(words(#"a = '{' + "}\"" + b"#, .c) == ["a", "=", "+", "+", "b"])
    }

    @Test func `a name in backticks is one word`() {
        #expect(words("func `a sentence {`() {}") == ["func", "______________", "(", ")", "{", "}"])
    }

    @Test func `lines are counted through strings and comments`() {
        let text = "/*\n*/ \"\"\"\na\n\"\"\"\nb"
        #expect(Token.all(in: SourceText(text, language: .swift).code).map(\.line) == [5])
    }

    @Test func `an unfinished literal ends with the file`() {
        #expect(words("a \"\\") == ["a"])
        #expect(words("a /*") == ["a"])
        #expect(words("a `b") == ["a", "__"])
        #expect(words("a \"\\(b") == ["a"])
    }
}
