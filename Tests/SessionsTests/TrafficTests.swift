import Dispatch
import Foundation
import Hub
import Lanes
import LayerConverter
import PluginABI
import Policy
import Synchronization
import Testing
import Wire

@testable import Sessions

@Suite struct TrafficTests {
    @Test(arguments: [1, 2, 4]) func `the same traffic arrives whole on any number of lanes`(laneCount: Int)
        throws
    {
        let bench = try Bench(lanes: laneCount)
        defer { bench.stop() }
        let clients = try (1...6).map { try bench.connect(mac: UInt64($0), hub: "DEFAULT") }
        for client in clients { client.send(to: .broadcast, payload: 0) }
        for client in clients { try client.wait(for: clients.count - 1) }
        for round in 1...50 as ClosedRange<UInt8> {
            for client in clients {
                for other in clients where other !== client { client.send(to: other.mac, payload: round) }
            }
        }
        for client in clients { try client.wait(for: 51 * (clients.count - 1)) }
        for client in clients {
            for other in clients where other !== client {
                #expect(client.payloads(from: other.mac) == Array(0...50), "in order, once")
            }
        }
    }

    @Test(arguments: [1, 4]) func `hubs with equal addresses stay apart`(laneCount: Int) throws {
        let bench = try Bench(lanes: laneCount)
        defer { bench.stop() }
        let ours = try (1...3).map { try bench.connect(mac: UInt64($0), hub: "A") }
        let theirs = try (1...3).map { try bench.connect(mac: UInt64($0), hub: "B") }
        for client in ours + theirs { client.send(to: .broadcast, payload: 1) }
        for client in ours + theirs { try client.wait(for: 2) }
        ours[0].send(to: ours[1].mac, payload: 7)
        try ours[1].wait(for: 3)
        #expect(theirs.allSatisfy { $0.count == 2 })
    }

    @Test func `a session in a hub that is gone is refused in words`() throws {
        let bench = try Bench(lanes: 1)
        defer { bench.stop() }
        bench.hubs.remove("A")
        let client = Client(MACAddress(1), on: bench.hubLanes[0])
        client.open(hub: "A")
        #expect(client.outcome() == "refused policy: hub A does not exist any more")
    }

    @Test func `a layer-3 client on a hub without a server is refused with that reason`() throws {
        let bench = try Bench(lanes: 1)
        defer { bench.stop() }
        let client = Client(MACAddress(1), on: bench.hubLanes[0])
        client.open(hub: "A", layer: .three)
        let why = "no DHCP server in the hub gave an address: none answers, or none is left"
        #expect(client.outcome(seconds: 40) == "refused no-address: \(why)")
        let hubLane = bench.hubLanes[0]
        #expect(hubLane.lane.performAndWait { _ in hubLane.snapshots.count } == 0)
    }

    @Test func `what was ended by the administrator hears of it once and its handle is void`() throws {
        let bench = try Bench(lanes: 1)
        defer { bench.stop() }
        let client = try bench.connect(mac: 1, hub: "A")
        let hubLane = bench.hubLanes[0]
        let ended = hubLane.lane.performAndWait { _ in
            hubLane.closeSessions(reason: .administrator, sentence: "out") { $0.user == "someone" }
        }
        #expect(ended == 1)
        #expect(client.outcome() == "closed administrator: out")
        #expect(client.endedHandles.withLock { $0 } == [client.handle])
        let isKnown = hubLane.lane.performAndWait { _ in hubLane.session(client.handle, of: client) != nil }
        #expect(isKnown == false)
    }

    @Test func `a user has no more sessions at once than the policy allows`() throws {
        let bench = try Bench(lanes: 2)
        defer { bench.stop() }
        let policy = Policy([try PolicySettings(text: "sessions=1")])
        let clients = (0..<2).map { Client(MACAddress(1), on: bench.hubLanes[$0]) }
        clients[0].open(hub: "A", policy: policy)
        #expect(clients[0].outcome() == "opened")
        clients[1].open(hub: "A", policy: policy)
        let refusal = "refused policy: no more than 1 of your sessions may be open at once"
        #expect(clients[1].outcome() == refusal)
        clients[0].close()
        clients[1].open(hub: "A", policy: policy)
        #expect(clients[1].outcome() == "opened")
    }

