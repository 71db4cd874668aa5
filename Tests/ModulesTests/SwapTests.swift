import Foundation
import PluginABI
import Testing

@testable import Modules

/// Replacing a module's library under its peers. The module of Tests/Modules/counting.c answers with its
/// version and with how often the peer has spoken.
@Suite struct SwapTests {
    private struct Site {
        let bench: Bench
        let registry: ModuleRegistry
        let udp: UInt16
        let tcp: UInt16

        init() async throws {
            bench = try Bench()
            registry = try bench.registry(
                try bench.compileCounting(), name: "counting", listen: "udp://127.0.0.1:0",
                "tcp://127.0.0.1:0")
            try await registry.loadAll()
            let row = try await registry.rows()[0]
            udp = try bench.port(of: row.listeners[0])
            tcp = try bench.port(of: row.listeners[1])
        }

        func swap(_ macros: String...) async throws -> ModuleRegistry.Swap {
            try await registry.swap("counting", library: compile(macros), drain: .seconds(60))
        }

        func compile(_ macros: [String]) throws -> String {
            try bench.compileCounting(macros)
        }

        func stop() async {
            await registry.stop()
            bench.stop()
        }
    }

    @Test func `connections over UDP and TCP go on in the new library`() async throws {
        let site = try await Site()
        let peers = [try Peer(.datagram, port: site.udp), try Peer(.stream, port: site.tcp)]
        for peer in peers { #expect(try peer.ask("a") == "1 1") }
        let swap = try await site.swap("VERSION=\"2\"")
        #expect(swap.from == "1" && swap.to == "2" && swap.carried == 2 && swap.draining == 0)
        #expect(swap.lanes.map(\.lane) == [0, 1] && swap.lanes.allSatisfy { $0.pauses >= 1 })
        for peer in peers { #expect(try peer.ask("b") == "2 2") }
        let row = try await site.registry.rows()[0]
        #expect(row.version == "2" && row.metrics.map(\.value) == [4])
        #expect(try Peer(.datagram, port: site.udp).ask("new") == "2 1")
        #expect(try Peer(.stream, port: site.tcp).ask("new") == "2 1")
        await site.stop()
        #expect(!site.bench.hasMappings)
    }

    @Test func `a timer that runs goes off in the new library`() async throws {
        let site = try await Site()
        let library = try site.compile(["VERSION=\"2\""])
        let peer = try Peer(.datagram, port: site.udp)
        #expect(try peer.ask("a") == "1 1")
        try peer.say("later")
        // The lane has taken it when it answers the next one.
        #expect(try peer.ask("b") == "1 3")
        let swap = try await site.registry.swap("counting", library: library, drain: .zero)
        #expect(swap.carried == 1)
        #expect(try peer.hear() == "2 late")
        await site.stop()
    }

    @Test func `twenty swaps in a row keep what was counted`() async throws {
        let site = try await Site()
        let peer = try Peer(.stream, port: site.tcp)
        for version in 1...20 {
            #expect(try peer.ask("a") == "\(version) \(version)")
            _ = try await site.swap("VERSION=\"\(version + 1)\"")
        }
        #expect(try await site.registry.rows()[0].metrics.map(\.value) == [20])
        await site.stop()
        #expect(!site.bench.hasMappings)
    }

    @Test func `what the new library refuses stays with the old one until it ends`() async throws {
        let site = try await Site()
        var refused: Peer? = try Peer(.stream, port: site.tcp)
        let other = try Peer(.datagram, port: site.udp)
        let stubborn = try Peer(.datagram, port: site.udp)
        #expect(try refused?.ask("a") == "1 1")
        #expect(try other.ask("a") == "1 1")
        #expect(try other.ask("b") == "1 2")
        #expect(try stubborn.ask("a") == "1 1")
        let swap = try await site.swap("VERSION=\"2\"", "SPARES=1")
        #expect(swap.carried == 1 && swap.draining == 2)
        #expect(try refused?.ask("b") == "1 2")
        #expect(try stubborn.ask("b") == "1 2")
        #expect(try other.ask("c") == "2 3")
        #expect(try Peer(.datagram, port: site.udp).ask("new") == "2 1")
        // Both instances count.
        #expect(try await site.registry.rows()[0].metrics.map(\.value) == [8])
        // Who was left behind by a swap has the time that an unload gives, too.
        let registry = site.registry
        async let unloaded: Void = registry.unload("counting", drain: .seconds(60))
        #expect(try refused?.ask("c") == "1 3")
        try await Task.sleep(for: .milliseconds(500))
        #expect(try refused?.ask("d") == "1 4")
        refused = nil
        try await site.registry.unload("counting")
        try await unloaded
        #expect(!site.bench.hasMappings)
        await site.stop()
    }

    @Test func `a library that reads other records takes nothing over but what is new`() async throws {
        let site = try await Site()
        let peer = try Peer(.datagram, port: site.udp)
        #expect(try peer.ask("a") == "1 1")
        let swap = try await site.swap("VERSION=\"2\"", "WRITES=2")
        #expect(swap.carried == 0 && swap.draining == 1)
        #expect(try peer.ask("b") == "1 2")
        #expect(try Peer(.datagram, port: site.udp).ask("a") == "2 1")
        // Back again: one generation drains, the next one is carried over.
        let back = try await site.swap("VERSION=\"3\"", "WRITES=3", "READS=2")
        #expect(back.carried == 1 && back.draining == 0)
        #expect(try peer.ask("c") == "1 3")
        await site.stop()
        #expect(!site.bench.hasMappings)
    }

    @Test func `an export that is slow to pass by what was refused comes to its end`() async throws {
        let site = try await Site()
        let peers = try (0..<30).map { _ in try Peer(.datagram, port: site.udp) }
        for peer in peers { #expect(try peer.ask("a") == "1 1") }
        // One in the middle of the others is taken, those around it are refused in every turn.
        #expect(try peers[15].ask("b") == "1 2")
        _ = try await site.swap("VERSION=\"2\"", "WASTES=300")
        let swap = try await site.swap("VERSION=\"3\"", "SPARES=1")
        #expect(swap.carried == 1 && swap.draining == 29)
        #expect(try peers[15].ask("c") == "3 3")
        #expect(try peers[0].ask("b") == "2 2")
        await site.stop()
    }

    @Test func `an export that takes long is spread over several turns`() async throws {
        let site = try await Site()
        let peers = try (0..<40).map { _ in try Peer(.datagram, port: site.udp) }
        for peer in peers { #expect(try peer.ask("a") == "1 1") }
        let slow = try await site.swap("VERSION=\"2\"", "WASTES=300")
        #expect(slow.carried == 40)
        for peer in peers { #expect(try peer.ask("b") == "2 2") }
        let swap = try await site.swap("VERSION=\"3\"")
        #expect(swap.carried == 40 && swap.lanes.reduce(0) { $0 + $1.pauses } > 4)
        for peer in peers { #expect(try peer.ask("c") == "3 3") }
        await site.stop()
    }

    @Test(arguments: [
        (["IDENTITY=\"org.polyhub.other\""], "org.polyhub.other"),
        (["FAILS"], "it was compiled to fail"),
        (["FAILS_ON_LANE=1"], "did not accept lane 1"),
        (["MAJOR=7"], "ABI 7.0"),
        (["DEAF"], "takes no streams, but module counting listens on tcp://127.0.0.1:0"),
    ]) func `a library that cannot take over changes nothing`(macros: [String], why: String) async throws {
        let site = try await Site()
        let peers = [try Peer(.datagram, port: site.udp), try Peer(.stream, port: site.tcp)]
        for peer in peers { #expect(try peer.ask("a") == "1 1") }
        let library = try site.compile(macros)
        let fault = await #expect(throws: ModuleFault.self) {
            _ = try await site.registry.swap("counting", library: library, drain: .zero)
        }
        #expect(fault?.description.contains(why) == true)
        for peer in peers { #expect(try peer.ask("b") == "1 2") }
        #expect(try Peer(.stream, port: site.tcp).ask("new") == "1 1")
        #expect(try await site.registry.rows()[0].version == "1")
        await site.stop()
        #expect(!site.bench.hasMappings)
    }

    @Test func `a file that is no library changes nothing`() async throws {
        let site = try await Site()
        let peer = try Peer(.datagram, port: site.udp)
        #expect(try peer.ask("a") == "1 1")
        await #expect(throws: ModuleFault.self) {
            _ = try await site.registry.swap("counting", library: "/nowhere/x.so", drain: .zero)
        }
        #expect(try peer.ask("b") == "1 2")
        await site.stop()
    }

    @Test func `a module without handover is swapped only while nobody is connected`() async throws {
        let site = try await Site()
        let peer = try Peer(.stream, port: site.tcp)
        #expect(try peer.ask("a") == "1 1")
        let without = try await site.swap("VERSION=\"2\"", "STAYS")
        #expect(without.carried == 0 && without.draining == 1)
        #expect(try peer.ask("b") == "1 2")
        let second = try Peer(.stream, port: site.tcp)
        #expect(try second.ask("a") == "2 1")
        let why = "module counting has connections and no pa.handover/1: it can be unloaded and loaded only"
        await #expect(throws: ModuleFault.refusedByModule(why)) { try await site.swap("VERSION=\"3\"") }
        #expect(try second.ask("b") == "2 2")
        await site.stop()
    }

    @Test func `a reload with another library swaps`() async throws {
        let site = try await Site()
        let peer = try Peer(.stream, port: site.tcp)
        #expect(try peer.ask("a") == "1 1")
        let text = """
            [counting]
            library = "\(try site.compile(["VERSION=\"2\""]))"
            listen = ["udp://127.0.0.1:0", "tcp://127.0.0.1:0"]
            """
        let difference = try await site.registry.apply(
            try PluginsConfiguration(text: text, file: "plugins.conf"))
        #expect(difference.swapped == ["counting"] && difference.restarted.isEmpty)
        #expect(try peer.ask("b") == "2 2")
        await site.stop()
    }

    @Test func `a section that is gone ends when its last client has`() async throws {
        let site = try await Site()
        var peer: Peer? = try Peer(.stream, port: site.tcp)
        #expect(try peer?.ask("a") == "1 1")
        let difference = try await site.registry.apply(PluginsConfiguration(text: "", file: "plugins.conf"))
        #expect(difference.unloaded == ["counting"])
        #expect(try peer?.ask("b") == "1 2")
        #expect(try await site.registry.rows().map(\.isDraining) == [true])
        peer = nil
        var rows = 1
        for _ in 0..<50 where rows > 0 {
            try await Task.sleep(for: .milliseconds(100))
            rows = try await site.registry.rows().count
        }
        #expect(rows == 0 && !site.bench.hasMappings)
        await site.stop()
    }
}
