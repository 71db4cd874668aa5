import Accounts
import Hub
import Journal
import LocalBridge
import SecureNAT
import Sessions
import Synchronization
import Wire

/// Bridges and SecureNAT of all hubs, as they run. What shall run stands in the accounts; this makes it so,
/// and remembers why it could not.
final class HubDevices: Sendable {
    private struct Running {
        var bridges: [String: DevicePort] = [:]
        var nat: (engine: SecureNAT, ports: [DevicePort])?
        var bridgeProblems: [String: BridgeProblem] = [:]
        var natProblem: String?

        var lacksBridge: Bool { !bridgeProblems.isEmpty || bridges.values.contains { $0.problem != nil } }
    }

    /// Why a bridge does not run: for who asks, and what of it is news for the log.
    private struct BridgeProblem {
        let sentence: String
        let reason: String

        init(_ error: any Error) {
            sentence = "\(error)"
            // Which others there are changes, and is no other reason.
            if case BridgeError.noSuchInterface(let name, _) = error {
                reason = "interface \"\(name)\" does not exist"
            } else {
                reason = sentence
            }
        }
    }

    /// Between two looks at whether a bridge that is wanted can run again.
    private static let interval: Duration = .seconds(3)

    private let store: AccountStore
    private let hubs: SessionHubs
    private let hubLanes: [HubLane]
    private let journal: Journal
    private let state = Mutex<[HubName: Running]>([:])

    init(store: AccountStore, hubs: SessionHubs, hubLanes: [HubLane], journal: Journal) {
        self.store = store
        self.hubs = hubs
        self.hubLanes = hubLanes
        self.journal = journal
    }

    /// Makes the devices of a hub what the accounts say. Problems are kept and logged, not thrown.
    func update(_ name: HubName) {
        state.withLock { state in
            var running = state[name] ?? Running()
            guard let hub = hubs[name.description] else { return }
            updateBridges(&running, name, hub)
            updateNAT(&running, name, hub)
            state[name] = running
        }
    }

    /// The hub's SecureNAT lends none of the addresses that users have by now.
    func reserveAddresses(in name: HubName) {
        // Read under the lock, so that who reads last tells last.
        state.withLock { state in
            guard let engine = state[name]?.nat?.engine, let fixed = try? store.fixedAddresses(in: name)
            else { return }
            engine.reserve(fixed)
        }
    }

