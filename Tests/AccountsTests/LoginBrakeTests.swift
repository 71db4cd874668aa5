import Foundation
import Synchronization
import Testing
import Wire

@testable import Accounts

/// A clock that is only a number: what waits for a moment gets it at once.
private final class SimulatedClock: Sendable {
    let time = Mutex(Instant(nanoseconds: 1_000_000_000_000))
    var now: Instant { time.withLock { $0 } }

    func advance(by duration: Duration) { time.withLock { $0 = $0.advanced(by: duration) } }

    var clock: Authenticator.Clock {
        Authenticator.Clock(
            now: { self.now },
            call: { moment, body in
                self.time.withLock { $0 = max($0, moment) }
                body()
            })
    }
}

@Suite struct LoginBrakeTests {
    let hub = try! HubName("DEFAULT")
    let start = Instant(nanoseconds: 1_000_000_000_000)

    private func attempt(_ name: String?, from source: String?, continues: Int64? = nil) -> LoginAttempt {
        LoginAttempt(name: name, defaultHub: hub, source: source, continues: continues)
    }

    private func after(_ seconds: Double) -> Instant { start.advanced(by: .seconds(seconds)) }

    @Test func `who goes on guessing at one user waits ever longer`() {
        var brake = LoginBrake()
        let guess = attempt("alice", from: "192.0.2.1")
        var now = start
        var waits: [Int] = []
        for _ in 0..<18 {
            #expect(brake.admission(of: guess, at: now) != .refused)
            brake.failed(guess, at: now)
            var wait = 0
            while brake.admission(of: guess, at: now.advanced(by: .seconds(wait))) == .refused {
                wait += wait < 60 ? 1 : 15
            }
            waits.append(wait)
            now = now.advanced(by: .seconds(wait))
        }
        #expect(Array(waits.prefix(10)) == [0, 0, 0, 0, 0, 2, 4, 8, 16, 32])
        #expect(waits.dropFirst(10).allSatisfy { $0 >= 60 && $0 <= 900 }, "\(waits)")
        brake.failed(guess, at: now)
        #expect(brake.admission(of: attempt("ALICE@default", from: "192.0.2.1"), at: now) == .refused)
    }

    @Test func `the user is not locked out elsewhere, and his neighbours are not either`() {
        var brake = LoginBrake()
        for number in 0..<200 {
            brake.failed(attempt("alice", from: "192.0.2.\(number % 100)"), at: start)
        }
        #expect(
            brake.admission(of: attempt("alice", from: "198.51.100.1"), at: start) == .delayed(.seconds(3)))
        #expect(brake.admission(of: attempt("bob", from: "198.51.100.1"), at: start) == .free)
        for _ in 0..<8 { brake.failed(attempt("carol", from: "203.0.113.1"), at: start) }
        #expect(brake.admission(of: attempt("carol", from: "203.0.113.1"), at: start) == .refused)
        #expect(brake.admission(of: attempt("dave", from: "203.0.113.1"), at: start) == .free)
    }

    @Test func `one source that tries many users is held up at all of them`() {
        var brake = LoginBrake()
        for number in 0..<31 { brake.failed(attempt("user\(number)", from: "192.0.2.1"), at: start) }
        #expect(brake.admission(of: attempt("alice", from: "192.0.2.1"), at: start) == .refused)
        #expect(brake.admission(of: attempt(nil, from: "192.0.2.1"), at: start) == .refused)
        #expect(brake.admission(of: attempt("alice", from: "192.0.2.2"), at: start) == .free)
        brake.succeeded(attempt("mallory", from: "192.0.2.1"))
        #expect(
            brake.admission(of: attempt("alice", from: "192.0.2.1"), at: start) == .refused,
            "an account of one's own is no way out")
        #expect(brake.admission(of: attempt("alice", from: "192.0.2.1"), at: after(2)) == .free)
    }

    @Test func `success clears what was mistyped, and time forgets it`() {
        var brake = LoginBrake()
        let alice = attempt("alice", from: "192.0.2.1")
        for _ in 0..<6 { brake.failed(alice, at: start) }
        #expect(brake.admission(of: alice, at: start) == .refused)
        brake.succeeded(alice)
        #expect(brake.admission(of: alice, at: start) == .free)
        for _ in 0..<6 { brake.failed(alice, at: start) }
        brake.failed(alice, at: after(3600))
        #expect(brake.admission(of: alice, at: after(3600)) == .free)
    }

    @Test func `who is connected is not held up`() {
        var brake = LoginBrake()
        for _ in 0..<100 { brake.failed(attempt("alice", from: "192.0.2.1"), at: start) }
        let renewal = attempt("alice", from: "192.0.2.1", continues: 1)
        #expect(brake.admission(of: renewal, at: start) == .free)
    }

    @Test func `the tables are bounded, and the quietest is forgotten`() {
        var table = FailureTable<Int>(
            .init(free: 0, forgets: .seconds(60), first: .seconds(10), most: .seconds(10)), capacity: 8)
        for key in 0..<20 { table.failed(key, at: after(Double(key) / 10)) }
        #expect(table.count == 8)
        #expect((0..<20).filter { !table.mayTry($0, at: after(2)) } == Array(12..<20))
    }
}

