import Foundation
import MSCHAPv2
import OpenSSL
import Policy
import SoftEtherPassword
import Testing
import Wire

@testable import Accounts

/// Users who change their own password, by a protocol that does not show it.
@Suite struct PasswordChangeTests {
    let state: TemporaryState
    let store: AccountStore
    private let challenge = [UInt8](0..<20)

    init() throws {
        state = try TemporaryState()
        store = try state.open()
        try store.createHub(Hub(name: HubName("DEFAULT")))
        try store.createUser("alice", "DEFAULT", "old")
    }

    private func hash(_ password: String, of user: String = "alice") -> SoftEtherPassword {
        SoftEtherPassword(of: SecretBytes(copying: Array(password.utf8)), user: user)
    }

    private func ntHash(_ password: String) throws -> NTHash {
        try #require(try NTHash(ofPassword: SecretBytes(copying: Array(password.utf8))))
    }

    private func attempt(_ name: String = "alice") throws -> LoginAttempt {
        LoginAttempt(name: name, defaultHub: try HubName("DEFAULT"), source: "192.0.2.1")
    }

    private func change(
        _ old: String, to new: String, ntHash: NTHash? = nil, name: String = "alice"
    ) throws -> Judgement {
        store.changePassword(
            try attempt(name), softEtherProof: hash(old).proof(of: challenge), of: challenge,
            to: UnseenPassword(softEther: hash(new), ntHash: ntHash))
    }

    private func prove(_ password: String) throws -> Bool {
        let proof = hash(password).proof(of: challenge)
        return store.authenticate(try attempt(), softEtherProof: proof, of: challenge).isAcceptance
    }

