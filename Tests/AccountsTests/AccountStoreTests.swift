import Foundation
import GRDB
import OpenSSL
import Synchronization
import Testing
import Wire

@testable import Accounts

@Suite struct AccountStoreTests {
    let state: TemporaryState
    let hub: HubName

    init() throws {
        state = try TemporaryState()
        hub = try HubName("Office")
    }

    private func openWithHub() throws -> AccountStore {
        let store = try state.open()
        try store.createHub(Hub(name: hub))
        return store
    }

    @Test func `all files are the owner's alone`() throws {
        let store = try openWithHub()
        try store.setSecret([1], "x")
        for name in [
            "polyhub.sqlite", "polyhub.sqlite-wal", "polyhub.sqlite-shm", "secret.key", "polyhub.lock",
        ] {
            #expect(try mode(of: state.path + "/" + name) == 0o600, "\(name)")
        }
    }

    @Test func `a second server is refused the directory while the first one has it`() throws {
        let first = try StateDirectory(claiming: state.path)
        #expect(
            sentence { _ = try StateDirectory(claiming: state.path) }.hasPrefix("another polyhubd runs on"))
        #expect(first.path == state.path)
    }

    @Test func `the disk is flushed before a command is acknowledged`() throws {
        let store = try openWithHub()
        let (journal, synchronous) = try store.pool.writeWithoutTransaction { database in
            (
                try String.fetchOne(database, sql: "PRAGMA journal_mode"),
                try Int.fetchOne(database, sql: "PRAGMA synchronous")
            )
        }
        #expect(journal == "wal")
        #expect(synchronous == 2)
    }

    @Test func `what was acknowledged is there in a copy taken the next moment`() throws {
        let store = try openWithHub()
        try store.createUser("alice", "office", "secret")
        // What a kill leaves: the files as they are, nobody having closed them.
        let copy = try TemporaryState()
        for name in ["polyhub.sqlite", "polyhub.sqlite-wal", "secret.key"] {
            try FileManager.default.copyItem(atPath: state.path + "/" + name, toPath: copy.path + "/" + name)
        }
        let reopened = try copy.open()
        #expect(try reopened.users(in: hub).map(\.name.description) == ["alice"])
        #expect(
            try reopened.login("alice@OFFICE", "secret") == .accepted(store.user(UserName("alice"), in: hub)))
    }

    @Test func `names that differ in case are one name, as it was first written`() throws {
        let store = try openWithHub()
        #expect(sentence { try store.createHub(Hub(name: try HubName("oFFICE"))) }.contains("already"))
        try store.createUser("Ünal", "office", "a")
        #expect(sentence { try store.createUser("u\u{308}NAL", "office", "a") }.contains("already"))
        #expect(try store.users(in: HubName("OFFICE")).map(\.name.description) == ["Ünal"])
        #expect(try store.hub(HubName("office")).name.description == "Office")
    }

    @Test(arguments: [
        "", ".", "..", ".x", "a/b", "a@b", "a b", "ä", "a\n", String(repeating: "a", count: 65),
    ])
    func `what cannot be a hub's name is refused`(text: String) {
        #expect(sentence { _ = try HubName(text) }.contains("cannot be a hub's name"))
    }

    @Test(arguments: ["", " a", "a ", "a\u{0}b", "a\nb", "a\u{202e}b", String(repeating: "a", count: 256)])
    func `what cannot be a user's name is refused`(text: String) {
        #expect(sentence { _ = try UserName(text) }.contains("cannot be a name"))
    }

    @Test func `what is not there is named together with what is`() throws {
        let store = try openWithHub()
        #expect(
            sentence { _ = try store.hub(try HubName("Home")) }
                == "there is no hub \"Home\": accepted are Office")
        #expect(
            sentence { _ = try store.user(try UserName("bob"), in: hub) }
                == "there is no user \"bob\" in hub Office: it has none")
    }

    @Test func `a database of the first version is brought up to date`() throws {
        let path = state.path + "/" + AccountStore.fileName
        let first = try DatabaseQueue(path: path)
        try Schema.migrator.migrate(first, upTo: "1")
        try first.write { database in
            try database.execute(sql: "INSERT INTO hub (name, key, note, enabled) VALUES ('A', 'a', '', 1)")
            try database.execute(
                sql: """
                    INSERT INTO user (hub, name, key, note, enabled, address)
                    VALUES (1, 'bob', 'bob', '', 1, 3232243210)
                    """)
        }
        try first.close()
        let store = try state.open()
        let bob = try store.user(UserName("bob"), in: HubName("A"))
        #expect(bob.addressText == "192.168.30.10")
        #expect(bob.policy.isEmpty)
    }

    @Test(arguments: [
        ("10.1.2.3/16", "10.1.2.3/16"), ("10.1.2.3", "10.1.2.3"), ("", nil), ("10.1.2.2/31", "10.1.2.2/31"),
    ]) func `an address is kept with the prefix that it was given`(text: String, kept: String?) throws {
        let store = try openWithHub()
        try store.createUser("alice", "Office", "a")
        try store.updateUser(UserName("alice"), in: hub) { try $0.setAddress(text) }
        #expect(try store.user(UserName("alice"), in: hub).addressText == kept)
        let exported = try store.export()
        #expect(exported.contains("address = ") == (kept != nil))
        _ = try store.apply(exported)
        #expect(try store.user(UserName("alice"), in: hub).addressText == kept)
    }

    @Test(arguments: ["10.1.0.0/16", "10.1.255.255/16", "10.1.2.3/33", "10.1.2.3/0", "10.1.2", "x"])
    func `what is no host's address is refused`(text: String) throws {
        var user = User(hub: hub, name: try UserName("a"))
        #expect(sentence { try user.setAddress(text) }.contains("is accepted"))
        #expect(user.address == nil)
    }

    @Test func `an address or a certificate belongs to one user of a hub`() throws {
        let store = try openWithHub()
        try store.createHub(Hub(name: HubName("Other")))
        let address = IPv4Address(0xc0a8_1e32)
        let fields: (inout User) throws -> Void = {
            $0.address = address
            $0.certificate = try CertificateIdentity("laptop")
        }
        try store.createUser("alice", "Office", "a")
        try store.createUser("bob", "Office", "b")
        try store.createUser("carol", "Other", "c")
        try store.updateUser(UserName("alice"), in: hub, fields)
        #expect(
            sentence { try store.updateUser(try UserName("bob"), in: hub, fields) }
                .contains("192.168.30.50 belongs to user \"alice\""))
        #expect(
            sentence {
                try store.updateUser(try UserName("bob"), in: hub) { $0.certificate = .commonName("laptop") }
            }
            .contains("stands for user \"alice\""))
        try store.updateUser(UserName("carol"), in: HubName("Other"), fields)
    }

    @Test func `a group comes with its first member and leaves its members behind`() throws {
        let store = try openWithHub()
        try store.createUser("alice", "Office", "a")
        let alice = try UserName("alice")
        let staff = try UserName("Staff")
        try store.updateUser(alice, in: hub) { $0.group = staff }
        #expect(try store.groups(in: hub).map(\.members) == [1])
        try store.deleteGroup(UserName("staff"), in: hub)
        #expect(try store.user(alice, in: hub).group == nil)
        #expect(sentence { try store.deleteGroup(staff, in: hub) }.contains("it has none"))
    }

    @Test func `a hub goes with all that is in it`() throws {
        let store = try openWithHub()
        try store.createUser("alice", "Office", "a")
        try store.addBridge(Bridge(hub: hub, kind: .tap, device: "tap0"))
        try store.setNAT(NATSettings(), of: hub)
        try store.deleteHub(hub)
        try store.createHub(Hub(name: hub))
        #expect(try store.users(in: hub).isEmpty)
        #expect(try store.bridges(of: hub).isEmpty)
        #expect(try store.nat(of: hub) == nil)
    }

    @Test func `a device is a bridge of one hub`() throws {
        let store = try openWithHub()
        try store.createHub(Hub(name: HubName("Other")))
        try store.addBridge(Bridge(hub: hub, kind: .interface, device: "eth1"))
        #expect(
            sentence { try store.addBridge(try Bridge(hub: HubName("Other"), kind: .tap, device: "eth1")) }
                == "\"eth1\" is a bridge of hub Office already: a device that belongs to no hub is accepted")
        #expect(sentence { try store.removeBridge("eth2", from: hub) }.contains("accepted are eth1"))
        for name in ["", "..", "a/b", "a b", "sixteen-bytes-xx"] {
            #expect(throws: AccountError.self) { try Bridge(hub: hub, kind: .tap, device: name) }
        }
    }

    @Test(arguments: [
        "", "192.168.30.1", "192.168.30.0/24", "192.168.30.255/24", "10.0.0.1/31", "10.0.0.1/7", "1.2.3/8",
    ])
    func `what is not a router's network is refused`(text: String) {
        #expect(sentence { _ = try RouterNetwork(text) }.contains("one like 192.168.30.1/24 is accepted"))
    }

    @Test func `changes are told after they are made, and no longer than wanted`() throws {
        let store = try openWithHub()
        let seen = Mutex<[AccountChange]>([])
        let alice = try UserName("alice")
        var observation: AccountObservation? = store.observe { change in seen.withLock { $0.append(change) } }
        try store.createUser("alice", "Office", "a")
        try store.setPassword(ClearPassword("b"), of: alice, in: hub)
        #expect(throws: AccountError.self) { try store.createUser("alice", "Office", "a") }
        try store.deleteUser(alice, in: hub)
        try store.deleteHub(hub)
        #expect(
            seen.withLock { $0 }
                == [
                    .userCreated(hub, alice), .userChanged(hub, alice), .userDeleted(hub, alice),
                    .hubDeleted(hub),
                ])
        withExtendedLifetime(observation) {}
        observation = nil
        try store.createHub(Hub(name: hub))
        #expect(seen.withLock { $0.count } == 4)
    }

    @Test func `leases are kept across restarts until they run out`() throws {
        let mac = MACAddress(0x0200_0000_0001)
        let leases = [
            Lease(
                address: IPv4Address(0xc0a8_1e0a), client: [1, 2, 3], mac: mac, expires: 2000,
                hostname: "laptop"),
            Lease(address: IPv4Address(0xc0a8_1e0b), client: [4], mac: mac, expires: 1500, hostname: ""),
            Lease(address: IPv4Address(0xfe00_0001), client: [5], mac: mac, expires: 3000, hostname: ""),
        ]
        do {
            let store = try openWithHub()
            try store.recordLeases(leases, in: hub)
            try store.recordLeases([], returned: [leases[2].address], in: hub)
        }
        let later = try state.open(now: { Date(timeIntervalSince1970: 1600) })
        #expect(try later.leases(in: hub) == [leases[0]])
    }

    @Test func `a secret is not in the file as it is, and opens with its own key and name alone`() throws {
        let secret = Array("a very secret key of some module".utf8)
        do {
            let store = try openWithHub()
            try store.setSecret(secret, "openvpn/key")
            #expect(try store.secret("openvpn/key") == secret)
            #expect(try store.secret("other") == nil)
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: state.path) {
            let data = FileManager.default.contents(atPath: state.path + "/" + name) ?? Data()
            #expect(data.range(of: Data(secret)) == nil, "\(name)")
        }
        _ = FileManager.default.createFile(
            atPath: state.path + "/secret.key", contents: Data(repeating: 7, count: 32))
        #expect(
            sentence { _ = try state.open().secret("openvpn/key") }.contains("does not open with the key"))
    }

    @Test func `a sealed secret refuses every changed bit and another name`() throws {
        let box = SecretBox(key: SecretBytes(copying: [UInt8](repeating: 3, count: 32)))
        let sealed = try box.seal([1, 2, 3], for: "a")
        #expect(try box.open(sealed, for: "a") == [1, 2, 3])
        #expect(try box.open(sealed, for: "b") == nil)
        for bit in 0..<sealed.count * 8 {
            var changed = sealed
            changed[bit / 8] ^= 1 << (bit % 8)
            #expect(try box.open(changed, for: "a") == nil)
        }
        for length in 0..<sealed.count {
            #expect(try box.open(Array(sealed.prefix(length)), for: "a") == nil)
        }
    }

    @Test func `many threads read and write at once`() async throws {
        let store = try openWithHub()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<16 {
                let hub = hub
                group.addTask {
                    try store.createUser("user\(index)", "Office", nil)
                    _ = try store.users(in: hub)
                    try store.updateUser(UserName("user\(index)"), in: hub) { $0.note = "n\(index)" }
                }
            }
            try await group.waitForAll()
        }
        #expect(Set(try store.users(in: hub).map(\.note)) == Set((0..<16).map { "n\($0)" }))
    }

    @Test func `a file that is no database is refused by its name`() throws {
        _ = FileManager.default.createFile(
            atPath: state.path + "/polyhub.sqlite", contents: Data(repeating: 0x41, count: 5000))
        #expect(sentence { _ = try state.open() }.contains("polyhub.sqlite\" cannot be used"))
    }
}
