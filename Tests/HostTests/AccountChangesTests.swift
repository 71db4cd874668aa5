import Accounts
import OpenSSL
import PluginABI
import SoftEtherPassword
import Testing
import Wire

@testable import Modules
@testable import polyhubd

@Suite struct AccountChangesTests {
    @Test func `who was accepted just before the hub was disabled is ended with the second look`()
        async throws
    {
        let host = try HostFixture()
        let (second, look) = AsyncStream<Void>.makeStream()
        var changes = AccountChanges(
            store: host.store, hubs: host.hubs, hubLanes: host.hubLanes, devices: host.devices)
        changes.pause = { await second.first { true } }

        let early = host.session(of: host.alice)
        #expect(await early.outcome() == "opened")
        try host.store.updateHub(host.hub) { $0.isEnabled = false }
        changes.apply(.hubChanged(host.hub))
        #expect(await early.outcome() == "closed: the hub was disabled")

        let late = host.session(of: host.alice)
        #expect(await late.outcome() == "opened")
        look.yield()
        #expect(await late.outcome() == "closed: the hub was disabled")
    }

    @Test func `who is accepted and whose policy cannot be read is refused for now`() throws {
        let host = try HostFixture()
        let user = try host.store.user(host.alice, in: host.hub)
        let evidence = Evidence(
            name: "alice", proof: .certificate, certificate: [], remote: pa_address_v1(),
            protocolName: "test", software: nil, continues: nil)
        guard case .accepted(let identity, _, _, _) = host.services.answer(.accepted(user), evidence) else {
            Issue.record("not accepted")
            return
        }
        #expect(identity.user == "alice")
        try host.store.deleteUser(host.alice, in: host.hub)
        guard case .refused(let code, _) = host.services.answer(.accepted(user), evidence) else {
            Issue.record("let in with the standard policy")
            return
        }
        #expect(code == PA_VERDICT_UNAVAILABLE)
    }

    @Test func `a change of password is written down with what the new one cannot do`() async throws {
        let host = try HostFixture()
        let services = host.services
        let challenge = [UInt8](0..<20)
        func change(_ old: String, ntHash: [UInt8]) async -> Modules.Verdict {
            func hash(_ text: String) -> SoftEtherPassword {
                SoftEtherPassword(of: SecretBytes(copying: Array(text.utf8)), user: "alice")
            }
            let evidence = Evidence(
                name: "alice@LAB",
                proof: .softEther(challenge: challenge, proof: hash(old).proof(of: challenge)),
                certificate: [], remote: pa_address_v1(), protocolName: "SoftEther", software: nil,
                continues: nil)
            return await services.changePassword(
                evidence, to: NewPassword(softEther: hash("new").octets, ntHash: ntHash))
        }
        try host.store.setPassword(ClearPassword("old"), of: host.alice, in: host.hub)
        guard case .refused(PA_VERDICT_CREDENTIALS, _) = await change("wrong", ntHash: []),
            case .done = await change("old", ntHash: []),
            case .done = await change("new", ntHash: challenge.suffix(16))
        else {
            Issue.record("not as asked")
            return
        }
        let lines = try host.securityLog()
        #expect(lines.count { $0.contains("category=refused ") && $0.contains("wrong password") } == 1)
        let changed = lines.filter { $0.contains("category=password-changed ") }
        #expect(changed.map { $0.contains("lost=") } == [true, false])
        #expect(changed[0].contains("user=alice@LAB") && changed[0].contains("lost=MS-CHAPv2"))
    }

    @Test func `the addresses of users are reserved while SecureNAT runs`() throws {
        let host = try HostFixture()
        let changes = AccountChanges(
            store: host.store, hubs: host.hubs, hubLanes: host.hubLanes, devices: host.devices)
        let observation = host.store.observe { changes.apply($0) }
        defer { withExtendedLifetime(observation) {} }
        let first = try #require(IPv4Address("192.168.30.50"))
        let second = try #require(IPv4Address("192.168.30.60"))
        let (bob, hub) = (try UserName("bob"), host.hub)

        try host.store.updateUser(host.alice, in: hub) { $0.address = first }
        var nat = NATSettings()
        nat.isEnabled = true
        nat.engine = .user
        try host.store.setNAT(nat, of: hub)
        #expect(host.devices.nat(of: hub).status?.reserved == [first])
        var user = User(hub: hub, name: bob)
        user.address = second
        try host.store.createUser(user, password: ClearPassword("correct horse"))
        #expect(host.devices.nat(of: hub).status?.reserved == [first, second])
        try host.store.updateUser(host.alice, in: hub) { $0.address = nil }
        #expect(host.devices.nat(of: hub).status?.reserved == [second])
        try host.store.deleteUser(bob, in: hub)
        #expect(host.devices.nat(of: hub).status?.reserved == [])
    }
}
