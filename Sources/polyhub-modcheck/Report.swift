import Foundation

/// One thing that is wrong with a module.
struct ModuleFinding: Codable, Hashable {
    /// A rule of the ABI by its name, or what else it came to: `crash`, `leak`, `no-end`...
    var rule: String
    /// What was being done.
    var step: String
    /// The function of the ABI at which it was seen; empty where it is none.
    var call: String
    var what: String

    var line: String {
        "finding: \(rule) at \(step)\(call.isEmpty ? "" : ", \(call)"): \(what)"
    }
}

/// What the child tells, a JSON object a line.
enum ChildReport: Codable {
    case step(String)
    case finding(ModuleFinding)
    case module(ModuleSummary)
    /// Octets of the heap that each cycle leaves behind.
    case growth(cycles: Int, octets: Int)
    /// Why the check cannot be made.
    case unable(String)
    case end
}

struct ModuleSummary: Codable {
    var name: String
    var version: String
    var id: String
    var abi: String
    var capabilities: [String]
}

/// What a whole check came to.
struct Outcome {
    var library: String
    var module: ModuleSummary?
    var findings: [ModuleFinding] = []
    var steps: [String] = []
    var cycles = 0
    var octetsPerCycle = 0
    /// Why the check could not be made.
    var reason: String?

    var text: String {
        let lines = findings.map(\.line)
        return (lines + [summary]).joined(separator: "\n")
    }

    private var summary: String {
        let name = module.map { "\($0.name) \($0.version) (\($0.id), ABI \($0.abi))" } ?? library
        let count = findings.isEmpty ? "nothing found" : "\(findings.count) found"
        return "\(name): \(count) in \(steps.count) steps and \(cycles) cycles, "
            + "\(octetsPerCycle) octets kept a cycle"
    }

    var json: String {
        struct Document: Encodable {
            let library: String
            let module: ModuleSummary?
            let findings: [ModuleFinding]
            let steps: [String]
            let cycles: Int
            let octetsPerCycle: Int
        }
        let document = Document(
            library: library, module: module, findings: findings, steps: steps, cycles: cycles,
            octetsPerCycle: octetsPerCycle)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(document)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
