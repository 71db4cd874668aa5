import Accounts
import Dispatch
import Foundation
import Journal
import Lanes
import LayerConverter
import Modules
import PluginABI
import Sessions

@testable import polyhubd

/// The host's parts on one lane, with hub LAB and its user alice, in a state directory of their own.
final class HostFixture {
    let path = NSTemporaryDirectory() + "polyhub-" + UUID().uuidString
    let store: AccountStore
    let journal: Journal
    let lanes: LaneGroup
    let hubs = SessionHubs(seed: 1)
    let hubLanes: [HubLane]
    let devices: HubDevices
    let hub: HubName
    let alice: UserName
    private let directory: StateDirectory

    init() throws {
        directory = try StateDirectory(claiming: path)
        store = try AccountStore(in: directory)
        journal = try Journal(directory: path + "/log")
        hub = try HubName("LAB")
        alice = try UserName("alice")
        try store.createHub(Accounts.Hub(name: hub))
        try store.createUser(User(hub: hub, name: alice), password: ClearPassword("correct horse"))
        lanes = try LaneGroup(count: 1)
        try lanes.start()
        let hubs = hubs
        hubs.add("LAB")
        hubLanes = lanes.lanes.compactMap { $0.performAndWait { HubLane($0, hubs: hubs, observer: nil) } }
        devices = HubDevices(store: store, hubs: hubs, hubLanes: hubLanes, journal: journal)
    }

    deinit {
        devices.stop()
        lanes.stop()
        journal.stop()
        try? FileManager.default.removeItem(atPath: path)
    }

    var services: HostServices {
        HostServices(
            store: store, journal: journal, defaultHub: hub,
            certificate: ServerCertificate(chain: [], key: [], trust: []), publicName: "vpn.example",
            checksModules: false)
    }

    /// Of the server's log the events of these categories, in their order.
    func events(_ names: String...) throws -> [String] {
        journal.flush()
        let text = try String(contentsOfFile: path + "/log/server.log", encoding: .utf8)
        return text.split(separator: "\n").compactMap { line in
            names.first { line.contains("category=\($0) ") }
        }
    }

    /// The lines of the hub's security log.
    func securityLog() throws -> [String] {
        journal.flush()
        let folder = path + "/log/security"
        return try FileManager.default.contentsOfDirectory(atPath: folder).flatMap { name in
            try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8).split(separator: "\n").map(
                String.init)
        }
    }

    func session(of user: UserName) -> Client {
        let client = Client()
        var identity = Identity(user: user.description, hub: hub.description, account: 1)
        identity.policy = .standard
        let request = SessionRequest(layer: .two, identity: identity)
        hubLanes[0].lane.performAndWait { [hubLanes] _ in
            _ = hubLanes[0].open(request, for: client, token: 1)
        }
        return client
    }
}

/// A layer-2 client that notes what becomes of its session.
final class Client: SessionOwner, Sendable {
    private let outcomes: AsyncStream<String>
    private let note: AsyncStream<String>.Continuation

    init() { (outcomes, note) = AsyncStream<String>.makeStream() }

    func outcome() async -> String? { await outcomes.first { _ in true } }

    func sessionOpened(token: UInt64, handle: UInt64, parameters: AddressLease?) { note.yield("opened") }
    func sessionRefused(token: UInt64, reason: SessionReason, sentence: String) {
        note.yield("refused: \(sentence)")
    }
    func sessionChanged(token: UInt64, ipv6: IPv6Network?) {}
    func sessionEnded(handle: UInt64) {}
    func sessionClosed(token: UInt64, reason: SessionReason, sentence: String) {
        note.yield("closed: \(sentence)")
    }
    func transmit(token: UInt64, _ batch: UnsafeMutableBufferPointer<pa_slice_v1>) {}
}
