import Foundation
import OpenSSL
import Synchronization
import Testing

@testable import Accounts

@Suite struct AuthenticationTests {
    let state: TemporaryState
    let store: AccountStore

    init() throws {
        state = try TemporaryState()
        store = try state.open()
        try store.createHub(Hub(name: HubName("DEFAULT")))
        try store.createHub(Hub(name: HubName("Branch")))
    }

    private func refusal(_ verdict: Verdict) -> Refusal? {
        if case .refused(let refusal) = verdict { refusal } else { nil }
    }

    @Test func `the last at sign separates the hub, and case does not matter`() throws {
        let alice = try store.createUser("alice", "DEFAULT", "secret")
        let mail = try store.createUser("bob@example.org", "Branch", "other")
        #expect(try store.login("ALICE", "secret") == .accepted(alice))
        #expect(try store.login("Alice@default", "secret") == .accepted(alice))
        #expect(try store.login("bob@example.org@BRANCH", "other") == .accepted(mail))
        #expect(try store.login("bob@example.org", "other") == .refused(.unknownHub))
    }

    private func judged(
        _ identity: String, _ certificate: PresentedCertificate? = nil
    ) throws -> Verdict {
        store.authenticate(
            ikeIdentity: LoginAttempt(name: identity, defaultHub: try HubName("DEFAULT")),
            certificate: certificate)
    }

    @Test func `an IKE identity whose user has a certificate is proved by that one alone`() throws {
        var user = User(hub: try HubName("Branch"), name: try UserName("site1"))
        user.ikeIdentity = try IKEIdentity("CN=site 1,O=Office")
        try store.createUser(user, password: nil)
        let one = PresentedCertificate(commonName: "site 1", fingerprint: [UInt8](repeating: 1, count: 32))
        let other = PresentedCertificate(commonName: "site 1", fingerprint: [UInt8](repeating: 2, count: 32))
        for certificate in [nil, one, other] {
            let verdict = try judged("cn=Site 1,o=office", certificate)
            #expect(verdict == .accepted(try store.user(user.name, in: user.hub)))
        }
        try store.updateUser(user.name, in: user.hub) { $0.certificate = .fingerprint(one.fingerprint) }
        let changed = try store.user(user.name, in: user.hub)
        #expect(try judged("CN=site 1,O=Office", one) == .accepted(changed))
        #expect(try judged("CN=site 1,O=Office", other) == .refused(.certificateOfAnother))
        #expect(try judged("CN=site 1,O=Office") == .refused(.certificateRequired))
    }

    @Test func `an IKE identity stands for one user of all hubs, and case does not matter`() throws {
        let branch = try HubName("Branch")
        var user = User(hub: branch, name: try UserName("site1"))
        user.ikeIdentity = try IKEIdentity("Site-1.example")
        try store.createUser(user, password: nil)
        let site = try store.user(user.name, in: branch)
        #expect(site.ikeIdentity?.description == "Site-1.example")
        #expect(try judged("site-1.EXAMPLE") == .accepted(site))
        #expect(try judged("site-2.example") == .refused(.unknownUser))
        try store.createUser("alice", "DEFAULT", "secret")
        let taken = sentence {
            try store.updateUser(UserName("alice"), in: HubName("DEFAULT")) {
                $0.ikeIdentity = try IKEIdentity("SITE-1.example")
            }
        }
        #expect(taken.contains("stands for user \"site1\" of hub Branch already"))
        try store.updateUser(user.name, in: branch) { $0.isEnabled = false }
        #expect(try judged("site-1.example") == .refused(.userDisabled))
        try store.updateUser(user.name, in: branch) { $0.ikeIdentity = nil }
        #expect(try judged("site-1.example") == .refused(.unknownUser))
        try store.deleteUser(user.name, in: branch)
        for lie in ["", "two words", "a\"b", "new\nline", String(repeating: "a", count: 256)] {
            #expect(throws: AccountError.self) { try IKEIdentity(lie) }
        }
    }

