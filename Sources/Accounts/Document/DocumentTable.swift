import Foundation
import TOMLKit

/// One table of a file that is read: gives its values by key, and puts the line and the name of the thing
/// before what is wrong with one.
struct DocumentTable {
    private let table: TOMLTable
    private let path: String
    private let lines: DocumentLines
    /// Who it is about, for the sentence: `user "alice" of hub "Office"`.
    let subject: String

    /// TOMLKit never frees what it parsed: each file that is applied costs its size once.
    init(parsing text: String) throws(AccountError) {
        guard !text.utf8.contains(0), !text.contains("\\u0000") else {
            throw AccountError(.invalid, "the file has a zero byte in it: text without one is accepted")
        }
        do {
            table = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw AccountError(.invalid, "line \(error.source.begin.line): \(error.description)")
        } catch {
            throw AccountError(.invalid, "the file is not TOML: \(error)")
        }
        (path, subject, lines) = ("", "the file", DocumentLines(text))
    }

    private init(_ table: TOMLTable, path: String, subject: String, lines: DocumentLines) {
        (self.table, self.path, self.subject, self.lines) = (table, path, subject, lines)
    }

    /// Refuses a key that nobody would read.
    func expect(_ accepted: [String]) throws(AccountError) {
        for key in table.keys.sorted() where !accepted.contains(key) {
            throw refusal(key, "it is not known there: accepted are \(accepted.listed)")
        }
    }

    func text(_ key: String) throws(AccountError) -> String? {
        guard let value = table[key] else { return nil }
        // It may be a secret whose quotes were forgotten: it is not shown.
        guard let text = value.string else { throw refusal(key, "a text in quotes is accepted") }
        return text
    }

    func requiredText(_ key: String) throws(AccountError) -> String {
        guard let text = try text(key) else { throw refusal(key, "it is missing") }
        return text
    }

    func truth(_ key: String) throws(AccountError) -> Bool? {
        guard let value = table[key] else { return nil }
        guard let truth = value.bool else {
            throw refusal(key, "\(Self.shown(value)) is neither true nor false")
        }
        return truth
    }

    func number(_ key: String) throws(AccountError) -> Int? {
        guard let value = table[key] else { return nil }
        guard let number = value.int else { throw refusal(key, "\(Self.shown(value)) is no whole number") }
        return number
    }

    /// Every key with its value as a person would write it on a command line, in the order of the keys. What
    /// is neither a truth value, a whole number nor a text has none that would be accepted.
    var values: [(key: String, text: String)] {
        table.keys.sorted().map { key in
            let value = table[key]
            return (key, value?.bool.map { $0 ? "yes" : "no" } ?? value?.int.map { "\($0)" } ?? "?")
        }
    }

    /// The tables of `[[key]]`, each named by what `name` says.
    func tables(_ key: String, named kind: String) throws(AccountError) -> [DocumentTable] {
        guard let value = table[key] else { return [] }
        guard let array = value.array else {
            throw refusal(key, "it is no list of tables: [[…\(key)]] is accepted")
        }
        var tables: [DocumentTable] = []
        for (index, element) in array.enumerated() {
            guard let inner = element.table else { throw refusal(key, "\(Self.shown(element)) is no table") }
            let name = inner["name"]?.string.map { " " + $0.quoted } ?? " number \(index + 1)"
            tables.append(child(inner, path: "\(key)[\(index)]", subject: kind + name))
        }
        return tables
    }

    /// The table of `[key]`.
    func table(_ key: String, named kind: String) throws(AccountError) -> DocumentTable? {
        guard let value = table[key] else { return nil }
        guard let inner = value.table else { throw refusal(key, "\(Self.shown(value)) is no table") }
        return child(inner, path: key, subject: kind)
    }

    /// Lets `body` make something of a value, and says where the value stands if it cannot.
    func make<Value>(_ key: String, _ body: () throws(AccountError) -> Value) throws(AccountError) -> Value {
        do { return try body() } catch { throw refusal(key, error.description, error.kind) }
    }

    func refusal(_ key: String, _ sentence: String, _ kind: AccountError.Kind = .invalid) -> AccountError {
        let line = lines.line(of: path.isEmpty ? key : path + "." + key) ?? lines.line(of: path)
        return AccountError(kind, (line.map { "line \($0), " } ?? "") + "\(key) of \(subject): \(sentence)")
    }

    private func child(_ inner: TOMLTable, path: String, subject: String) -> DocumentTable {
        DocumentTable(
            inner, path: self.path.isEmpty ? path : self.path + "." + path,
            subject: self.path.isEmpty ? subject : subject + " of " + self.subject, lines: lines)
    }

    private static func shown(_ value: any TOMLValueConvertible) -> String {
        value.string?.quoted ?? value.debugDescription.quoted
    }
}

/// In which line a key of a TOML file stands, which TOMLKit does not tell. Knows the plain ways of writing
/// it; what is written as inline tables, dotted or quoted keys is not found, and the sentence goes without
/// its line.
struct DocumentLines {
    private var lines: [String: Int] = [:]

    init(_ text: String) {
        var counts: [String: Int] = [:]
        var place = ""
        var isInText = false
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.trimmingCharacters(in: .whitespaces)
            let wasInText = isInText
            if (line.components(separatedBy: "\"\"\"").count + line.components(separatedBy: "'''").count) % 2
                == 1
            {
                isInText.toggle()
            }
            guard !wasInText else { continue }
            if line.hasPrefix("[") {
                let name = line.prefix { $0 != "#" }.filter { !"[] \t".contains($0) }
                place = Self.place(of: name, isElement: line.hasPrefix("[["), &counts)
                lines[place] = index + 1
            } else if let equals = line.firstIndex(of: "="), !line.hasPrefix("#") {
                let key = line[..<equals].trimmingCharacters(in: .whitespaces)
                lines[place.isEmpty ? key : place + "." + key] = index + 1
            }
        }
    }

    func line(of path: String) -> Int? { lines[path] }

    /// `hub[1].user[0]` for the first `[[hub.user]]` after the second `[[hub]]`.
    private static func place(of name: String, isElement: Bool, _ counts: inout [String: Int]) -> String {
        var place = ""
        let parts = name.split(separator: ".")
        for (depth, part) in parts.enumerated() {
            place += place.isEmpty ? String(part) : "." + part
            if isElement, depth == parts.count - 1 { counts[place, default: 0] += 1 }
            if let count = counts[place] { place += "[\(count - 1)]" }
        }
        return place
    }
}
