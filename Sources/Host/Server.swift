import Accounts
import Control
import Foundation
import Hub
import Journal
import Lanes
import Modules
import Sessions

/// The whole server: starts its parts in order and ends them in the opposite one.
final class Server: Sendable {
    static let version = "0.1.0"
    static let maxLanes = 64

    let directory: StateDirectory
    let journal: Journal
    let store: AccountStore
    let hubs: SessionHubs
    let hubLanes: [HubLane]
    let devices: HubDevices
    let modules: ModuleRegistry
    let startedAt = Date()
    private let lanes: LaneGroup
    private let configurationAtStart: PluginsConfiguration
    private let control: ControlServer
    private let observation: AccountObservation
    private let sweeping: Task<Void, Never>
    private let trimming: Task<Void, Never>
    private let expiry: Task<Void, Never>
    private let certificates: CertificateWatch
    private let watching: Task<Void, Never>
    private let bridging: Task<Void, Never>

    init(_ arguments: Polyhubd) async throws {
        let configuration = try PluginsConfiguration(file: arguments.config)
        configurationAtStart = configuration
        let defaultHub = try HubName(configuration.defaultHub)
        directory = try StateDirectory(claiming: arguments.state)
        journal = try Journal(
            directory: directory.file("log"), format: configuration.logFormat == .json ? .json : .logfmt)
        let verifiers = try Self.verifiers(configuration.keptVerifiers)
        store = try AccountStore(in: directory, verifiers: verifiers)
        let publicName = configuration.publicName ?? HostAddress.outgoing ?? "localhost"
        let services = HostServices(
            store: store, journal: journal, defaultHub: defaultHub,
            certificate: try OwnCertificate.find(configuration, store: store, publicName: publicName),
            publicName: publicName, checksModules: arguments.checkModules)

        let cores = min(ProcessInfo.processInfo.activeProcessorCount, Self.maxLanes)
        lanes = try LaneGroup(count: arguments.lanes ?? cores)
        try lanes.start()
        hubs = SessionHubs(seed: try Self.seed(store))
        let (hubs, securityLog) = (hubs, SecurityLog(journal))
        hubLanes = lanes.lanes.compactMap { lane in
            lane.performAndWait { HubLane($0, hubs: hubs, observer: securityLog) }
        }
        let sweeper = TableSweeper(hubs: hubs, lane: lanes.lanes[0])
        sweeping = Task { await sweeper.run() }
        devices = HubDevices(store: store, hubs: hubs, hubLanes: hubLanes, journal: journal)
        for hub in try store.hubs() { hubs.add(hub.name.description) }
        for hub in try store.hubs() { devices.update(hub.name) }
        let devices = devices
        bridging = Task { await devices.watch() }

        var trimmer = MemoryTrimmer(hubLanes)
        trimming = Task { await trimmer.run() }
        let runtime = ModuleRuntime(
            lanes: lanes, hubLanes: hubLanes, services: services,
            moduleDirectory: Self.moduleDirectory(arguments),
            stateDirectory: URL(fileURLWithPath: directory.path), configurationFile: arguments.config)
        modules = ModuleRegistry(runtime, configuration: configuration)
        let certificates = CertificateWatch(
            configuration, store: store, services: services, modules: modules, journal: journal)
        self.certificates = certificates
        watching = Task { await certificates.run() }
        let changes = AccountChanges(
            store: store, hubs: hubs, hubLanes: hubLanes, devices: devices,
            peerKeysChanged: modules.peerKeysChanged)
        observation = store.observe { changes.apply($0) }
        expiry = Task { await changes.watchExpiry() }
        let serverRuntime = Runtime(
            store: store, journal: journal, hubs: hubs, hubLanes: hubLanes, devices: devices,
            modules: modules,
            startedAt: startedAt)
        do {
            try await modules.loadAll()
            control = try await ControlServer(
                socketPath: directory.file(ControlServer.socketName),
                methods: MethodTable(store: store, journal: journal, runtime: serverRuntime))
        } catch {
            await modules.stop()
            devices.stop()
            lanes.stop()
            journal.stop()
            throw error
        }
        journal.record(Event("server-ready").with("version", Self.version).with("lanes", hubLanes.count))
    }

    /// Rereads plugins.conf and the certificates. A fault changes nothing and is logged. What else the host
    /// itself takes from the file is read at start alone; where that has changed the log says so.
    func reload(_ file: String) async {
        do {
            let configuration = try PluginsConfiguration(file: file)
            try check(configuration)
            let difference = try await modules.apply(configuration)
            await certificates.use(configuration)
            for failure in difference.failed {
                journal.record(
                    Event("reload-failed", level: .error).with("module", failure.name).with(
                        "why", failure.why))
            }
            let waiting = configuration.keysThatWaitForRestart(since: configurationAtStart)
            if !waiting.isEmpty {
                journal.record(
                    Event("reload-waits-for-restart", level: .warning)
                        .with("keys", waiting.joined(separator: ",")))
            }
            journal.record(
                Event("reloaded").with("loaded", difference.loaded.joined(separator: ","))
                    .with("unloaded", difference.unloaded.joined(separator: ","))
                    .with("swapped", difference.swapped.joined(separator: ","))
                    .with("restarted", difference.restarted.joined(separator: ","))
                    .with("changed", difference.changed.joined(separator: ","))
                    .with("failed", difference.failed.map(\.name).joined(separator: ",")))
        } catch {
            journal.record(Event("reload-refused", level: .error).with("why", "\(error)"))
        }
    }

    /// What is the host's own, before anything is changed.
    private func check(_ configuration: PluginsConfiguration) throws {
        _ = try HubName(configuration.defaultHub)
        _ = try Self.verifiers(configuration.keptVerifiers)
        try certificates.check(configuration)
    }

    /// Sessions are closed as their protocols ask, addresses are given back, everything is on the disk.
    func stop() async {
        journal.record(Event("server-stopping"))
        sweeping.cancel()
        trimming.cancel()
        expiry.cancel()
        watching.cancel()
        bridging.cancel()
        await control.stop()
        await modules.stop()
        devices.stop()
        lanes.stop()
        journal.record(Event("server-stopped"))
        journal.stop()
    }

    private static func verifiers(_ names: [String]?) throws -> Set<VerifierKind> {
        guard let names else { return Set(VerifierKind.allCases) }
        return Set(
            try names.map { name in
                guard let kind = VerifierKind(rawValue: name) else {
                    let known = VerifierKind.allCases.map(\.rawValue).joined(separator: ", ")
                    throw HostError("[passwords] keep has \"\(name)\"; accepted are \(known)")
                }
                return kind
            })
    }

    /// The same at each start, so that clients get their former MAC addresses.
    private static func seed(_ store: AccountStore) throws -> UInt64 {
        if let kept = try store.secret("mac-seed"), kept.count == 8 {
            return kept.reduce(0) { $0 << 8 | UInt64($1) }
        }
        var generator = SystemRandomNumberGenerator()
        let seed = generator.next()
        try store.setSecret((0..<8).map { UInt8(truncatingIfNeeded: seed >> (56 - 8 * $0)) }, "mac-seed")
        return seed
    }

    private static func moduleDirectory(_ arguments: Polyhubd) -> URL {
        if let named = arguments.modules { return URL(fileURLWithPath: named) }
        return Bundle.main.bundleURL
    }
}
