import Accounts
import Control
import ControlRequests
import Foundation
import Hub
import Journal
import Lanes
import Modules
import Sessions
import Wire

/// What control requests ask of the running server.
struct Runtime: ServerRuntime {
    let store: AccountStore
    let journal: Journal
    let hubs: SessionHubs
    let hubLanes: [HubLane]
    let devices: HubDevices
    let modules: ModuleRegistry
    let startedAt: Date

    func status() async throws -> StatusReport {
        var report = StatusReport(
            version: Server.version, pid: Int(ProcessInfo.processInfo.processIdentifier),
            lanes: hubLanes.count,
            since: Self.time(startedAt))
        let sessions = await snapshots()
        report.hubs = hubs.all.count
        report.sessions = sessions.count
        let rows = try await modules.rows()
        report.modules = rows.count
        report.refusedCalls = rows.reduce(0) { $0 + $1.refusedCalls }
        for row in rows {
            for metric in row.metrics {
                report.metrics["\(row.name).\(metric.name)", default: 0] += metric.value
            }
        }
        report.framesForwarded = sessions.reduce(0) { $0 + $1.counters.framesIn }
        report.framesDropped = sessions.reduce(0) { $0 + $1.counters.dropped }
        report.logDropped = journal.dropped
        return report
    }

    private func snapshots(in hub: String? = nil) async -> [SessionSnapshot] {
        var all: [SessionSnapshot] = []
        for hubLane in hubLanes { all += await hubLane.lane.perform { _ in hubLane.snapshots } ?? [] }
        guard let hub, let name = try? HubName(hub) else { return all }
        return all.filter { (try? HubName($0.hub)) == name }
    }

    static func time(_ date: Date) -> String { date.formatted(.iso8601) }
    static func time(_ seconds: UInt64) -> String { time(Date(timeIntervalSince1970: TimeInterval(seconds))) }
}

// MARK: - Sessions

extension Runtime {
    func sessions(hub: String?) async throws -> [SessionRow] {
        if let hub { _ = try store.hub(HubName(hub)) }
        return await snapshots(in: hub).sorted { $0.id < $1.id }.map { session in
            var row = SessionRow(
                id: "\(session.id)", hub: session.hub, user: session.user, module: session.protocolName,
                lane: session.lane, since: Self.time(session.since))
            row.cipher = session.cipher
            row.client = session.software ?? ""
            row.outside = Endpoint(session.remote).description
            row.inside = session.lease?.address.description ?? ""
            row.mac = session.mac?.description ?? ""
            row.framesIn = session.counters.framesIn
            row.framesOut = session.counters.framesOut
            row.bytesIn = session.counters.octetsIn
            row.bytesOut = session.counters.octetsOut
            row.denied = session.counters.deniedByName
            return row
        }
    }

    func disconnect(session id: String) async throws {
        guard let number = UInt64(id) else {
            throw ControlError(
                .invalid, "\"\(id)\" is no session: a number as `session list` shows it is accepted")
        }
        let ended = hubLanes.end(.administrator, "disconnected by the administrator") { $0.id == number }
        guard ended > 0 else { throw ControlError(.unknown, "there is no session \(id)") }
    }

    func macTable(hub: String) async throws -> [MACRow] {
        let found = try self.hub(hub)
        let seconds = await monotonicSeconds()
        let names = portNames(found, await snapshots(in: found.name))
        let rows = found.seenMACs(at: seconds).sorted { a, b in a.mac.bits < b.mac.bits }
        return rows.map { row -> MACRow in
            MACRow(mac: row.mac.description, session: names[row.port] ?? "", ageSeconds: Int(row.age))
        }
    }

    func addresses(hub: String) async throws -> [AddressRow] {
        let name = try store.hub(HubName(hub)).name
        let sessions = await snapshots(in: hub)
        let leased = sessions.compactMap { session -> AddressRow? in
            guard let lease = session.lease, let mac = session.mac else { return nil }
            return AddressRow(
                address: lease.address.description, mac: mac.description, session: "\(session.id)",
                kind: .leased)
        }
        var known = Set(leased.map(\.address))
        let lent = (devices.nat(of: name).status?.leases ?? []).map { record in
            AddressRow(
                address: record.address.description, mac: record.client.chaddr.description, session: "",
                kind: .lent,
                expires: Self.time(UInt64(clamping: record.expiresAt)))
        }
        let ours = leased + lent.filter { !known.contains($0.address) }
        known = Set(ours.map(\.address))
        return ours + (try await seen(in: hub, sessions)).filter { !known.contains($0.address) }
    }

    private func seen(in name: String, _ sessions: [SessionSnapshot]) async throws -> [AddressRow] {
        let hub = try hub(name)
        let seconds = await monotonicSeconds()
        let names = portNames(hub, sessions)
        let entries = hub.seenAddresses(at: seconds).sorted { a, b in
            (a.key.upper, a.key.lower) < (b.key.upper, b.key.lower)
        }
        return entries.map { address, entry -> AddressRow in
            AddressRow(
                address: address.mapped?.description ?? address.description, mac: entry.mac.description,
                session: names[entry.port] ?? "",
                kind: .seen)
        }
    }

