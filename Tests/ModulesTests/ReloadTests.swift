import Foundation
import Testing

@testable import Modules

/// Applying another plugins.conf to modules that run, those of Tests/Modules/counting.c.
@Suite struct ReloadTests {
    private struct Site {
        let bench: Bench
        let registry: ModuleRegistry

        /// Modules of these sections.
        init(_ bench: Bench, _ sections: String...) async throws {
            self.bench = bench
            registry = try bench.registry("none", name: "none", listen: "udp://127.0.0.1:0")
            _ = try await registry.apply(Self.configuration(sections))
        }

        func apply(_ sections: String...) async throws -> ModuleRegistry.Difference {
            try await registry.apply(Self.configuration(sections))
        }

        func port(_ name: String, _ listener: Int = 0) async throws -> UInt16 {
            let row = try #require(try await registry.rows().first { $0.name == name })
            return try bench.port(of: row.listeners[listener])
        }

        func stop() async {
            await registry.stop()
            bench.stop()
        }

        private static func configuration(_ sections: [String]) throws -> PluginsConfiguration {
            try PluginsConfiguration(text: sections.joined(), file: "plugins.conf")
        }
    }

    private static func section(
        _ name: String, _ library: String, listen: String = "udp://127.0.0.1:0", _ rest: String = ""
    ) -> String {
        "[\(name)]\nlibrary = \"\(library)\"\nlisten = [\"\(listen)\"]\n\(rest)\n"
    }

