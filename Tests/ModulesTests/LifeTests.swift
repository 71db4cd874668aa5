import Foundation
import Lanes
import PluginABI
import Sessions
import Synchronization
import Testing

@testable import Modules

/// Modules in C, compiled by the test with the headers alone.
@Suite struct LifeTests {
    @Test func `the template is loaded, echoes, greets, counts and is unmapped`() async throws {
        let bench = try Bench()
        defer { bench.stop() }
        let library = try bench.compileTemplate()
        let registry = try bench.registry(library, listen: "udp://127.0.0.1:0")
        try await registry.loadAll()
        let rows = try await registry.rows()
        #expect(rows.map(\.name) == ["template"])
        let port = try #require(UInt16(rows[0].listeners[0].split(separator: ":").last ?? ""))
        #expect(try echo("hello", port: port) == "hello")
        #expect(try await registry.call("template", command: "greet", arguments: ["world"]) == "hello, world")
        #expect(try await registry.rows()[0].metrics.map(\.value) == [1])
        #expect(isMapped(bench.copies))
        try await registry.unload("template")
        #expect(!isMapped(bench.copies))
        #expect(bench.log.withLock { $0 }.isEmpty)
    }

    @Test func `a module comes and goes a hundred times`() async throws {
        let bench = try Bench()
        defer { bench.stop() }
        let registry = try bench.registry(try bench.compileTemplate(), listen: "udp://127.0.0.1:0")
        for _ in 0..<100 {
            try await registry.load("template")
            try await registry.unload("template")
        }
        #expect(!isMapped(bench.copies))
    }

    @Test func `wrong calls are refused before the module sees them`() async throws {
        let bench = try Bench()
        defer { bench.stop() }
        let registry = try bench.registry(try bench.compileTemplate(), listen: "udp://127.0.0.1:0")
        try await registry.loadAll()
        await #expect(
            throws: ModuleFault.command("template greet takes 1 arguments, not 0: greet NAME")
        ) { try await registry.call("template", command: "greet", arguments: []) }
        await #expect(
            throws: ModuleFault.command(
                "module template has no command sing; it has: greet NAME (Greets somebody.)")
        ) { try await registry.call("template", command: "sing", arguments: []) }
        await #expect(throws: ModuleFault.unknown("module other is not loaded; loaded are template")) {
            try await registry.unload("other")
        }
        await registry.stop()
    }

    @Test(arguments: [
        ("PA_MAGIC", "1u", "its magic is 0x1, this server expects 0x31414850"),
        ("PA_ABI_MAJOR", "2", "ABI 2.0, this server speaks 1.0 to 1.0"),
        ("PA_ABI_MINOR", "9", "ABI 1.9, this server speaks 1.0 to 1.0"),
        ("sizeof descriptor", "96", "its size is 96, this server expects 72"),
        ("\"org.polyhub.template\"", "\"\"", "its id is missing"),
        ("default_listeners, create,", "default_listeners, 0,", "it has no create function"),
    ]) func `a descriptor that differs is refused by the name of the field`(
        what: String, with: String, why: String
    ) async throws {
        let bench = try Bench()
        defer { bench.stop() }
        let library = try bench.compileTemplate(replacing: what, with: with)
        let registry = try bench.registry(library, listen: "udp://127.0.0.1:0")
        await #expect(throws: ModuleFault.descriptor(why)) { try await registry.loadAll() }
        #expect(!isMapped(bench.copies))
    }

    @Test func `a module that does not start says why, and nothing of it stays`() async throws {
        let bench = try Bench()
        defer { bench.stop() }
        let library = try bench.compileTemplate(
            replacing: "if (!module->datagram) {", with: "if (module->datagram) {")
        let registry = try bench.registry(library, listen: "udp://127.0.0.1:0")
        await #expect(
            throws: ModuleFault.refusedByModule(
                "module template did not start: this server has no pa.datagram/1")
        ) { try await registry.loadAll() }
        #expect(!isMapped(bench.copies))
    }

    @Test func `what is no module is refused`() async throws {
        let bench = try Bench()
        defer { bench.stop() }
        let text = bench.directory.appendingPathComponent("text.so")
        try Data("hello".utf8).write(to: text)
        let registry = try bench.registry(text.path, listen: "udp://127.0.0.1:0")
        await #expect(throws: ModuleFault.self) { try await registry.loadAll() }
        let absent = try bench.registry("/nowhere/x.so", listen: "udp://127.0.0.1:0")
        await #expect(
            throws: ModuleFault.library("/nowhere/x.so cannot be read: no such file, or no permission")
        ) { try await absent.loadAll() }
    }

    @Test func `a listener that cannot be opened undoes the start`() async throws {
        let bench = try Bench()
        defer { bench.stop() }
        let registry = try bench.registry(try bench.compileTemplate(), listen: "tcp://127.0.0.1:0")
        await #expect(
            throws: ModuleFault.configuration(
                "module template cannot listen on tcp://127.0.0.1:0: the module takes no streams")
        ) { try await registry.loadAll() }
        #expect(!isMapped(bench.copies))
    }

    @Test func `a reload that failed half-way goes on from there`() async throws {
        let bench = try Bench()
        defer { bench.stop() }
        let library = try bench.compileTemplate()
        let registry = try bench.registry(library, listen: "udp://127.0.0.1:0")
        try await registry.loadAll()
        let free = try await registry.rows()[0].listeners[0]
        try await registry.unload("template")
        try await registry.load("template")
        let section = "[template]\nlibrary = \"\(library)\"\nlisten = [\"\(free)\"]\n"
        let broken = section + "[second]\nlibrary = \"/nowhere/x.so\"\n"
        await #expect(throws: ModuleFault.self) {
            _ = try await registry.apply(PluginsConfiguration(text: broken, file: "plugins.conf"))
        }
        let mended = try PluginsConfiguration(text: section, file: "plugins.conf")
        #expect(try await registry.apply(mended) == ModuleRegistry.Difference())
        #expect(try await registry.rows()[0].listeners == [free])
        await registry.stop()
    }

    private func isMapped(_ path: String) -> Bool {
        // Files of /proc have no size to be read by.
        let maps = (try? FileHandle(forReadingAtPath: "/proc/self/maps")?.readToEnd()) ?? Data()
        return String(decoding: maps, as: UTF8.self).contains(path)
    }

    /// Sends to the echo module and gives what comes back.
    private func echo(_ text: String, port: UInt16) throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(connected == 0)
        try #require(send(descriptor, text, text.utf8.count, 0) == text.utf8.count)
        var room = [UInt8](repeating: 0, count: 100)
        let count = recv(descriptor, &room, room.count, 0)
        try #require(count > 0)
        return String(decoding: room[..<count], as: UTF8.self)
    }
}

