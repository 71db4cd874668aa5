import Foundation
import PluginABI
import Testing

@testable import Modules

/// Modules with one fault each, in a host that holds every call against the rules.
@Suite struct CheckTests {
    private static let faults: [(String, ModuleRule)] = [
        ("answers_everything", .returnValue), ("blocks", .blockingCall), ("changes_sent", .sentMemoryChanged),
        ("changing_tables", .changedAnswer), ("control_from_lane", .thread),
        ("counter_shrinks", .counterShrinks), ("exceeds_slice", .lentMemoryExceeded),
        ("foreign_handle", .foreignHandle), ("forged_host", .hostPointer), ("forged_lane", .lanePointer),
        ("identity_twice", .identityTwice), ("keeps_memory", .lentMemoryAfterTurn),
        ("ipv6_with_itself", .argument), ("ipv6_without_ears", .undeclared),
        ("kept_lane", .lanePointer), ("malformed_metric", .argument), ("missing_function", .missingFunction),
        ("no_remote", .argument), ("nonsense_answer", .returnValue), ("not_utf8", .textEncoding),
        ("silent_failure", .silentFailure), ("ticket_twice", .ticketTwice),
        ("undeclared_metric", .undeclared), ("undeclared_option", .undeclared),
        ("use_after_close", .useAfterClose), ("writes_later", .lentMemoryAfterTurn),
        ("wrong_evidence", .argument), ("wrong_layer", .argument), ("wrong_struct_size", .structSize),
        ("wrong_table_size", .structSize), ("wrong_thread", .thread),
    ]

    @Test(arguments: faults) func `a broken rule is told by its name`(fault: String, rule: ModuleRule)
        async throws
    {
        let broken = try await rulesBroken(by: fault) { $0.contains(rule) }
        #expect(broken.contains(rule))
    }

    @Test func `nothing is told of a module that keeps the rules`() async throws {
        var rounds = 0
        let broken = try await rulesBroken(by: "none") { _ in
            rounds += 1
            return rounds == 100
        }
        #expect(broken == [])
    }

    @Test func `a host that does not look says nothing`() async throws {
        let bench = try Bench()
        defer { bench.stop() }
        let library = try bench.compileBroken("foreign_handle")
        let registry = try bench.registry(library, listen: "udp://127.0.0.1:0")
        try await registry.loadAll()
        let listener = try await registry.rows()[0].listeners[0]
        let peer = try Peer(.datagram, port: bench.port(of: listener))
        #expect(try peer.ask("hello") == "hello")
        await registry.stop()
        #expect(bench.broken.withLock { $0.isEmpty })
    }

    @Test func `the same breach is told the first, the tenth and the hundredth time`() async throws {
        let bench = try Bench()
        defer { bench.stop() }
        let library = try bench.compileBroken("foreign_handle")
        let registry = try bench.registry(library, listen: "udp://127.0.0.1:0", isChecked: true)
        try await registry.loadAll()
        let listener = try await registry.rows()[0].listeners[0]
        let peer = try Peer(.datagram, port: bench.port(of: listener))
        for _ in 0..<150 { #expect(try peer.ask("hello") == "hello") }
        await registry.stop()
        let told = bench.broken.withLock { $0.map(\.description) }
        #expect(told.count == 3)
        #expect(told.last?.hasSuffix("(100 times)\"") == true)
        #expect(
            told.first?.hasPrefix("module=template rule=foreign-handle call=pa.datagram/1.send why=") == true)
    }

    /// Loads the module, talks to it until `isEnough`, for five seconds at most, and ends it.
    private func rulesBroken(by fault: String, isEnough: ([ModuleRule]) -> Bool) async throws -> [ModuleRule]
    {
        let bench = try Bench()
        defer { bench.stop() }
        func seen() -> [ModuleRule] { bench.broken.withLock { $0.map(\.rule) } }
        let library = try bench.compileBroken(fault)
        let registry = try bench.registry(library, listen: "udp://127.0.0.1:0", isChecked: true)
        do { try await registry.loadAll() } catch { return seen() }
        let listener = try await registry.rows()[0].listeners[0]
        let peer = try Peer(.datagram, port: bench.port(of: listener))
        let deadline = ContinuousClock.now + .seconds(5)
        while !isEnough(seen()), ContinuousClock.now < deadline {
            try peer.say(String(repeating: "x", count: 64))
            // Each lane is asked, and so has been through a turn.
            _ = try await registry.rows()
        }
        await registry.stop()
        return seen()
    }
}