    @Test(arguments: [
        "[second]\nlibrary = \"/nowhere/x.so\"\n",
        "[second]\nlibrary = \"LIBRARY\"\nlisten = [\"udp://127.0.0.1:0\"]\nfrobnicate = true\n",
        "[second]\nlibrary = \"LIBRARY\"\nlisten = [\"udp://127.0.0.1:0\"]\nmode = 7\n",
    ]) func `a fault in one section changes nothing in any`(fault: String) async throws {
        let bench = try Bench()
        let library = try bench.compileCounting()
        let site = try await Site(bench, Self.section("first", library))
        let peer = try Peer(.datagram, port: try await site.port("first"))
        #expect(try peer.ask("a") == "1 1")
        let other = Self.section("first", try bench.compileCounting(["VERSION=\"2\""]))
        await #expect(throws: ModuleFault.self) {
            _ = try await site.apply(other, fault.replacing("LIBRARY", with: library))
        }
        #expect(try peer.ask("b") == "1 2")
        #expect(try await site.registry.rows().map(\.version) == ["1"])
        #expect(try await site.apply(Self.section("first", library)) == .init())
        await site.stop()
        #expect(!bench.hasMappings)
    }

    @Test func `a module that does not come up leaves the others what they became`() async throws {
        let bench = try Bench()
        let library = try bench.compileCounting()
        let site = try await Site(bench, Self.section("first", library))
        let failing = Self.section("second", try bench.compileCounting(["FAILS"]))
        let difference = try await site.apply(
            failing, Self.section("first", library, "greeting = \"good day\""))
        #expect(difference.changed == ["first"])
        #expect(difference.failed.map(\.name) == ["second"])
        #expect(difference.failed[0].why.contains("it was compiled to fail"))
        // It is tried again, and is not in the way of what is well.
        let again = try await site.apply(
            failing, Self.section("first", library, "greeting = \"good day\""))
        #expect(again.changed.isEmpty && again.failed.map(\.name) == ["second"])
        await site.stop()
    }

    @Test func `what a module itself finds wrong with an option is told with its line`() async throws {
        let bench = try Bench()
        let library = try bench.compileCounting()
        let site = try await Site(bench, Self.section("counting", library))
        let picky = try bench.compileCounting(["FAILS", "FAILS_OF=\"mode is odd; even ones are accepted\""])
        let difference = try await site.apply(Self.section("counting", picky, "mode = \"odd\""))
        let why = "did not start: plugins.conf:4: [counting] mode is odd; even ones are accepted"
        #expect(difference.failed.map(\.why) == ["module counting \(why)"])
        await site.stop()
    }

    @Test func `a module that cannot be swapped and does not start again runs as it was`() async throws {
        let bench = try Bench()
        let library = try bench.compileCounting(["STAYS"])
        let site = try await Site(bench, Self.section("counting", library))
        let port = try await site.port("counting")
        #expect(try Peer(.datagram, port: port).ask("a") == "1 1")
        let failing = try bench.compileCounting(["STAYS", "FAILS"])
        let difference = try await site.apply(Self.section("counting", failing))
        #expect(difference.restarted.isEmpty && difference.failed.map(\.name) == ["counting"])
        let peer = try Peer(.datagram, port: try await site.port("counting"))
        #expect(try peer.ask("a") == "1 1")
        let mended = try await site.apply(
            Self.section("counting", try bench.compileCounting(["STAYS", "VERSION=\"2\""])))
        #expect(mended.restarted == ["counting"])
        #expect(try Peer(.datagram, port: try await site.port("counting")).ask("a") == "2 1")
        await site.stop()
        #expect(!bench.hasMappings)
    }

    @Test func `a port goes to the section that has it now, though clients were on it`() async throws {
        let bench = try Bench()
        let library = try bench.compileCounting()
        let site = try await Site(bench, Self.section("first", library))
        let listen = "udp://127.0.0.1:\(try await site.port("first"))"
        let peer = try Peer(.datagram, port: try await site.port("first"))
        #expect(try peer.ask("a") == "1 1")
        let difference = try await site.apply(Self.section("second", library, listen: listen))
        #expect(difference.unloaded == ["first"] && difference.loaded == ["second"])
        #expect(try peer.ask("b") == "1 1", "somebody else answers")
        #expect(try await site.registry.rows().map(\.name) == ["second"])
        await site.stop()
    }

    @Test func `a library that was swapped by command stays where plugins.conf says nothing else`()
        async throws
    {
        let bench = try Bench()
        let library = try bench.compileCounting()
        let site = try await Site(bench, Self.section("counting", library))
        let peer = try Peer(.datagram, port: try await site.port("counting"))
        _ = try await site.registry.swap(
            "counting", library: try bench.compileCounting(["VERSION=\"2\""]), drain: .zero)
        let difference = try await site.apply(Self.section("counting", library, "mode = \"other\""))
        #expect(difference.swapped == ["counting"])
        #expect(try peer.ask("a") == "2 1")
        await site.stop()
    }

    @Test func `a listener that cannot be opened is asked for again, and the rest holds`() async throws {
        let bench = try Bench()
        let library = try bench.compileCounting()
        let site = try await Site(bench, Self.section("first", library), Self.section("second", library))
        let taken = "udp://127.0.0.1:\(try await site.port("second"))"
        let wanted = Self.section("first", library, listen: taken, "greeting = \"hi\"")
        let difference = try await site.apply(wanted, Self.section("second", library))
        #expect(difference.failed.map(\.name) == ["first"] && difference.changed.isEmpty)
        #expect(try Peer(.datagram, port: try await site.port("first")).ask("a") == "1 1")
        let freed = try await site.apply(wanted)
        #expect(freed.unloaded == ["second"] && freed.changed == ["first"] && freed.failed.isEmpty)
        await site.stop()
    }

    @Test func `listeners that a module opened itself stay when those of plugins.conf change`() async throws {
        let bench = try Bench()
        let library = try bench.compileCounting(["OPENS"])
        let site = try await Site(bench, Self.section("counting", library))
        _ = try await site.apply(Self.section("counting", library, "greeting = \"hi\""))
        let own = try Peer(.datagram, port: try await site.port("counting", 1))
        #expect(try own.ask("a") == "1 1")
        let moved = "udp://[::1]:0"
        _ = try await site.apply(Self.section("counting", library, listen: moved, "greeting = \"hi\""))
        #expect(try await site.registry.rows().first?.listeners.count == 2)
        #expect(try own.ask("b") == "1 2")
        // Nor does one of its own stand for the same address in plugins.conf.
        _ = try await site.apply(Self.section("counting", library, "greeting = \"hi\""))
        #expect(try await site.registry.rows().first?.listeners.count == 2)
        #expect(try own.ask("c") == "1 3")
        await site.stop()
    }

    @Test func `what only a restart takes over is named`() throws {
        let before = try PluginsConfiguration(text: "", file: "plugins.conf")
        #expect(before.keysThatWaitForRestart(since: before).isEmpty)
        let after = try PluginsConfiguration(
            text: """
                default_hub = "OTHER"
                public_name = "vpn.example.org"
                [log]
                format = "json"
                [passwords]
                keep = []
                """, file: "plugins.conf")
        #expect(
            after.keysThatWaitForRestart(since: before)
                == ["default_hub", "public_name", "log.format", "passwords.keep"])
    }
}
