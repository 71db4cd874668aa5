import Foundation
import Policy
import Synchronization
import Testing
import Wire

@testable import Accounts

@Suite struct StateDocumentTests {
    let state: TemporaryState
    let store: AccountStore
    let office: HubName

    init() throws {
        state = try TemporaryState()
        store = try state.open()
        office = try HubName("Office")
        var hub = Hub(name: office)
        hub.note = "the \"main\" one\\\n\u{7f} ü"
        try store.createHub(hub)
        try store.createHub(Hub(name: HubName("Guests")))
        try store.updateHub(HubName("Guests")) { $0.isEnabled = false }
        try store.createUser("alice@example.org", "Office", "secret")
        try store.createUser("Bob", "Office", nil)
        try store.updateUser(UserName("alice@example.org"), in: office) { user in
            user.group = try UserName("staff")
            user.expires = try Expiry("2099-12-31").moment
            user.address = IPv4Address(0xc0a8_1e32)
            user.note = "first"
        }
        try store.updateUser(UserName("Bob"), in: office) { $0.ikeIdentity = try IKEIdentity("bob.example") }
        try store.createGroup(
            UserName("empty"), note: "nobody", policy: PolicySettings(text: "router=yes macs=9"), in: office)
        try store.updateHub(office) { try $0.policy.set("broadcasts=100") }
        try store.updateUser(UserName("Bob"), in: office) { try $0.policy.set("dhcp-server=no") }
        try store.addBridge(Bridge(hub: office, kind: .tap, device: "tap_office"))
        try store.addBridge(Bridge(hub: office, kind: .interface, device: "eth1"))
        try store.setNAT(
            NATSettings(network: RouterNetwork("10.1.0.1/16"), engine: .kernel, isEnabled: false),
            of: HubName("Guests"))
    }

