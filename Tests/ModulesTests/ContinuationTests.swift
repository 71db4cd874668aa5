import Foundation
import PluginABI
import Policy
import Sessions
import Synchronization
import Testing

@testable import Modules

/// Who a connection is, from its first question to the end of its session.
@Suite final class ContinuationTests: Sendable {
    private let continued = Mutex<[Int64?]>([])
    private let account = Mutex<Int64>(1)
    private let policy = Mutex(Policy.standard)

    /// A module that asks whenever it is told to, on the way to it.
    private func asking(_ bench: Bench, isChecked: Bool = false) async throws -> (ModuleRegistry, Peer) {
        let library = try bench.compileModule("asks.c")
        let registry = try bench.registry(library, listen: "udp://127.0.0.1:0", isChecked: isChecked) {
            [self] evidence in
            continued.withLock { $0.append(evidence.continues?.account) }
            let account = account.withLock { $0 }
            var identity = Identity(user: "user\(account)", hub: "DEFAULT", account: account)
            identity.policy = policy.withLock { $0 }
            return .accepted(identity)
        }
        try await registry.loadAll()
        let listener = try await registry.rows()[0].listeners[0]
        return (registry, try Peer(.datagram, port: bench.port(of: listener)))
    }

    /// Tells the module to do something, and waits for what comes of it.
    private func outcome(_ what: String, _ exchange: Peer) async throws -> String {
        let before = try exchange.ask("?")
        var now = try exchange.ask(what)
        let deadline = ContinuousClock.now + .seconds(10)
        while now == before, ContinuousClock.now < deadline {
            // The judge works on this thread too.
            await Task.yield()
            now = try exchange.ask("?")
        }
        return String(now.drop { $0 != " " }.dropFirst())
    }

    @Test func `a renewal is judged as the continuation of its session`() async throws {
        let bench = try Bench()
        defer { bench.stop() }
        let (registry, exchange) = try await asking(bench)
        #expect(try await outcome("a", exchange) == "accepted 1")
        #expect(try await outcome("c", exchange) == "still 1", "no session yet")
        #expect(try await outcome("o", exchange) == "opened 0")
        _ = try exchange.ask("r")
        #expect(try await outcome("c", exchange) == "still 1", "it ends with its session and not before")
        #expect(try await outcome("o", exchange) == "not opened \(PA_ERROR_HANDLE)", "good for one session")
        #expect(continued.withLock { $0 } == [nil, 1, 1])
        #expect(try await outcome("x", exchange) == "over 0")
        #expect(try await outcome("c", exchange) == "not asked \(PA_ERROR_HANDLE)")
        #expect(try await registry.rows().map(\.refusedCalls) == [2])
        await registry.stop()
    }

    @Test func `who may be a bridge is told by policy, up to the session`() async throws {
        for (settings, status) in [("bridge=no", PA_ERROR_REFUSED), ("bridge=yes", PA_OK)] {
            let bench = try Bench()
            defer { bench.stop() }
            let settings = try PolicySettings(text: settings)
            policy.withLock { $0 = Policy([settings]) }
            let (registry, exchange) = try await asking(bench)
            #expect(try await outcome("b", exchange) == "bridge \(PA_ERROR_HANDLE)", "nobody yet")
            #expect(try await outcome("a", exchange) == "accepted 1")
            #expect(try await outcome("b", exchange) == "bridge \(status)")
            #expect(try await outcome("o", exchange) == "opened 0", "in either case he may have a place")
            #expect(try await outcome("b", exchange) == "bridge \(PA_ERROR_STATE)")
            await registry.stop()
        }
    }

    @Test func `who may be a monitor is one, until policy takes it back`() async throws {
        for mayMonitor in [false, true] {
            let bench = try Bench()
            defer { bench.stop() }
            let settings = try PolicySettings(text: mayMonitor ? "monitor=yes" : "bridge=yes")
            policy.withLock { $0 = Policy([settings]) }
            let (registry, exchange) = try await asking(bench)
            #expect(try await outcome("a", exchange) == "accepted 1")
            #expect(try await outcome("m", exchange) == "monitor \(mayMonitor ? PA_OK : PA_ERROR_REFUSED)")
            #expect(try await outcome("o", exchange) == "opened 0")
            let sessions = bench.hubLanes.flatMap { hubLane in
                hubLane.lane.performAndWait { _ in hubLane.snapshots } ?? []
            }
            #expect(sessions.map(\.isMonitor) == [mayMonitor])
            for hubLane in bench.hubLanes {
                hubLane.lane.performAndWait { _ in
                    hubLane.setPolicies(["user1": .standard], on: "DEFAULT")
                }
            }
            let happened = try exchange.ask("?")
            #expect(happened.hasSuffix("closed \(PA_REASON_POLICY)") == mayMonitor)
            await registry.stop()
        }
    }

    @Test(arguments: [false, true])
    func `a change of password is answered, and lets nobody in`(isChecked: Bool) async throws {
        let bench = try Bench()
        defer { bench.stop() }
        let (registry, exchange) = try await asking(bench, isChecked: isChecked)
        #expect(try await outcome("p", exchange) == "still \(PA_VERDICT_ACCEPTED)", "no identity")
        #expect(try await outcome("o", exchange) == "not opened \(PA_ERROR_HANDLE)")
        #expect(try await outcome("P", exchange) == "not asked \(PA_ERROR_ARGUMENT)")
        let broken = bench.broken.withLock { $0.map(\.call).filter { $0 == "pa.password/1.change" } }
        #expect(broken.isEmpty != isChecked)
        await registry.stop()
    }

    @Test func `a renewal that names another user is refused`() async throws {
        let bench = try Bench()
        defer { bench.stop() }
        let (registry, exchange) = try await asking(bench)
        #expect(try await outcome("a", exchange) == "accepted 1")
        #expect(try await outcome("o", exchange) == "opened 0")
        account.withLock { $0 = 2 }
        #expect(try await outcome("c", exchange) == "refused \(PA_VERDICT_CREDENTIALS)")
        await registry.stop()
    }

    @Test func `a session that the host has ended has no continuation`() async throws {
        let bench = try Bench()
        defer { bench.stop() }
        let (registry, exchange) = try await asking(bench)
        #expect(try await outcome("a", exchange) == "accepted 1")
        #expect(try await outcome("o", exchange) == "opened 0")
        for hubLane in bench.hubLanes {
            _ = hubLane.lane.performAndWait { _ in
                hubLane.closeSessions(reason: .administrator, sentence: "") { _ in true }
            }
        }
        #expect(try exchange.ask("?").hasSuffix("closed \(PA_REASON_ADMINISTRATOR)"))
        #expect(try await outcome("c", exchange) == "not asked \(PA_ERROR_HANDLE)")
        await registry.stop()
    }
}