    /// Opens bridges that have ended or could not start, until the task is cancelled: an interface may come
    /// late, or again.
    func watch() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.interval)
            lookAgain()
        }
    }

    /// One look of `watch`.
    func lookAgain() {
        state.withLock { state in
            for (name, former) in state where former.lacksBridge {
                guard let hub = hubs[name.description] else { continue }
                var running = former
                updateBridges(&running, name, hub)
                state[name] = running
            }
        }
    }

    /// Ends the devices of a hub that is deleted.
    func remove(_ name: HubName) {
        state.withLock { state in
            guard let running = state.removeValue(forKey: name) else { return }
            for bridge in running.bridges.values { bridge.close() }
            Self.end(running.nat)
        }
    }

    func stop() {
        state.withLock { state in
            for running in state.values {
                for bridge in running.bridges.values { bridge.close() }
                Self.end(running.nat)
            }
            state = [:]
        }
    }

    /// Nil: it runs.
    func problem(ofBridge device: String, in hub: HubName) -> String? {
        state.withLock { state in
            guard let running = state[hub] else { return "the hub has not started it" }
            guard let bridge = running.bridges[device] else {
                return running.bridgeProblems[device]?.sentence ?? "it has not started"
            }
            return bridge.problem
        }
    }

    func nat(of hub: HubName) -> (status: SecureNAT.Status?, problem: String?) {
        state.withLock { ($0[hub]?.nat?.engine.status, $0[hub]?.natProblem) }
    }

    /// What stands behind ports that are no sessions, for `mac list` and `session list`.
    func ports(of hub: HubName) -> [(number: UInt16, name: String, lane: Int)] {
        state.withLock { state in
            guard let running = state[hub] else { return [] }
            let bridges = running.bridges.filter { $0.value.problem == nil }
                .map { ($0.value, "bridge:\($0.key)") }
            let nats = (running.nat?.ports ?? []).map { ($0, "nat") }
            return (bridges + nats).compactMap { port, name in
                port.port.map { ($0.number, name, port.laneIndex) }
            }
        }
    }

    // MARK: - Bridges

    private func updateBridges(_ running: inout Running, _ name: HubName, _ hub: EthernetHub) {
        // What runs stays when nobody can tell.
        guard let wanted = try? store.bridges(of: name) else { return }
        for (device, port) in running.bridges {
            let problem = port.problem
            guard problem != nil || !wanted.contains(where: { $0.device == device }) else { continue }
            port.close()
            running.bridges[device] = nil
            guard let problem else { continue }
            journal.record(
                Event("bridge-down", level: .error).with("hub", name.description).with("device", device)
                    .with("why", problem))
        }
        running.bridgeProblems = running.bridgeProblems.filter { problem in
            wanted.contains { $0.device == problem.key }
        }
        for bridge in wanted where running.bridges[bridge.device] == nil {
            do {
                running.bridges[bridge.device] = try open(bridge, hub)
                running.bridgeProblems[bridge.device] = nil
            } catch {
                let problem = BridgeProblem(error)
                let former = running.bridgeProblems.updateValue(problem, forKey: bridge.device)
                guard former?.reason != problem.reason else { continue }
                journal.record(
                    Event("bridge-failed", level: .error).with("hub", name.description)
                        .with("device", bridge.device).with("why", problem.sentence))
            }
        }
    }

    private func open(_ bridge: Bridge, _ hub: EthernetHub) throws -> DevicePort {
        let device =
            try bridge.kind == .tap
            ? LocalBridge.openTAP(bridge.device) : LocalBridge.openInterface(bridge.device)
        let port = try DevicePort(device, to: hub, as: .bridge, on: lane(for: hub))
        journal.record(Event("bridge-up").with("hub", hub.name).with("device", bridge.device))
        for advisory in device.advisories {
            journal.record(
                Event("bridge", level: .warning).with("device", bridge.device).with("message", advisory))
        }
        return port
    }

    // MARK: - SecureNAT

    private func updateNAT(_ running: inout Running, _ name: HubName, _ hub: EthernetHub) {
        let wanted = (try? store.nat(of: name)).flatMap { $0.isEnabled ? $0 : nil }
        let settings = wanted.flatMap { SecureNAT.Settings($0, hub: hub.name) }
        if running.nat?.engine.settings == settings { return }
        Self.end(running.nat)
        running.nat = nil
        running.natProblem = nil
        guard let settings else { return }
        do {
            let store = store
            let leases = try store.leases(in: name).map(LeaseRecord.init)
            let engine = try SecureNAT(settings, leases: leases) { record in
                if record.state == .bound {
                    try store.recordLeases([Lease(record)], in: name)
                } else {
                    try store.recordLeases([], returned: [record.address], in: name)
                }
            }
            engine.reserve(try store.fixedAddresses(in: name))
            running.nat = (engine, [])
            for device in try engine.start() {
                running.nat?.ports.append(
                    try DevicePort(device, to: hub, as: .router, on: lane(for: hub)))
            }
            journal.record(
                Event("nat-up").with("hub", name.description).with("engine", settings.engine.rawValue)
                    .with("network", settings.network.description))
        } catch {
            Self.end(running.nat)
            running.nat = nil
            running.natProblem = "\(error)"
            journal.record(
                Event("nat-failed", level: .error).with("hub", name.description).with("why", "\(error)"))
        }
    }

    private static func end(_ nat: (engine: SecureNAT, ports: [DevicePort])?) {
        guard let nat else { return }
        // The engine first: what it says on its way out still has a port.
        nat.engine.stop()
        for port in nat.ports { port.close() }
    }

    /// Hubs are spread over the lanes, so that the devices of one do not crowd those of another.
    private func lane(for hub: EthernetHub) -> HubLane { hubLanes[Int(hub.id) % hubLanes.count] }
}

extension SecureNAT.Settings {
    /// Nil for a network that the accounts would not have accepted.
    fileprivate init?(_ settings: NATSettings, hub: String) {
        guard let network = IPv4Subnet(settings.network.address, prefixLength: settings.network.prefixLength)
        else {
            return nil
        }
        self.init(hub: hub, network: network, engine: settings.engine == .user ? .user : .kernel)
    }
}

extension LeaseRecord {
    fileprivate init(_ lease: Lease) {
        self.init(
            address: lease.address, state: .bound, expiresAt: lease.expires,
            client: DHCPClient(identifier: lease.client, chaddr: lease.mac, hostName: lease.hostname))
    }
}

extension Lease {
    fileprivate init(_ record: LeaseRecord) {
        self.init(
            address: record.address, client: record.client.identifier, mac: record.client.chaddr,
            expires: record.expiresAt, hostname: record.client.hostName)
    }
}
