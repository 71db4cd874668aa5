/// What is limited. The raw value is the rule's name in `allow.txt`.
enum Rule: String, CaseIterable {
    case line, function, file, nesting, parameters, header
    case medianFunction = "median-function"
    case medianFile = "median-file"
    case tab
    case trailingSpace = "trailing-space"
    case finalNewline = "final-newline"
    case unfinished
    case typeName = "type-name"
    case machinePath = "machine-path"

    /// The largest value that passes; a rule without a measure counts occurrences.
    var limit: Int {
        switch self {
        case .line: 110
        case .function: 70
        case .file: 600
        case .nesting: 4
        case .parameters: 6
        case .header, .medianFile: 150
        case .medianFunction: 10
        case .tab, .trailingSpace, .finalNewline, .unfinished, .typeName, .machinePath: 0
        }
    }
}

/// A place and what is measured there; a violation where it is over the rule's limit.
struct Finding: CustomStringConvertible {
    let rule: Rule
    let path: String
    let line: Int
    let value: Int
    let what: String

    init(_ rule: Rule, _ path: String, line: Int = 1, value: Int = 1, _ what: String) {
        self.rule = rule
        self.path = path
        self.line = line
        self.value = value
        self.what = what
    }

    var description: String {
        "\(path):\(line): \(what): \(value), the limit for \(rule.rawValue) is \(rule.limit)"
    }
}
