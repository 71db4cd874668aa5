import Foundation
import Testing

/// Compiles modules in C with the headers alone, and has polyhub-modcheck look at them.
struct Workshop: ~Copyable {
    static let project = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    /// Where the products of this build lie.
    static let products = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent()

    let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent(
            "polyhub-workshop-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    struct Verdict: Decodable {
        struct Finding: Decodable {
            let rule: String
            let step: String
            let call: String
            let what: String
        }

        let findings: [Finding]
        let steps: [String]
    }

    /// - Parameter sources: below the project.
    func compile(_ sources: [String], _ options: [String] = []) throws -> String {
        let output = directory.appendingPathComponent("module.so").path
        let include = Self.project.appendingPathComponent("Sources/PluginABI/include").path
        let paths = sources.map { Self.project.appendingPathComponent($0).path }
        let arguments = ["-std=c11", "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC", "-fvisibility=hidden"]
        let (status, words) = try run(
            "/usr/bin/cc", arguments + options + ["-I", include, "-o", output] + paths)
        try #require(status == 0, "\(words)")
        return output
    }

    func compileBroken(_ fault: String, _ options: [String] = []) throws -> String {
        try compile(["Tests/Modules/Broken/broken.c"], ["-DFAULT=\(fault)"] + options)
    }

    /// The exit status is held against what was found.
    func check(_ library: String, _ options: String...) throws -> Verdict {
        let (status, words) = try modcheck(["--json", "--patience", "60"] + options + [library])
        let verdict = try JSONDecoder().decode(Verdict.self, from: Data(words.utf8))
        #expect(status == (verdict.findings.isEmpty ? 0 : 1))
        return verdict
    }

    func modcheck(_ arguments: [String]) throws -> (status: Int32, words: String) {
        try run(Self.products.appendingPathComponent("polyhub-modcheck").path, arguments)
    }

    private func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, words: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let words = directory.appendingPathComponent(UUID().uuidString)
        try Data().write(to: words)
        let output = try FileHandle(forWritingTo: words)
        process.standardOutput = output
        process.standardError = output
        try process.run()
        process.waitUntilExit()
        return (process.terminationStatus, try String(contentsOf: words, encoding: .utf8))
    }
}