/// A host for modules without accounts.
private final class Bench {
    let directory: URL
    let log = Mutex<[String]>([])
    private let group: LaneGroup
    private let hubLanes: [HubLane]

    init() throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent(
            "polyhub-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        group = try LaneGroup(count: 2)
        try group.start()
        let hubs = SessionHubs(seed: 1)
        hubLanes = group.lanes.map { $0.performAndWait { HubLane($0, hubs: hubs, observer: nil) }! }
    }

    /// Where private copies go; what of them is mapped stands in /proc/self/maps with this path.
    var copies: String { directory.appendingPathComponent("modules").path }

    func stop() {
        group.stop()
        try? FileManager.default.removeItem(at: directory)
    }

    func compileTemplate(replacing old: String = "", with new: String = "") throws -> String {
        let abi = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Sources/PluginABI")
        var source = try String(contentsOf: abi.appendingPathComponent("template.c"), encoding: .utf8)
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

    func registry(_ library: String, listen: String) throws -> ModuleRegistry {
        let configuration = try PluginsConfiguration(
            text: "[template]\nlibrary = \"\(library)\"\nlisten = [\"\(listen)\"]", file: "plugins.conf")
        let runtime = ModuleRuntime(
            lanes: group, hubLanes: hubLanes, services: Services(), moduleDirectory: directory,
            stateDirectory: directory, configurationFile: "plugins.conf")
        return ModuleRegistry(runtime, configuration: configuration)
    }
}

private final class Services: ModuleServices {
    func judge(_ evidence: Evidence) async -> Verdict {
        .refused(code: PA_VERDICT_CREDENTIALS, sentence: "no")
    }
    func log(module: String, level: UInt32, line: String) {}
    func isLogged(level: UInt32) -> Bool { false }
    func storedValue(module: String, name: String) throws -> [UInt8]? { nil }
    func store(module: String, name: String, value: [UInt8]) throws {}
    var certificate: ServerCertificate { ServerCertificate(chain: [], key: [], trust: []) }
    var publicName: String { "localhost" }
}