    @Test func `what is exported can be read by a person`() throws {
        let text = try store.export()
        let shown = text.split(separator: "\n").filter { !$0.hasPrefix("#") && !$0.contains("password_hash") }
        #expect(
            shown.joined(separator: "\n") == #"""
                format = 1
                [[hub]]
                name = "Guests"
                enabled = false
                [hub.nat]
                network = "10.1.0.1/16"
                engine = "kernel"
                enabled = false
                [[hub]]
                name = "Office"
                note = "the \"main\" one\\\u000a\u007f ü"
                policy = { broadcasts = 100 }
                [[hub.group]]
                name = "empty"
                note = "nobody"
                policy = { router = true, macs = 9 }
                [[hub.group]]
                name = "staff"
                [[hub.user]]
                name = "alice@example.org"
                group = "staff"
                note = "first"
                expires = "2100-01-01T00:00:00Z"
                address = "192.168.30.50"
                [[hub.user]]
                name = "Bob"
                certificate = "Bob"
                ike_id = "bob.example"
                policy = { dhcp-server = false }
                [[hub.bridge]]
                interface = "eth1"
                [[hub.bridge]]
                tap = "tap_office"
                """#)
        #expect(!text.contains("secret"))
    }

    @Test func `a server that is given another's file is the same, passwords too`() throws {
        let text = try store.export()
        let other = try TemporaryState()
        let copy = try other.open()
        let report = try copy.apply(text)
        #expect(report.changed.isEmpty && report.deleted.isEmpty && report.created.count == 9)
        #expect(try copy.export() == text)
        guard case .accepted(let user) = try copy.login("alice@example.org@office", "secret") else {
            Issue.record("the password was lost on the way")
            return
        }
        #expect(user.address == IPv4Address(0xc0a8_1e32))
    }

    @Test func `a file that says what is there changes nothing and tells nobody`() throws {
        let told = Mutex(0)
        let observation = store.observe { _ in told.withLock { $0 += 1 } }
        let before = try store.users(in: office)
        #expect(try store.apply(store.export()) == AppliedChanges())
        #expect(try store.users(in: office) == before)
        #expect(told.withLock { $0 } == 0)
        withExtendedLifetime(observation) {}
    }

    @Test func `what it changes it says, by name, and tells the observers`() throws {
        let changes = Mutex<[AccountChange]>([])
        let observation = store.observe { change in changes.withLock { $0.append(change) } }
        let report = try store.apply(
            """
            format = 1
            [[hub]]
            name = "office"
            [[hub.user]]
            name = "Bob"
            password = "new"
            [[hub.user]]
            name = "carol"
            address = "192.168.30.50"
            certificate = "Bob"
            [[hub.bridge]]
            tap = "tap1"
            [hub.nat]
            """)
        #expect(
            report
                == AppliedChanges(
                    created: ["user carol@office", "bridge tap1 of office", "nat of office"],
                    changed: ["hub office", "user Bob@office"],
                    deleted: [
                        "hub Guests", "user alice@example.org@office", "bridge eth1 of office",
                        "bridge tap_office of office", "group empty of office", "group staff of office",
                    ]))
        #expect(changes.withLock { $0 }.contains(.userDeleted(office, try UserName("alice@example.org"))))
        #expect(changes.withLock { $0 }.contains(.hubDeleted(try HubName("Guests"))))
        guard case .accepted = try store.login("bob@office", "new") else {
            Issue.record("a password in the clear was not taken")
            return
        }
        withExtendedLifetime(observation) {}
    }

    @Test func `a password in the clear that is the user's already changes nothing`() throws {
        let text = """
            format = 1
            [[hub]]
            name = "Office"
            [[hub.user]]
            name = "dave"
            password = "same"
            """
        #expect(try store.apply(text).created == ["user dave@Office"])
        #expect(try store.apply(text) == AppliedChanges())
        #expect(try store.apply(text.replacing("same", with: "other")).changed == ["user dave@Office"])
    }

    @Test func `two users may exchange their addresses, and a device may move`() throws {
        func text(_ first: Int, _ second: Int, _ hub: String) -> String {
            """
            format = 1
            [[hub]]
            name = "A"
            [[hub.user]]
            name = "x"
            certificate = "c\(first)"
            address = "10.0.0.\(first)"
            [[hub.user]]
            name = "y"
            certificate = "c\(second)"
            address = "10.0.0.\(second)"
            [[hub]]
            name = "B"
            """ + "\n[[hub]]\nname = \"\(hub)\"\n[[hub.bridge]]\ntap = \"tap0\"\n"
        }
        _ = try store.apply(text(1, 2, "C"))
        #expect(try store.apply(text(2, 1, "C")).changed == ["user x@A", "user y@A"])
        #expect(
            try store.apply(text(2, 1, "D"))
                == AppliedChanges(created: ["hub D", "bridge tap0 of D"], changed: [], deleted: ["hub C"]))
    }

    static let mistakes: [(String, String)] = [
        ("x", "line 1: "),
        ("", "format of the file: it is missing: format = 1 is accepted"),
        ("format = 2", "line 1, format of the file: 2 is not known: 1 is accepted"),
        ("format = \"1\"", "line 1, format of the file: \"1\" is no whole number"),
        ("format = 1\nhubs = 1", "line 2, hubs of the file: it is not known there: accepted are format, hub"),
        ("format = 1\nhub = 1", "line 2, hub of the file: it is no list of tables"),
        ("format = 1\n[[hub]]\n", "line 2, name of hub number 1: it is missing"),
        (
            "format = 1\n[[hub]]\nname = \"a\"\n\n[[hub]]\nname = \"A\"",
            "line 6, name of hub \"A\": it is there twice"
        ),
        (
            "format = 1\n[[hub]]\nname = \"a\"\npolicy = { macs = 0 }",
            "line 4, macs of policy of hub \"a\": policy macs cannot be \"0\": 1 to 65535 is accepted"
        ),
        (
            "format = 1\n[[hub]]\nname = \"a\"\npolicy = { router = \"yes\" }",
            "line 4, router of policy of hub \"a\": policy router cannot be \"?\": yes or no is accepted"
        ),
        ("format = 1\n[[hub]]\nname = 7", "line 3, name of hub number 1: a text in quotes is accepted"),
        (
            "format = 1\n[[hub]]\nname = \"a\"\nenabled = \"yes\"",
            "line 4, enabled of hub \"a\": \"yes\" is neither true nor false"
        ),
        (
            "format = 1\n[[hub]]\nname = \"a\"\n[[hub.user]]\nname = \"b\"\n"
                + "[[hub.user]]\nname = \"c\"\nexpires = \"soon\"",
            "line 8, expires of user \"c\" of hub \"a\": \"soon\" is no end of an account: \"2027-12-31\""
        ),
        (
            "format = 1\n[[hub]]\nname = \"a\"\n[[hub.user]]\nname = \"b\"\naddress = \"1.2.3\"",
            "line 6, address of user \"b\" of hub \"a\": \"1.2.3\" is no address"
        ),
        (
            "format = 1\n[[hub]]\nname = \"a\"\n[[hub.user]]\nname = \"b\"\npassword_hash = \"x\"",
            "line 6, password_hash of user \"b\" of hub \"a\": it is no hash"
        ),
        (
            "format = 1\n[[hub]]\nname = \"a\"\n[[hub.user]]\nname = \"b\"\npassword = \"p\"\npasswd = \"x\"",
            "line 7, passwd of user \"b\" of hub \"a\": it is not known there"
        ),
        ("format = 1\n[[hub]]\nname = \"a\"\n[[hub.user]]\nname = \"b\"", "user \"b\" could never come in"),
        (
            "format = 1\n[[hub]]\nname = \"a\"\n[hub.nat]\nengine = \"fast\"",
            "line 5, engine of nat of hub \"a\": \"fast\" is no NAT engine: user, kernel are accepted"
        ),
        (
            "format = 1\n[[hub]]\nname = \"a\"\n[[hub.bridge]]\ntap = \"t\"\ninterface = \"e\"",
            "line 4, tap or interface of bridge number 1 of hub \"a\": one of them is accepted"
        ),
        (
            "format = 1\n[[hub]]\nname = \"a\"\n[[hub.bridge]]\ntap = \"t\"\n"
                + "[[hub]]\nname = \"b\"\n[[hub.bridge]]\ntap = \"t\"",
            "\"t\" is a bridge of hub a already"
        ),
        ("format = 1\n[[hub]]\nname = \"a\\u0000b\"", "zero byte"),
        ("format = 1\nx = " + String(repeating: "[", count: 10_000), "line 2: "),
    ]

    @Test(arguments: mistakes)
    func `a mistake is named with its line and changes nothing`(text: String, expected: String) throws {
        let before = try store.export()
        let refusal = sentence { _ = try store.apply(text) }
        #expect(refusal.contains(expected))
        #expect(try store.export() == before)
    }

    @Test func `a hash that would cost too much memory is refused`() throws {
        let hash = "$scrypt$ln=20,r=8,p=1$AAAAAAAAAAAAAAAA$" + String(repeating: "A", count: 43)
        #expect(PasswordHash(hash) == nil)
        #expect(PasswordHash(hash.replacing("ln=20", with: "ln=16")) != nil)
    }
}
