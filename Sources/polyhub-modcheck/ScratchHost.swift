import Foundation
import Hub
import Lanes
import Modules
import OpenSSL
import PluginABI
import Sessions
import Synchronization

/// A host without accounts, disk or network: two lanes, one hub, and everybody is let in. It is the server's
/// own code, which checks every call between both sides.
final class ScratchHost: @unchecked Sendable {
    static let hub = "SCRATCH"

    let hubLanes: [HubLane]
    let runtime: ModuleRuntime
    private let services: ScratchServices
    private let group: LaneGroup
    private let directory: URL
    private var feeders: [Feeder] = []

    init(_ report: @escaping @Sendable (BrokenRule) -> Void) throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent(
            "polyhub-modcheck-\(ProcessInfo.processInfo.processIdentifier)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        group = try LaneGroup(count: 2, LaneOptions(turnOctets: 4 << 20, ringOctets: 1 << 18))
        try group.start()
        let hubs = SessionHubs(seed: 1)
        hubs.add(Self.hub)
        hubLanes = group.lanes.map { $0.performAndWait { HubLane($0, hubs: hubs, observer: nil) }! }
        services = try ScratchServices(report)
        runtime = ModuleRuntime(
            lanes: group, hubLanes: hubLanes, services: services,
            moduleDirectory: directory, stateDirectory: directory, configurationFile: "plugins.conf")
        feeders = hubLanes.compactMap { hubLane in
            hubLane.lane.performAndWait { _ in Feeder(hubs, on: hubLane) } ?? nil
        }
    }

    /// What swaps meet with from now on.
    func meet(_ trial: HandoverTrial?) { services.trial.withLock { $0 = trial } }

    func stop() {
        group.stop()
        try? FileManager.default.removeItem(at: directory)
    }

    /// Where private copies of libraries are mapped from.
    var copies: URL { directory.appendingPathComponent("modules") }

    /// Every lane goes through what has arrived, and through what that leads to.
    func settle(_ rounds: Int = 2) {
        for _ in 0..<rounds {
            for lane in group.lanes { lane.performAndWait { _ in } }
        }
    }

    /// Frames from another port of the hub, for whoever has a session.
    func feedHub(_ frame: [UInt8]) {
        for feeder in feeders { feeder.lane.performAndWait { _ in feeder.feed(frame) } }
    }

    var sessions: [SessionSnapshot] {
        hubLanes.flatMap { hubLane in hubLane.lane.performAndWait { _ in hubLane.snapshots } ?? [] }
    }
}

/// Another port of the hub, on one lane.
private final class Feeder: PortSink, @unchecked Sendable {
    let lane: Lane
    private let hubLane: HubLane
    private var port: HubPort!

    init?(_ hubs: SessionHubs, on hubLane: HubLane) {
        self.hubLane = hubLane
        lane = hubLane.lane
        guard let hub = hubs[ScratchHost.hub],
            let port = hubLane.attach(to: hub, needs: HubPort.Needs(), as: .bridge, sink: self)
        else { return nil }
        self.port = port
    }

    func feed(_ frame: [UInt8]) {
        guard var slice = lane.allocate(frame.count) else { return }
        slice.start.update(from: frame, count: frame.count)
        slice.length = UInt32(frame.count)
        withUnsafeMutablePointer(to: &slice) {
            hubLane.receive(UnsafeMutableBufferPointer(start: $0, count: 1), from: port)
        }
    }

    func deliver(_ batch: UnsafeMutableBufferPointer<pa_slice_v1>, from port: HubPort) {}
}

/// Accepts all evidence, keeps values in memory, forgets log lines.
private final class ScratchServices: ModuleServices {
    let certificate: ServerCertificate
    let publicName = "localhost"
    private let values = Mutex<[String: [UInt8]]>([:])

    let breachListener: (@Sendable (BrokenRule) -> Void)?
    let trial = Mutex<HandoverTrial?>(nil)
    var handoverTrial: HandoverTrial? { trial.withLock { $0 } }

    init(_ breachListener: @escaping @Sendable (BrokenRule) -> Void) throws {
        self.breachListener = breachListener
        let year = 365 * 86_400
        let authority = try CertificateMaker.make(
            .authority, commonName: "scratch", signer: nil, validTo: year)
        let own = try CertificateMaker.make(
            .server(names: ["localhost"]), commonName: "localhost", signer: authority, validTo: year)
        certificate = ServerCertificate(
            chain: Array(own.certificate.utf8), key: Array(own.key.utf8),
            trust: Array(authority.certificate.utf8))
    }

    func judge(_ evidence: Evidence) async -> Verdict {
        let user = evidence.name.split(separator: "@").first.map(String.init) ?? "somebody"
        let identity = Identity(user: user, hub: ScratchHost.hub, account: 1)
        let key = [UInt8](repeating: 7, count: 16)
        return .accepted(
            identity, response: [UInt8](repeating: 7, count: 20), receiveKey: key, sendKey: key)
    }

    func log(module: String, level: UInt32, line: String) {}
    func isLogged(level: UInt32) -> Bool { true }
    func storedValue(module: String, name: String) throws -> [UInt8]? { values.withLock { $0[name] } }
    func store(module: String, name: String, value: [UInt8]) throws {
        values.withLock { $0[name] = value.isEmpty ? nil : value }
    }
}
