import Foundation
import Synchronization
import Testing

@testable import Accounts

@Suite struct PreSharedKeyTests {
    private let state: TemporaryState
    private let store: AccountStore
    private let hub: HubName

    init() throws {
        state = try TemporaryState()
        store = try state.open()
        hub = try HubName("Office")
        try store.createHub(Hub(name: hub))
    }

    private func addSite(_ name: String, identity: String, key: String? = nil) throws {
        var user = User(hub: hub, name: try UserName(name))
        user.ikeIdentity = try IKEIdentity(identity)
        user.preSharedKey = try key.map { try store.seal(PreSharedKey($0)) }
        try store.createUser(user, password: nil)
    }

    /// A key a line.
    private func keys(_ store: AccountStore) throws -> [String] {
        try store.peerKeys().map { key in
            "\(key.identity ?? "*") \(key.hub) \(String(decoding: key.key, as: UTF8.self))"
        }.sorted()
    }

    @Test func `a user's key counts more than the hub's, and a hub's is found by its name too`() throws {
        try addSite("one", identity: "one.example", key: "the key of one")
        try addSite("two", identity: "two.example")
        #expect(try keys(store) == ["one.example Office the key of one"])
        try store.updateHub(hub) { $0.preSharedKey = try store.seal(PreSharedKey("key of the hub")) }
        #expect(
            try keys(store) == [
                "* Office key of the hub", "Office Office key of the hub",
                "one.example Office the key of one",
                "two.example Office key of the hub",
            ])
        try addSite("three", identity: "OFFICE")
        #expect(
            try keys(store).filter { $0.lowercased().hasPrefix("office ") } == [
                "OFFICE Office key of the hub"
            ])
        try store.deleteHub(hub)
        #expect(try keys(store).isEmpty)
    }

    @Test func `a key without an identity, and one that is guessed, are refused`() throws {
        try store.createUser("alice", "Office", "secret")
        let refusal = sentence {
            try store.updateUser(UserName("alice"), in: hub) {
                $0.preSharedKey = try store.seal(PreSharedKey("long enough"))
            }
        }
        #expect(refusal.contains("\"alice\" has no IKE identity"))
        for text in ["", "seven77", "eight\u{7}7", String(repeating: "a", count: 256)] {
            #expect(sentence { _ = try PreSharedKey(text) }.contains("8 to 255 octets"))
        }
    }

    @Test func `keys are sealed in the database, and in the clear in a file that makes them again`() throws {
        try store.updateHub(hub) { $0.preSharedKey = try store.seal(PreSharedKey("key \"of\" the hub")) }
        try addSite("one", identity: "one.example", key: "the key of one")
        let path = state.path + "/" + AccountStore.fileName
        for suffix in ["", "-wal"] {
            guard let octets = FileManager.default.contents(atPath: path + suffix) else { continue }
            #expect(octets.range(of: Data("the key of one".utf8)) == nil)
        }
        let file = try store.export()
        #expect(file.contains("psk = \"key \\\"of\\\" the hub\"\n"))
        #expect(file.contains("ike_id = \"one.example\"\npsk = \"the key of one\"\n"))
        #expect(try store.apply(file) == AppliedChanges())
        let other = try TemporaryState()
        let copy = try other.open()
        _ = try copy.apply(file)
        #expect(try keys(copy) == keys(store))
        #expect(try copy.apply(file) == AppliedChanges())
        let changed = try copy.apply(file.replacing("the key of one", with: "another key"))
        #expect(changed.changed == ["user one@Office"])
        #expect(try keys(copy).contains("one.example Office another key"))
    }

    @Test func `whoever keeps the keys hears when they, or their owners, are others`() throws {
        let heard = Mutex(0)
        let observation = store.observe { change in
            if change == .peerKeysChanged { heard.withLock { $0 += 1 } }
        }
        func count() -> Int { heard.withLock { $0 } }
        try store.createUser("alice", "Office", "secret")
        try store.updateHub(hub) { $0.note = "new" }
        #expect(count() == 0)
        try addSite("one", identity: "one.example", key: "the key of one")
        #expect(count() == 1)
        let name = try UserName("one")
        try store.updateUser(name, in: hub) { $0.note = "new" }
        #expect(count() == 1)
        try store.updateUser(name, in: hub) { $0.ikeIdentity = try IKEIdentity("two.example") }
        try store.updateHub(hub) { $0.preSharedKey = try store.seal(PreSharedKey("key of the hub")) }
        try store.deleteUser(name, in: hub)
        #expect(count() == 4)
        withExtendedLifetime(observation) {}
    }
}
