import Foundation
import Lanes
import PluginABI
import Sessions
import Synchronization
import Testing

@testable import Modules

/// A host for modules in C, without accounts.
final class Bench {
    let directory: URL
    let log = Mutex<[String]>([])
    private let group: LaneGroup
    let hubLanes: [HubLane]

    init() throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent(
            "polyhub-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        group = try LaneGroup(count: 2)
        try group.start()
        let hubs = SessionHubs(seed: 1)
        hubs.add("DEFAULT")
        hubLanes = group.lanes.map { $0.performAndWait { HubLane($0, hubs: hubs, observer: nil) }! }
    }

    /// Where private copies go; what of them is mapped stands in /proc/self/maps with this path.
    var copies: String { directory.appendingPathComponent("modules").path }

    func stop() {
        group.stop()
        try? FileManager.default.removeItem(at: directory)
    }

    /// A file of the tree, "Sources/PluginABI/template.c".
    func compile(
        _ file: String = "Sources/PluginABI/template.c", replacing old: String = "", with new: String = ""
    ) throws -> String {
        let tree = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let abi = tree.appendingPathComponent("Sources/PluginABI")
        var source = try String(contentsOf: tree.appendingPathComponent(file), encoding: .utf8)
        if !old.isEmpty {
            try #require(source.contains(old))
            source = source.replacingOccurrences(of: old, with: new)
        }
        let (input, output) = (
            directory.appendingPathComponent("m.c"), directory.appendingPathComponent("m.so")
        )
        try source.write(to: input, atomically: true, encoding: .utf8)
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/cc")
        compiler.arguments = [
            "-std=c11", "-O1", "-shared", "-fPIC", "-fvisibility=hidden", "-I", abi.path + "/include", "-o",
            output.path,
            input.path,
        ]
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0)
        return output.path
    }

    func registry(
        _ library: String, listen: String,
        verdict: @escaping @Sendable (Evidence) -> Verdict = { _ in
            .refused(code: PA_VERDICT_CREDENTIALS, sentence: "no")
        }
    ) throws -> ModuleRegistry {
        let configuration = try PluginsConfiguration(
            text: "[template]\nlibrary = \"\(library)\"\nlisten = [\"\(listen)\"]", file: "plugins.conf")
        let runtime = ModuleRuntime(
            lanes: group, hubLanes: hubLanes, services: Services(verdict), moduleDirectory: directory,
            stateDirectory: directory, configurationFile: "plugins.conf")
        return ModuleRegistry(runtime, configuration: configuration)
    }
}

private final class Services: ModuleServices {
    private let verdict: @Sendable (Evidence) -> Verdict
    init(_ verdict: @escaping @Sendable (Evidence) -> Verdict) { self.verdict = verdict }

    func judge(_ evidence: Evidence) async -> Verdict { verdict(evidence) }
    func log(module: String, level: UInt32, line: String) {}
    func isLogged(level: UInt32) -> Bool { false }
    func storedValue(module: String, name: String) throws -> [UInt8]? { nil }
    func store(module: String, name: String, value: [UInt8]) throws {}
    var certificate: ServerCertificate { ServerCertificate(chain: [], key: [], trust: []) }
    var publicName: String { "localhost" }
}
