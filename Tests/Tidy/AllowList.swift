/// The exceptions, one a line: `path rule=limit reason`. Lines that are empty or begin with `#` are none.
struct AllowList {
    struct Entry: Equatable {
        let path: String
        let rule: Rule
        let limit: Int
    }

    struct Malformed: Error, CustomStringConvertible {
        let line: String
        var description: String { "allow.txt: expected `path rule=limit reason`, found `\(line)`" }
    }

    let entries: [Entry]

    init(parsing text: String) throws(Malformed) {
        var entries: [Entry] = []
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ", maxSplits: 2)
            let bound = words.count == 3 ? words[1].split(separator: "=") : []
            guard bound.count == 2, let rule = Rule(rawValue: String(bound[0])), let limit = Int(bound[1]),
                limit > rule.limit
            else { throw Malformed(line: String(line)) }
            entries.append(Entry(path: String(words[0]), rule: rule, limit: limit))
        }
        self.entries = entries
    }

    func allows(_ finding: Finding) -> Bool {
        entries.contains { $0.path == finding.path && $0.rule == finding.rule && finding.value <= $0.limit }
    }

    /// Entries that excuse nothing any more.
    func unused(among findings: [Finding]) -> [Entry] {
        entries.filter { entry in !findings.contains { entry.path == $0.path && entry.rule == $0.rule } }
    }
}
