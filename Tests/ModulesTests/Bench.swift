import Foundation
import Lanes
import PluginABI
import Sessions
import Synchronization
import Testing

@testable import Modules

/// A host for modules without accounts; everybody is let in on the hub LAB.
final class Bench: Sendable {
    let directory: URL
    let log = Mutex<[String]>([])
    /// What a checked module has broken.
    let broken = Mutex<[BrokenRule]>([])
    private let group: LaneGroup
    let hubLanes: [HubLane]

    init() throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent(
            "polyhub-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        group = try LaneGroup(count: 2)
        try group.start()
        let hubs = SessionHubs(seed: 1)
        hubs.add("DEFAULT")
        hubs.add("LAB")
        hubLanes = group.lanes.map { $0.performAndWait { HubLane($0, hubs: hubs, observer: nil) }! }
    }

    /// Whether anything of a private copy is mapped.
    var hasMappings: Bool {
        // Files of /proc have no size to be read by.
        let maps = (try? FileHandle(forReadingAtPath: "/proc/self/maps")?.readToEnd()) ?? Data()
        return String(decoding: maps, as: UTF8.self).contains(
            directory.appendingPathComponent("modules").path)
    }

    func port(of listener: String) throws -> UInt16 {
        try #require(UInt16(listener.split(separator: ":").last ?? ""))
    }

    func stop() {
        group.stop()
        try? FileManager.default.removeItem(at: directory)
    }

    /// The template of the ABI, compiled with its headers alone.
    func compileTemplate(replacing old: String = "", with new: String = "") throws -> String {
        var source = try String(
            contentsOf: Self.project.appendingPathComponent("Sources/PluginABI/template.c"), encoding: .utf8)
        if !old.isEmpty {
            try #require(source.contains(old))
            source = source.replacingOccurrences(of: old, with: new)
        }
        return try compile(source, [])
    }

    /// The module of Tests/Modules/counting.c with these macros.
    func compileCounting(_ macros: [String] = []) throws -> String {
        try compileModule("counting.c", macros)
    }

    /// A module of Tests/Modules with these macros.
    func compileModule(_ name: String, _ macros: [String] = []) throws -> String {
        let file = Self.project.appendingPathComponent("Tests/Modules/\(name)")
        return try compile(try String(contentsOf: file, encoding: .utf8), macros.map { "-D\($0)" })
    }

    /// The module of Tests/Modules/Broken/broken.c with that fault.
    func compileBroken(_ fault: String) throws -> String {
        try compileModule("Broken/broken.c", ["FAULT=\(fault)"])
    }

    /// A module as it was when an ABI was released, with that release's headers.
    func compilePinned(_ name: String, release: String, _ macros: [String] = []) throws -> String {
        let folder = Self.pinned(release)
        let source = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
        return try compile(source, macros.map { "-D\($0)" }, include: folder)
    }

    /// The headers of a release, and modules of its time.
    static func pinned(_ release: String) -> URL {
        project.appendingPathComponent("Tests/Modules/abi-\(release)")
    }

    static let project = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    func compile(_ source: String, _ options: [String], include: URL? = nil) throws -> String {
        let name = UUID().uuidString
        let input = directory.appendingPathComponent("\(name).c")
        let output = directory.appendingPathComponent("\(name).so")
        try source.write(to: input, atomically: true, encoding: .utf8)
        let include = (include ?? Self.project.appendingPathComponent("Sources/PluginABI/include")).path
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/cc")
        compiler.arguments =
            [
                "-std=c11", "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC", "-fvisibility=hidden", "-I", include,
            ] + options + ["-o", output.path, input.path]
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0)
        return output.path
    }

    func registry(
        _ library: String, name: String = "template", andAs other: String? = nil, listen: String...,
        isChecked: Bool = false,
        verdict: @escaping @Sendable (Evidence) -> Verdict = { evidence in
            .accepted(Identity(user: evidence.name, hub: "LAB", account: 1))
        }
    ) throws -> ModuleRegistry {
        let listen = listen.map { "\"\($0)\"" }.joined(separator: ", ")
        let sections = [name, other].compactMap { $0 }.map { name in
            "[\(name)]\nlibrary = \"\(library)\"\nlisten = [\(listen)]\n"
        }
        let configuration = try PluginsConfiguration(text: sections.joined(), file: "plugins.conf")
        let note: @Sendable (BrokenRule) -> Void = { [self] rule in broken.withLock { $0.append(rule) } }
        let runtime = ModuleRuntime(
            lanes: group, hubLanes: hubLanes, services: Services(verdict, isChecked ? note : nil),
            moduleDirectory: directory,
            stateDirectory: directory, configurationFile: "plugins.conf")
        return ModuleRegistry(runtime, configuration: configuration)
    }
}

private final class Services: ModuleServices {
    private let verdict: @Sendable (Evidence) -> Verdict
    let breachListener: (@Sendable (BrokenRule) -> Void)?

    init(
        _ verdict: @escaping @Sendable (Evidence) -> Verdict,
        _ breachListener: (@Sendable (BrokenRule) -> Void)?
    ) {
        self.verdict = verdict
        self.breachListener = breachListener
    }

    func judge(_ evidence: Evidence) async -> Verdict { verdict(evidence) }

    /// For everybody who is anybody.
    func changePassword(_ evidence: Evidence, to password: NewPassword) async -> Verdict {
        guard case .accepted = verdict(evidence), password.softEther.starts(with: [1, 2, 3]),
            password.ntHash.count == 16
        else { return .refused(code: PA_VERDICT_CREDENTIALS, sentence: "") }
        return .done
    }

    func log(module: String, level: UInt32, line: String) {}
    func isLogged(level: UInt32) -> Bool { false }
    func storedValue(module: String, name: String) throws -> [UInt8]? { nil }
    func store(module: String, name: String, value: [UInt8]) throws {}
    var certificate: ServerCertificate { ServerCertificate(chain: [], key: [], trust: []) }
    var publicName: String { "localhost" }
}

/// Somebody who talks to a module over UDP or TCP of the loopback interface.
final class Peer {
    enum Transport { case datagram, stream }

    private let descriptor: Int32

    init(_ transport: Transport, port: UInt16) throws {
        let kind = transport == .datagram ? SOCK_DGRAM : SOCK_STREAM
        descriptor = socket(AF_INET, Int32(kind.rawValue), 0)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(connected == 0)
    }

    deinit { close(descriptor) }

    func say(_ text: String) throws {
        try #require(send(descriptor, text, text.utf8.count, 0) == text.utf8.count)
    }

    /// What comes next, within ten seconds.
    func hear() throws -> String {
        var room = [UInt8](repeating: 0, count: 100)
        let count = recv(descriptor, &room, room.count, 0)
        try #require(count > 0)
        return String(decoding: room[..<count], as: UTF8.self)
    }

    func ask(_ text: String) throws -> String {
        try say(text)
        return try hear()
    }
}