    private func answer(_ password: String) throws -> Verdict {
        let exchange = try #require(
            MSCHAPv2Exchange(
                authenticatorChallenge: [UInt8](repeating: 1, count: 16),
                peerChallenge: [UInt8](repeating: 2, count: 16), userName: Array("alice".utf8)))
        let response = try exchange.ntResponse(ntHash(password))
        return store.authenticate(try attempt(), exchange, response: response).verdict
    }

    @Test func `the new password counts everywhere, and the old one nowhere`() throws {
        #expect(try store.login("alice", "old").isAcceptance, "a verdict that is remembered for a while")
        let changed = try change("old", to: "new", ntHash: ntHash("new"))
        #expect(changed.verdict.isAcceptance && changed.lost.isEmpty)
        #expect(try !prove("old") && prove("new"))
        #expect(try answer("old") == .refused(.wrongPassword))
        #expect(try answer("new").isAcceptance)
        #expect(try store.login("alice", "old") == .refused(.wrongPassword))
        #expect(try store.login("ALICE@default", "new").isAcceptance)
        #expect(try store.user(UserName("alice"), in: HubName("DEFAULT")).hasPassword)
    }

    @Test func `what the client does not tell is lost, and comes back with a login in the clear`() throws {
        let changed = try change("old", to: "new")
        #expect(changed.verdict.isAcceptance && changed.lost == [.ntHash])
        #expect(try answer("old") == .refused(.noVerifier))
        #expect(try answer("new") == .refused(.noVerifier))
        #expect(try store.login("alice", "old") == .refused(.wrongPassword))
        #expect(try answer("new") == .refused(.noVerifier), "what was wrong teaches nothing")
        #expect(try storedHash().hasPrefix("$scrypt-softether$"))
        #expect(try store.login("alice", "new").isAcceptance)
        #expect(try answer("new").isAcceptance)
        #expect(try storedHash().hasPrefix("$scrypt$"))
        #expect(try store.login("alice", "new").isAcceptance && prove("new"))
    }

    private func storedHash() throws -> String {
        try store.read { database in
            let hub = try AccountStore.hub(HubName("DEFAULT"), database)
            return try AccountStore.user(UserName("alice"), in: hub, database).password ?? ""
        }
    }

    @Test func `kinds that the server does not keep are not kept of a new password either`() throws {
        let other = try TemporaryState()
        let store = try other.open(verifiers: [.softEther])
        try store.createHub(Hub(name: HubName("DEFAULT")))
        let alice = try store.createUser("alice", "DEFAULT", "old")
        let changed = store.changePassword(
            try attempt(), softEtherProof: hash("old").proof(of: challenge), of: challenge,
            to: UnseenPassword(softEther: hash("new"), ntHash: try ntHash("new")))
        #expect(changed.verdict.isAcceptance && changed.lost.isEmpty)
        #expect(try store.verifier(.ntHash, of: alice) == nil)
    }

    @Test func `who cannot prove the old password changes nothing`() throws {
        for (old, name, refusal) in [
            ("wrong", "alice", Refusal.wrongPassword), ("old", "nobody", .unknownUser),
            ("old", "alice@nowhere", .unknownHub),
        ] {
            #expect(try change(old, to: "new", name: name).verdict == .refused(refusal))
        }
        try store.createUser("carol", "DEFAULT", nil)
        #expect(try change("old", to: "new", name: "carol").verdict == .refused(.noVerifier))
        try store.updateUser(UserName("alice"), in: HubName("DEFAULT")) { $0.isEnabled = false }
        #expect(try change("old", to: "new").verdict == .refused(.userDisabled))
        try store.updateUser(UserName("alice"), in: HubName("DEFAULT")) { $0.isEnabled = true }
        #expect(try prove("old"))
    }

    @Test func `policy may keep users from it, and nobody gets an empty password`() throws {
        #expect(try change("old", to: "").verdict == .refused(.passwordEmpty))
        try store.updateHub(HubName("DEFAULT")) { try $0.policy.set("change-password=no") }
        #expect(try change("old", to: "new").verdict == .refused(.passwordFixed))
        #expect(try prove("old") && answer("old").isAcceptance)
        try store.updateUser(UserName("alice"), in: HubName("DEFAULT")) {
            try $0.policy.set("change-password=yes")
        }
        #expect(try change("old", to: "new").verdict.isAcceptance)
    }

    @Test func `a password of the administrator's that comes meanwhile stays`() throws {
        let alice = try store.user(UserName("alice"), in: HubName("DEFAULT"))
        let proof = hash("old").proof(of: challenge)
        let before = try #require(
            try store.read { try AccountStore.sealedVerifier(.softEther, of: alice, $0) })
        #expect(store.accepts(proof, of: challenge, before, of: alice))
        try store.setPassword(ClearPassword("admin"), of: alice.name, in: alice.hub)
        let after = try #require(
            try store.read { try AccountStore.sealedVerifier(.softEther, of: alice, $0) })
        #expect(!store.accepts(proof, of: challenge, after, of: alice), "as the transaction asks once more")
        #expect(try change("old", to: "new").verdict == .refused(.wrongPassword))
        #expect(try store.login("alice", "admin").isAcceptance)
        let stale = AccountStore.StoredUser(
            user: alice, password: try PasswordHash(of: hash("old")).description)
        store.learn(try ClearPassword("old"), of: stale)
        #expect(try !prove("old") && prove("admin"), "nor does a late login bring the old one back")
    }

    @Test func `a changed password goes with an exported file`() throws {
        _ = try change("old", to: "new")
        let text = try store.export()
        #expect(text.contains("$scrypt-softether$"))
        let other = try TemporaryState()
        let elsewhere = try other.open()
        _ = try elsewhere.apply(text)
        #expect(try elsewhere.login("alice", "old") == .refused(.wrongPassword))
        #expect(try elsewhere.login("alice", "new").isAcceptance)
    }

    @Test func `guesses at the old password are counted as those of logins are`() async throws {
        let authenticator = Authenticator(
            store: store, clock: .init(now: { Instant(nanoseconds: 1 << 40) }, call: { _, body in body() }))
        let new = UnseenPassword(softEther: hash("new"))
        func change(_ old: String) async throws -> Verdict {
            let (attempt, proof) = (try attempt(), hash(old).proof(of: challenge))
            return await withCheckedContinuation { continuation in
                authenticator.changePassword(attempt, softEtherProof: proof, of: challenge, to: new) {
                    verdict, _ in continuation.resume(returning: verdict)
                }
            }
        }
        for _ in 0..<6 { #expect(try await change("wrong") == .refused(.wrongPassword)) }
        #expect(try await change("old") == .refused(.tooManyFailures))
        #expect(try prove("old"))
    }
}

extension Verdict {
    fileprivate var isAcceptance: Bool { if case .accepted = self { true } else { false } }
}
