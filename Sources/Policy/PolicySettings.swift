/// What was said of one user, group or hub. What is not said here is said elsewhere, or has its usual value.
public struct PolicySettings: Hashable, Sendable {
    private var values: [PolicySetting: Int] = [:]

    public init() {}

    public subscript(setting: PolicySetting) -> Int? { values[setting] }
    public var isEmpty: Bool { values.isEmpty }

    /// Says one thing, as in `macs=3` or `router=yes`; nothing behind the `=` takes it back.
    public mutating func set(_ assignment: some StringProtocol) throws(PolicyFault) {
        let parts = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw PolicyFault("\"\(assignment)\" says nothing: one like macs=3 or router=yes is accepted")
        }
        try set(String(parts[0]), to: String(parts[1]))
    }

    /// An empty value takes back what was said.
    public mutating func set(_ name: String, to text: String) throws(PolicyFault) {
        guard let setting = PolicySetting(rawValue: name) else {
            let names = PolicySetting.allCases.map(\.rawValue).joined(separator: ", ")
            throw PolicyFault("policy \"\(name)\" is not known: accepted are \(names)")
        }
        guard let value = text.isEmpty ? nil : .some(setting.value(text)) else {
            values[setting] = nil
            return
        }
        guard let value else {
            throw PolicyFault("policy \(name) cannot be \"\(text)\": \(setting.accepted) is accepted")
        }
        values[setting] = value
    }

    /// In the order of the settings.
    public var all: [(setting: PolicySetting, value: Int)] {
        PolicySetting.allCases.compactMap { setting in values[setting].map { (setting, $0) } }
    }

    /// `router=yes macs=3`, as `set` takes them one by one.
    public var text: String {
        all.map { "\($0.setting.rawValue)=\($0.setting.text($0.value))" }.joined(separator: " ")
    }

    /// Everything that counts, where `levels` say it, the first one most, or else as usual.
    public init(inEffect levels: [PolicySettings]) {
        for setting in PolicySetting.allCases {
            values[setting] = levels.lazy.compactMap { $0[setting] }.first ?? setting.standard
        }
    }

    /// Reads what `text` wrote.
    public init(text: String) throws(PolicyFault) {
        for assignment in text.split(separator: " ") { try set(assignment) }
    }
}

/// What is wrong with something that a person has said; a sentence that tells what would be accepted.
public struct PolicyFault: Error, Equatable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}

/// An object: permissions are truth values and limits numbers.
extension PolicySettings: Codable {
    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Name.self)
        for (setting, value) in all {
            let name = Name(stringValue: setting.rawValue)
            switch setting.kind {
            case .permission: try container.encode(value != 0, forKey: name)
            case .limit: try container.encode(value, forKey: name)
            }
        }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Name.self)
        for name in container.allKeys {
            let text =
                if let truth = try? container.decode(Bool.self, forKey: name) {
                    truth ? "yes" : "no"
                } else {
                    "\(try container.decode(Int.self, forKey: name))"
                }
            try set(name.stringValue, to: text)
        }
    }
}