    @Test func `the log learns why, the peer only that it was wrong`() throws {
        try store.createUser("alice", "DEFAULT", "secret")
        let refusals = try [
            store.login("alice@nowhere", "secret"), store.login("nobody", "secret"),
            store.login("alice", "Secret"),
            store.login("", "secret"), store.login("alice@", "secret"),
        ].map(refusal)
        #expect(refusals == [.unknownHub, .unknownUser, .wrongPassword, .unknownUser, .unknownHub])
        #expect(Set(refusals.map { $0?.shownToPeer }) == [.credentials])
    }

    @Test func `who is disabled or expired is told so only with the right password`() throws {
        let hub = try HubName("DEFAULT")
        let alice = try UserName("alice")
        let account = try store.createUser("alice", "DEFAULT", "secret")
        #expect(store.refusal(of: account) == nil)
        try store.updateUser(alice, in: hub) { $0.isEnabled = false }
        #expect(try store.login("alice", "secret") == .refused(.userDisabled))
        #expect(try store.login("alice", "wrong") == .refused(.wrongPassword))
        #expect(store.refusal(of: account) == .userDisabled)
        try store.updateUser(alice, in: hub) {
            $0.isEnabled = true
            $0.expires = Date(timeIntervalSinceNow: -1)
        }
        #expect(try store.login("alice", "secret") == .refused(.expired))
        try store.updateUser(alice, in: hub) { $0.expires = Date(timeIntervalSinceNow: 60) }
        try store.updateHub(hub) { $0.isEnabled = false }
        #expect(try store.login("alice", "secret") == .refused(.hubDisabled))
        try store.updateHub(hub) { $0.isEnabled = true }
        guard case .accepted = try store.login("alice", "secret") else {
            Issue.record("an enabled user of an enabled hub was refused")
            return
        }
    }

    @Test func `whose account has ended is found once its time has come`() throws {
        let later = Mutex(Date(timeIntervalSince1970: 1_000_000))
        let state = try TemporaryState()
        let store = try state.open(now: { later.withLock { $0 } })
        try store.createHub(Hub(name: HubName("DEFAULT")))
        let alice = try store.createUser("alice", "DEFAULT", "secret")
        try store.createUser("bob", "DEFAULT", "secret")
        func expire(_ seconds: Double) throws {
            try store.updateUser(alice.name, in: alice.hub) {
                $0.expires = Date(timeIntervalSince1970: 1_000_000 + seconds)
            }
        }
        func expired(since seconds: Double) throws -> [String] {
            try store.expired(since: Date(timeIntervalSince1970: 1_000_000 + seconds)).map {
                "\($0.user)@\($0.hub)"
            }
        }
        try expire(10)
        #expect(try expired(since: -100) == [])
        later.withLock { $0 += 10 }
        #expect(try expired(since: -100) == ["alice@DEFAULT"])
        #expect(store.refusal(of: alice) == .expired)
        #expect(try expired(since: 10) == [], "told before")
    }

    @Test func `a user of the same name is not the user that was deleted`() throws {
        let first = try store.createUser("alice", "DEFAULT", "secret")
        try store.deleteUser(first.name, in: first.hub)
        try store.createUser("alice", "DEFAULT", "secret")
        #expect(store.refusal(of: first) == .unknownUser)
    }

    @Test func `a new password ends the old one also where it was remembered`() throws {
        let alice = try store.createUser("alice", "DEFAULT", "old")
        #expect(try store.login("alice", "old") == .accepted(alice))
        #expect(try store.login("alice", "old") == .accepted(alice))
        try store.setPassword(ClearPassword("new"), of: alice.name, in: alice.hub)
        #expect(try store.login("alice", "old") == .refused(.wrongPassword))
        #expect(try store.login("alice", "new") == .accepted(alice))
    }