    private func hub(_ name: String) throws -> EthernetHub {
        let known = try store.hub(HubName(name)).name
        guard let hub = hubs[known.description] else {
            throw ControlError(.unknown, "hub \(known) is being made or deleted: try again")
        }
        return hub
    }

    /// The lanes' clock, by which addresses age.
    private func monotonicSeconds() async -> UInt64 { await hubLanes[0].lane.perform { $0.now.seconds } ?? 0 }

    private func portNames(_ hub: EthernetHub, _ sessions: [SessionSnapshot]) -> [UInt16: String] {
        var names: [UInt16: String] = [:]
        for session in sessions { names[session.port] = "\(session.id)" }
        if let name = try? HubName(hub.name) {
            for port in devices.ports(of: name) { names[port.number] = port.name }
        }
        return names
    }
}

// MARK: - SecureNAT and bridges

extension Runtime {
    func natEnable(_ request: NATEnable) async throws -> NATReport {
        let hub = try store.hub(HubName(request.hub)).name
        let former = try store.nat(of: hub)
        var settings = former ?? NATSettings()
        settings.isEnabled = true
        if let network = request.network { settings.network = try RouterNetwork(network) }
        if let engine = request.engine { settings.engine = try NATSettings.Engine(named: engine) }
        try store.setNAT(settings, of: hub)
        let report = try report(hub, settings)
        guard let problem = report.problem else { return report }
        var undone = former ?? settings
        undone.isEnabled = former?.isEnabled ?? false
        try store.setNAT(undone, of: hub)
        throw ControlError(.invalid, "SecureNAT of hub \(hub) does not start: \(problem)")
    }

    func natDisable(hub: String) async throws {
        let hub = try store.hub(HubName(hub)).name
        guard var settings = try store.nat(of: hub) else { return }
        settings.isEnabled = false
        try store.setNAT(settings, of: hub)
    }

    func nat(hub: String) async throws -> NATReport? {
        let hub = try store.hub(HubName(hub)).name
        guard let settings = try store.nat(of: hub) else { return nil }
        return try report(hub, settings)
    }

    private func report(_ hub: HubName, _ settings: NATSettings) throws -> NATReport {
        let (status, problem) = devices.nat(of: hub)
        return NATReport(
            enabled: settings.isEnabled, network: settings.network.description,
            engine: settings.engine.rawValue,
            running: status?.isRunning ?? false, problem: problem, leases: status?.leases.count ?? 0)
    }

    func bridgeAdd(_ request: BridgeAdd) async throws -> BridgeRow {
        let hub = try store.hub(HubName(request.hub)).name
        let bridge = try Bridge(hub: hub, kind: Bridge.Kind(named: request.kind), device: request.device)
        try store.addBridge(bridge)
        if let problem = devices.problem(ofBridge: bridge.device, in: hub) {
            try store.removeBridge(bridge.device, from: hub)
            throw ControlError(.invalid, problem)
        }
        return BridgeRow(
            hub: hub.description, kind: bridge.kind.rawValue, device: bridge.device, running: true)
    }

    func bridgeRemove(_ request: BridgeRemove) async throws {
        try store.removeBridge(request.device, from: HubName(request.hub))
    }

    func bridges(hub: String?) async throws -> [BridgeRow] {
        try store.bridges(of: hub.map { try HubName($0) }).map { bridge in
            let problem = devices.problem(ofBridge: bridge.device, in: bridge.hub)
            return BridgeRow(
                hub: bridge.hub.description, kind: bridge.kind.rawValue, device: bridge.device,
                running: problem == nil, problem: problem)
        }
    }
}

// MARK: - Modules

extension Runtime {
    func modules() async throws -> [ModuleRow] {
        try await modules.rows().map { row in
            var shown = ModuleRow(
                name: row.name, version: row.version, library: row.library,
                state: row.isDraining ? "draining" : "running",
                listeners: row.listeners, sessions: row.sessions)
            shown.metrics = Dictionary(row.metrics) { $1 }
            shown.refusedCalls = row.refusedCalls
            return shown
        }
    }

    func load(module: String) async throws -> ModuleRow {
        try await refusing { try await modules.load(module) }
        guard let row = try await modules().first(where: { $0.name == module }) else {
            throw ControlError(.unknown, "module \(module) has ended again")
        }
        return row
    }

    func unload(module: String, drain: Duration) async throws {
        try await refusing { try await modules.unload(module, drain: drain) }
    }

    func swap(module: String, library: String, drain: Duration?) async throws -> SwapReport {
        let swap = try await refusing {
            try await modules.swap(module, library: library, drain: drain ?? ModuleRegistry.drainLimit)
        }
        return SwapReport(
            module: module, from: swap.from, to: swap.to,
            lanes: swap.lanes.map { lane in
                SwapReport.Lane(
                    lane: lane.lane, carried: lane.carried, draining: lane.draining, pauses: lane.pauses,
                    longestPauseMicroseconds: Int(lane.longestPause / .microseconds(1)))
            })
    }

    func call(module: String, command: String, arguments: [String]) async throws -> String {
        try await refusing { try await modules.call(module, command: command, arguments: arguments) }
    }

    private func refusing<Result>(_ body: () async throws -> Result) async throws -> Result {
        do { return try await body() } catch let fault as ModuleFault {
            throw ControlError(.invalid, fault.description)
        }
    }
}
