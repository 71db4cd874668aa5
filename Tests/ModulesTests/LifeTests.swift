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
        let port = try bench.port(of: rows[0].listeners[0])
        #expect(try Peer(.datagram, port: port).ask("hello") == "hello")
        #expect(try await registry.call("template", command: "greet", arguments: ["world"]) == "hello, world")
        #expect(try await registry.rows()[0].metrics.map(\.value) == [1])
        #expect(bench.hasMappings)
        try await registry.unload("template")
        #expect(!bench.hasMappings)
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
        #expect(!bench.hasMappings)
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
        #expect(!bench.hasMappings)
    }

    @Test(arguments: [
        ("{sizeof datagrams,", "{sizeof datagrams - 8,", "its pa.datagram/1 has 24 octets"),
        ("{sizeof commands,", "{sizeof commands + 8,", "its pa.command/1 has 24 octets"),
    ]) func `a table of another size is refused by the name of its capability`(
        what: String, with: String, why: String
    ) async throws {
        let bench = try Bench()
        defer { bench.stop() }
        let library = try bench.compileTemplate(replacing: what, with: with)
        let registry = try bench.registry(library, listen: "udp://127.0.0.1:0")
        let fault = await #expect(throws: ModuleFault.self) { try await registry.loadAll() }
        let sentence = fault?.description ?? ""
        #expect(sentence.hasPrefix("this is not a module for this server: \(why), this server expects "))
        #expect(!bench.hasMappings)
    }

    @Test func `port 0 is another port for each module`() async throws {
        let bench = try Bench()
        defer { bench.stop() }
        let registry = try bench.registry(
            try bench.compileCounting(), name: "one", andAs: "two", listen: "tcp://127.0.0.1:0")
        try await registry.loadAll()
        let listeners = try await registry.rows().flatMap(\.listeners)
        #expect(Set(listeners).count == 2, "\(listeners)")
        await registry.stop()
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
        #expect(!bench.hasMappings)
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
        #expect(!bench.hasMappings)
    }
}