    @Test func `a right password is remembered and cheap, a wrong one never is`() throws {
        try store.createUser("alice", "DEFAULT", "secret")
        _ = try store.login("alice", "secret")
        let clock = ContinuousClock()
        let remembered = try clock.measure { _ = try store.login("alice", "secret") }
        let guessed = try clock.measure { _ = try store.login("alice", "guess") }
        let unknown = try clock.measure { _ = try store.login("nobody", "guess") }
        #expect(remembered < guessed / 3)
        #expect(unknown > guessed / 3)
    }

    @Test func `verdicts are forgotten when there are too many`() throws {
        var recent = try RecentVerdicts()
        let password = try ClearPassword("secret")
        for id in 0...Int64(RecentVerdicts.capacity) { recent.insert(password, for: id, "hash") }
        let known = (0...Int64(RecentVerdicts.capacity)).filter { recent.contains(password, for: $0, "hash") }
        #expect(known.count == RecentVerdicts.capacity)
        #expect(!recent.contains(password, for: known[0], "another hash"))
    }

    @Test func `a certificate stands for its user by fingerprint or by name`() throws {
        let print = [UInt8](repeating: 0xab, count: 32)
        let alice = try store.createUser("alice", "DEFAULT", nil)
        var bob = try User(hub: HubName("DEFAULT"), name: UserName("bob"))
        bob.certificate = try CertificateIdentity("SHA256:" + String(repeating: "AB:", count: 31) + "ab")
        try store.createUser(bob, password: nil)
        let hub = try HubName("DEFAULT")
        func judge(_ commonName: String?, _ fingerprint: [UInt8], _ name: String? = nil) -> Verdict {
            store.authenticate(
                LoginAttempt(name: name, defaultHub: hub),
                certificate: PresentedCertificate(commonName: commonName, fingerprint: fingerprint))
        }
        let other = [UInt8](repeating: 1, count: 32)
        #expect(judge("alice", other) == .accepted(alice))
        #expect(judge("carol", print) == .accepted(try store.user(bob.name, in: hub)))
        #expect(judge("carol", print, "carol") == .accepted(try store.user(bob.name, in: hub)))
        #expect(judge("carol", print, "dave") == .refused(.unknownUser))
        #expect(judge("carol", other) == .refused(.certificateUnknown))
        #expect(judge("alice", other, "bob") == .refused(.certificateUnknown))
        #expect(judge("alice", other, "alice@default") == .accepted(alice))
        #expect(try store.login("alice", "anything") == .refused(.certificateRequired))
    }

    @Test func `a certificate beside a password has to be the user's own`() throws {
        let print = [UInt8](repeating: 0xab, count: 32)
        let hub = try HubName("DEFAULT")
        let alice = try store.createUser("alice", "DEFAULT", "secret")
        try store.createUser("bob", "DEFAULT", nil)
        func judge(_ commonName: String, _ fingerprint: [UInt8], _ password: String = "secret") throws
            -> Verdict
        {
            store.authenticate(
                LoginAttempt(name: "alice", defaultHub: hub), password: try ClearPassword(password),
                certificate: PresentedCertificate(commonName: commonName, fingerprint: fingerprint))
        }
        #expect(try judge("anybody", print) == .accepted(alice), "the record names none")
        #expect(try judge("bob", print) == .refused(.certificateOfAnother))
        try store.updateUser(alice.name, in: hub) { $0.certificate = .fingerprint(print) }
        #expect(try judge("anybody", print) == .accepted(try store.user(alice.name, in: hub)))
        #expect(try judge("alice", [UInt8](repeating: 1, count: 32)) == .refused(.certificateOfAnother))
        #expect(try judge("anybody", print, "wrong") == .refused(.wrongPassword))
    }