@Suite struct BrakedAuthenticatorTests {
    let state: TemporaryState
    let store: AccountStore
    let hub = try! HubName("DEFAULT")

    init() throws {
        state = try TemporaryState()
        store = try state.open()
        try store.createHub(Hub(name: hub))
        try store.createUser("alice", "DEFAULT", "secret")
    }

    private func ask(_ authenticator: Authenticator, _ password: String, from source: String) async throws
        -> Verdict
    {
        let password = try ClearPassword(password)
        let attempt = LoginAttempt(name: "alice", defaultHub: hub, source: source)
        return await withCheckedContinuation { answer in
            authenticator.authenticate(attempt, password: password) { answer.resume(returning: $0) }
        }
    }

    @Test func `after some failures nothing is judged, and nobody can tell`() async throws {
        let time = SimulatedClock()
        let authenticator = Authenticator(store: store, clock: time.clock)
        var refusals: [Refusal] = []
        for _ in 0..<7 {
            let asked = time.now
            guard case .refused(let refusal) = try await ask(authenticator, "guess", from: "192.0.2.1") else {
                Issue.record("a wrong password was accepted")
                return
            }
            refusals.append(refusal)
            #expect(asked.duration(to: time.now) == Authenticator.refusalDelay)
        }
        #expect(refusals == Array(repeating: .wrongPassword, count: 6) + [.tooManyFailures])
        #expect(Set(refusals.map(\.shownToPeer)) == [.credentials])
        #expect(try await ask(authenticator, "secret", from: "192.0.2.1") != .refused(.wrongPassword))
        guard case .accepted = try await ask(authenticator, "secret", from: "198.51.100.9") else {
            Issue.record("the user is locked out everywhere")
            return
        }
        time.advance(by: .seconds(5))
        guard case .accepted = try await ask(authenticator, "secret", from: "192.0.2.1") else {
            Issue.record("the user is locked out for ever")
            return
        }
    }

    @Test func `answers that are held back are bounded`() async throws {
        let held = Mutex(0)
        let now = Instant(nanoseconds: 1_000_000_000_000)
        let never = Authenticator.Clock(now: { now }, call: { _, _ in held.withLock { $0 += 1 } })
        let authenticator = Authenticator(store: store, clock: never)
        let attempt = LoginAttempt(name: "nobody", defaultHub: hub, source: "192.0.2.1")
        let password = try ClearPassword("guess")
        let answers = AsyncStream<Verdict> { answers in
            for _ in 0..<Authenticator.maximumWaiting + 1 {
                authenticator.authenticate(attempt, password: password) { answers.yield($0) }
            }
        }
        var reasons: [Refusal] = []
        for await case .refused(let reason) in answers {
            reasons.append(reason)
            if reasons.count == Authenticator.maximumWaiting + 1 - Authenticator.maximumHeld { break }
        }
        #expect(held.withLock { $0 } == Authenticator.maximumHeld)
        #expect(Set(reasons) == [.tooManyFailures, .unavailable])
    }
}