    @Test func `a policy that is changed counts for the sessions that are there`() throws {
        let bench = try Bench(lanes: 1)
        defer { bench.stop() }
        let client = try bench.connect(mac: 1, hub: "A")
        let other = try bench.connect(mac: 2, hub: "A")
        let hubLane = bench.hubLanes[0]
        client.send(to: .broadcast, payload: 1)
        try other.wait(for: 1)
        #expect(hubLane.lane.performAndWait { _ in hubLane.users(on: "A") } == ["someone"])
        let policy = Policy([try PolicySettings(text: "macs=1 take-over=yes")])
        hubLane.lane.performAndWait { _ in hubLane.setPolicies(["someone": policy], on: "A") }
        client.send(to: .broadcast, payload: 2, from: MACAddress(0x0200_0000_0077))
        client.send(to: .broadcast, payload: 3)
        try other.wait(for: 2)
        #expect(other.payloads(from: client.mac) == [1, 3])
        let denied = hubLane.lane.performAndWait { _ in hubLane.snapshots.map(\.counters.deniedByName) }
        #expect(denied == [["mac-limit": 1], [:]])
    }

    @Test func `a client's wish goes to the DHCP server where its policy lets it`() throws {
        let bench = try Bench(lanes: 1)
        defer { bench.stop() }
        let watcher = try bench.connect(mac: 1, hub: "A")
        let strict = Policy([try PolicySettings(text: "choose-address=no")])
        for (index, policy) in [Policy.standard, strict].enumerated() {
            let client = Client(MACAddress(2), on: bench.hubLanes[0])
            client.open(hub: "A", layer: .three, policy: policy, wish: (192, 168, 30, 77))
            try watcher.wait(for: index + 1)
        }
        // Option 50, RFC 2132 §9.1.
        let isAsked = watcher.octets.map { frame in
            frame.indices.dropLast(5).contains { Array(frame[$0..<$0 + 6]) == [50, 4, 192, 168, 30, 77] }
        }
        #expect(isAsked == [true, false])
    }

    @Test func `another owner's handle is foreign`() throws {
        let bench = try Bench(lanes: 1)
        defer { bench.stop() }
        let (client, other) = (try bench.connect(mac: 1, hub: "A"), try bench.connect(mac: 2, hub: "A"))
        let hubLane = bench.hubLanes[0]
        let isFound = hubLane.lane.performAndWait { _ in hubLane.session(client.handle, of: other) != nil }
        #expect(isFound == false)
    }

    /// In a process of its own, where nobody else opens any.
    @Test func `lanes that are stopped and let go leave no descriptor open`() async {
        await #expect(processExitsWith: .success) {
            func opened() throws -> Int {
                try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
            }
            func cycle() throws {
                let bench = try Bench(lanes: 2)
                let client = try bench.connect(mac: 1, hub: "A")
                let other = try bench.connect(mac: 2, hub: "A")
                client.send(to: .broadcast, payload: 1)
                try other.wait(for: 1)
                bench.stop()
            }
            // The first time opens what the process keeps.
            try cycle()
            let before = try opened()
            for _ in 0..<3 { try cycle() }
            #expect(try opened() == before)
        }
    }
}

/// Lanes with their hub sides, and hubs A, B and DEFAULT.
private final class Bench {
    let group: LaneGroup
    let hubs = SessionHubs(seed: 1)
    let hubLanes: [HubLane]
    private var next = 0

    init(lanes: Int) throws {
        group = try LaneGroup(count: lanes)
        try group.start()
        let hubs = hubs
        for name in ["A", "B", "DEFAULT"] { hubs.add(name) }
        hubLanes = group.lanes.map { $0.performAndWait { HubLane($0, hubs: hubs, observer: nil) }! }
    }

    /// Clients are dealt to the lanes in turn.
    func connect(mac: UInt64, hub: String) throws -> Client {
        defer { next += 1 }
        let client = Client(MACAddress(0x0200_0000_0000 | mac), on: hubLanes[next % hubLanes.count])
        client.open(hub: hub)
        try #require(client.outcome() == "opened")
        return client
    }

    func stop() {
        for hubLane in hubLanes {
            hubLane.lane.performAndWait { _ in
                _ = hubLane.closeSessions(reason: .shutdown, sentence: "", where: { _ in true })
            }
        }
        group.stop()
    }
}