    @Test func `who is asked again may be nobody else`() throws {
        let alice = try store.createUser("alice", "DEFAULT", "secret")
        let bob = try store.createUser("bob", "DEFAULT", "secret")
        let namesake = try store.createUser("alice", "Branch", "secret")
        func judge(_ name: String, _ known: User) throws -> Verdict {
            store.authenticate(
                LoginAttempt(name: name, defaultHub: try HubName("DEFAULT"), continues: known.id),
                password: try ClearPassword("secret"))
        }
        #expect(try judge("alice", alice) == .accepted(alice))
        #expect(try judge("bob", alice) == .refused(.anotherUser))
        #expect(try judge("alice@Branch", alice) == .refused(.anotherUser))
        #expect(try judge("alice@Branch", namesake) == .accepted(namesake))
        try store.deleteUser(bob.name, in: bob.hub)
        try store.createUser("bob", "DEFAULT", "secret")
        #expect(try judge("bob", bob) == .refused(.anotherUser), "another one of the same name")
    }

    @Test func `a database that cannot be read is no unknown hub`() throws {
        let alice = try store.createUser("alice", "DEFAULT", "secret")
        try store.pool.write { try $0.execute(sql: "ALTER TABLE hub RENAME TO gone") }
        #expect(try store.login("alice", "secret") == .refused(.unavailable))
        #expect(store.refusal(of: alice) == .unavailable)
        try store.pool.write { try $0.execute(sql: "ALTER TABLE gone RENAME TO hub") }
        try store.pool.write { try $0.execute(sql: "ALTER TABLE user RENAME COLUMN key TO gone") }
        #expect(try store.login("alice", "secret") == .refused(.unavailable))
    }

    @Test func `verdicts come from another thread, each once`() async throws {
        let alice = try store.createUser("alice", "DEFAULT", "secret")
        let authenticator = Authenticator(store: store)
        let hub = try HubName("DEFAULT")
        let password = try ClearPassword("secret")
        @Sendable func ask() async -> Verdict {
            await withCheckedContinuation { answer in
                let attempt = LoginAttempt(name: "alice", defaultHub: hub)
                authenticator.authenticate(attempt, password: password) {
                    answer.resume(returning: $0)
                }
            }
        }
        let verdicts = await withTaskGroup(of: Verdict.self) { group in
            for _ in 0..<8 { group.addTask { await ask() } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(verdicts == Array(repeating: .accepted(alice), count: 8))
    }

    @Test func `a password shows nothing of itself`() throws {
        let password = try ClearPassword("hunter2")
        var dumped = ""
        dump(password, to: &dumped)
        #expect(!"\(password) \(String(reflecting: password)) \(dumped)".contains("hunter2"))
    }

    @Test func `scrypt agrees with RFC 7914 §12`() throws {
        let text = "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf045/2o+7qQTk2l0Xjg4eTN+wQ"
        #expect(PasswordHash(text)?.cost == PasswordHash.cost)
        let hash = try PasswordHash(of: ClearPassword("secret"))
        #expect(PasswordHash(hash.description) == hash)
        let vector = PasswordHash.derive(
            SecretBytes(copying: Array("pleaseletmein".utf8)), salt: Array("SodiumChloride".utf8),
            cost: PasswordHash.cost)
        #expect(vector.hexadecimal == "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2")
    }

    @Test(arguments: [
        "", "$scrypt", "secret", "$scrypt$ln=30,r=8,p=1$AAAAAAAAAAA$",
        "$scrypt$ln=64,r=8,p=1$AAAAAAAAAAAA$AAAA",
        "$scrypt$ln=14,r=8,p=1$AAAAAAAAAAAA$AAAA", "$scrypt$ln=-1,r=8,p=1$AAAAAAAAAAAA$AAAA",
        "$scrypt$ln=20,r=32,p=16$AAAAAAAAAAAAAAAA$cCO9yzr9c0hGHAbNgf045/2o+7qQTk2l0Xjg4eTN+wQ",
        "$2y$ln=14,r=8,p=1$AAAAAAAAAAAAAAAA$cCO9yzr9c0hGHAbNgf045/2o+7qQTk2l0Xjg4eTN+wQ",
    ])
    func `a text that is no hash of ours is none`(text: String) {
        #expect(PasswordHash(text) == nil)
    }
}
