import Foundation
import GRDB
import MSCHAPv2
import OpenSSL
import SoftEtherPassword
import Testing

@testable import Accounts

@Suite struct VerifierTests {
    let state: TemporaryState

    init() throws { state = try TemporaryState() }

    private func opened(_ verifiers: Set<VerifierKind> = Set(VerifierKind.allCases)) throws -> AccountStore {
        let store = try state.open(verifiers: verifiers)
        if (try? store.hub(HubName("DEFAULT"))) == nil { try store.createHub(Hub(name: HubName("DEFAULT"))) }
        return store
    }

    /// A peer that knows `password` answers a challenge under `name`.
    private func answer(
        _ store: AccountStore, _ name: String, _ password: String
    ) throws -> (verdict: Verdict, proof: MSCHAPv2Proof?) {
        let exchange = try #require(
            MSCHAPv2Exchange(
                authenticatorChallenge: [UInt8](repeating: 1, count: 16),
                peerChallenge: [UInt8](repeating: 2, count: 16), userName: Array(name.utf8)))
        let hash = try #require(try NTHash(ofPassword: SecretBytes(copying: Array(password.utf8))))
        let judgement = store.authenticate(
            LoginAttempt(name: name, defaultHub: try HubName("DEFAULT")), exchange,
            response: try exchange.ntResponse(hash))
        return (judgement.verdict, judgement.proof)
    }

    @Test func `a password proves itself by MS-CHAPv2`() throws {
        let store = try opened()
        let alice = try store.createUser("alice", "DEFAULT", "secret")
        let (verdict, proof) = try answer(store, "alice@default", "secret")
        #expect(verdict == .accepted(alice))
        #expect(proof?.authenticatorResponse.count == 20)
        #expect(try answer(store, "alice", "secret").verdict == .accepted(alice))
        #expect(try answer(store, "DEFAULT\\alice", "secret").verdict == .accepted(alice))
    }

    @Test func `who is wrong, unknown or disabled gets no proof`() throws {
        let store = try opened()
        try store.createUser("alice", "DEFAULT", "secret")
        for (name, password, refusal) in [
            ("alice", "wrong", Refusal.wrongPassword), ("nobody", "secret", .unknownUser),
            ("alice@nowhere", "secret", .unknownHub),
        ] {
            let (verdict, proof) = try answer(store, name, password)
            #expect(verdict == .refused(refusal))
            #expect(proof == nil)
        }
        try store.updateUser(UserName("alice"), in: HubName("DEFAULT")) { $0.isEnabled = false }
        let (verdict, proof) = try answer(store, "alice", "secret")
        #expect(verdict == .refused(.userDisabled))
        #expect(proof == nil)
    }

    @Test func `a new password takes the place of the old one`() throws {
        let store = try opened()
        let alice = try store.createUser("alice", "DEFAULT", "old")
        try store.setPassword(ClearPassword("new"), of: alice.name, in: alice.hub)
        #expect(try answer(store, "alice", "old").verdict == .refused(.wrongPassword))
        #expect(try answer(store, "alice", "new").verdict == .accepted(alice))
    }

    @Test func `what is kept is sealed, and opens for its own user alone`() throws {
        let store = try opened()
        let alice = try store.createUser("alice", "DEFAULT", "secret")
        let bob = try store.createUser("bob", "DEFAULT", "other")
        let plain = try #require(try NTHash(ofPassword: SecretBytes(copying: Array("secret".utf8))))
        let sealed = try store.read { database in
            try Data.fetchAll(database, sql: "SELECT sealed FROM verifier ORDER BY user, kind")
        }
        let hash = SoftEtherPassword(of: SecretBytes(copying: Array("secret".utf8)), user: "alice")
        #expect(sealed.count == 4)
        #expect(!sealed.contains { $0.range(of: Data(plain.octets)) != nil })
        #expect(!sealed.contains { $0.range(of: Data(hash.octets)) != nil })
        try store.write { database, _ in
            try database.execute(
                sql: "UPDATE verifier SET sealed = ? WHERE user = ?", arguments: [sealed[0], bob.id])
        }
        #expect(try answer(store, "bob", "secret").verdict == .refused(.noVerifier))
        #expect(try answer(store, "alice", "secret").verdict == .accepted(alice))
    }

    @Test func `what is not allowed any more is deleted, and comes back at the next clear login`() throws {
        var store: AccountStore? = try opened()
        let alice = try #require(try store?.createUser("alice", "DEFAULT", "secret"))
        store = nil
        var strict: AccountStore? = try opened([])
        #expect(try answer(#require(strict), "alice", "secret").verdict == .refused(.noVerifier))
        #expect(try strict?.login("alice", "secret") == .accepted(alice))
        #expect(try answer(#require(strict), "alice", "secret").verdict == .refused(.noVerifier))
        strict = nil
        let again = try opened()
        #expect(try answer(again, "alice", "secret").verdict == .refused(.noVerifier))
        #expect(try again.login("alice", "wrong") == .refused(.wrongPassword))
        #expect(try answer(again, "alice", "secret").verdict == .refused(.noVerifier))
        #expect(try again.login("alice", "secret") == .accepted(alice))
        #expect(try answer(again, "alice", "secret").verdict == .accepted(alice))
    }

    @Test func `an applied file gives them where it has the password, and takes what is of another one`()
        throws
    {
        let store = try opened()
        try store.createUser("alice", "DEFAULT", "secret")
        _ = try store.apply(try store.export())
        #expect(try answer(store, "alice", "secret").proof != nil)
        _ = try store.apply(
            """
            format = 1
            [[hub]]
            name = "DEFAULT"
            [[hub.user]]
            name = "alice"
            password = "third"
            [[hub.user]]
            name = "bob"
            password = "fourth"
            """)
        #expect(try answer(store, "alice", "secret").verdict == .refused(.wrongPassword))
        #expect(try answer(store, "alice", "third").proof != nil)
        #expect(try answer(store, "bob", "fourth").proof != nil)
    }

    @Test func `a password proves itself by SoftEther's hash`() throws {
        let store = try opened()
        let alice = try store.createUser("Alice", "DEFAULT", "secret")
        func show(
            _ name: String, _ password: String, _ challenge: [UInt8] = [UInt8](0...19)
        ) throws -> Verdict {
            let user = String(name.prefix { $0 != "@" })
            let secret = SoftEtherPassword(of: SecretBytes(copying: Array(password.utf8)), user: user)
            return store.authenticate(
                LoginAttempt(name: name, defaultHub: try HubName("DEFAULT")),
                softEtherProof: secret.proof(of: challenge), of: challenge)
        }
        #expect(try show("alice@default", "secret") == .accepted(alice))
        #expect(try show("ALICE", "secret") == .accepted(alice))
        #expect(try show("alice", "wrong") == .refused(.wrongPassword))
        #expect(try show("nobody", "secret") == .refused(.unknownUser))
        #expect(try show("alice@nowhere", "secret") == .refused(.unknownHub))
        #expect(try show("alice", "secret", []) == .refused(.wrongPassword))
        try store.setPassword(ClearPassword("new"), of: alice.name, in: alice.hub)
        #expect(try show("alice", "secret") == .refused(.wrongPassword))
        #expect(try show("alice", "new") == .accepted(alice))
        try store.updateUser(alice.name, in: alice.hub) { $0.isEnabled = false }
        #expect(try show("alice", "new") == .refused(.userDisabled))
    }

    @Test func `a deleted user leaves nothing behind`() throws {
        let store = try opened()
        let alice = try store.createUser("alice", "DEFAULT", "secret")
        try store.deleteUser(alice.name, in: alice.hub)
        let left = try store.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM verifier") }
        #expect(left == 0)
    }
}