/// A layer-2 client that notes what it gets. Its frames carry one octet.
private final class Client: SessionOwner, @unchecked Sendable {
    let mac: MACAddress
    private let hubLane: HubLane
    private let outcomes = Mutex<[String]>([])
    private let frames = Mutex<[(source: MACAddress, payload: UInt8)]>([])
    let endedHandles = Mutex<[UInt64]>([])
    private let whole = Mutex<[[UInt8]]>([])
    private let changed = DispatchSemaphore(value: 0)
    private(set) var handle: UInt64 = 0

    init(_ mac: MACAddress, on hubLane: HubLane) {
        self.mac = mac
        self.hubLane = hubLane
    }

    func open(
        hub: String, layer: SessionRequest.Layer = .two, policy: Policy = .standard,
        wish: (UInt8, UInt8, UInt8, UInt8)? = nil
    ) {
        var identity = Identity(user: "someone", hub: hub, account: 1)
        identity.policy = policy
        var request = SessionRequest(layer: layer, identity: identity)
        if let wish {
            request.wish.family = UInt8(PA_FAMILY_IPV4)
            (request.wish.octets.0, request.wish.octets.1) = (wish.0, wish.1)
            (request.wish.octets.2, request.wish.octets.3) = (wish.2, wish.3)
        }
        let asked = request
        handle = hubLane.lane.performAndWait { [self] _ in hubLane.open(asked, for: self, token: 1) } ?? 0
    }

    func close() {
        _ = hubLane.lane.performAndWait { [self] _ in
            guard let session = hubLane.session(handle, of: self) else { return }
            hubLane.close(session, reason: .client, sentence: "", tellsOwner: false)
        }
    }

    func send(to destination: MACAddress, payload: UInt8, from source: MACAddress? = nil) {
        let frame =
            destination.octets + (source ?? mac).octets + [0x88, 0xb5, payload]
            + [UInt8](repeating: 0, count: 45)
        hubLane.lane.post { [self] lane in
            guard var slice = lane.allocate(frame.count) else { return }
            slice.start.update(from: frame, count: frame.count)
            slice.length = UInt32(frame.count)
            withUnsafeMutablePointer(to: &slice) {
                _ = hubLane.receive(UnsafeMutableBufferPointer(start: $0, count: 1), from: handle, of: self)
            }
        }
    }

    /// Every frame as it came.
    var octets: [[UInt8]] { whole.withLock { $0 } }
    var count: Int { frames.withLock { $0.count } }
    func payloads(from source: MACAddress) -> [UInt8] {
        frames.withLock { all in all.filter { $0.source == source }.map(\.payload) }
    }

    func wait(for wanted: Int) throws {
        let deadline = DispatchTime.now() + 20
        while count < wanted {
            try #require(changed.wait(timeout: deadline) == .success, "\(count) of \(wanted)")
        }
    }

    func outcome(seconds: Double = 10) -> String {
        let deadline = DispatchTime.now() + seconds
        while true {
            if let outcome = outcomes.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return outcome }
            guard changed.wait(timeout: deadline) == .success else { return "nothing" }
        }
    }

    func sessionOpened(token: UInt64, handle: UInt64, parameters: AddressLease?) { note("opened") }
    func sessionChanged(token: UInt64, ipv6: IPv6Network?) {}
    func sessionRefused(token: UInt64, reason: SessionReason, sentence: String) {
        note("refused \(reason.name): \(sentence)")
    }
    func sessionEnded(handle: UInt64) { endedHandles.withLock { $0.append(handle) } }
    func sessionClosed(token: UInt64, reason: SessionReason, sentence: String) {
        note("closed \(reason.name): \(sentence)")
    }

    func transmit(token: UInt64, _ batch: UnsafeMutableBufferPointer<pa_slice_v1>) {
        for slice in batch {
            let octets = Array(UnsafeBufferPointer(start: slice.start, count: Int(slice.length)))
            let source = MACAddress(octets[6..<12].reduce(0) { $0 << 8 | UInt64($1) })
            frames.withLock { $0.append((source, octets[14])) }
            whole.withLock { $0.append(octets) }
        }
        changed.signal()
    }

    private func note(_ outcome: String) {
        outcomes.withLock { $0.append(outcome) }
        changed.signal()
    }
}
