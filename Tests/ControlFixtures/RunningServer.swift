import Accounts
import Control
import ControlRequests
import Foundation
import Journal

/// A control server over real accounts and a real journal, and a runtime that is scripted, in a directory of its own.
public final class RunningServer: Sendable {
    public let state: String
    public let store: AccountStore
    public let journal: Journal
    public let methods: MethodTable
    private let server: ControlServer
    private let directory: StateDirectory

    public init() async throws {
        state = NSTemporaryDirectory() + "polyhub-" + UUID().uuidString.prefix(8)
        directory = try StateDirectory(claiming: state)
        store = try AccountStore(in: directory)
        journal = try Journal(directory: directory.file("log"))
        methods = MethodTable(store: store, journal: journal, runtime: ScriptedRuntime())
        server = try await ControlServer(
            socketPath: directory.file(ControlServer.socketName), methods: methods)
    }

    public var socketPath: String { directory.file(ControlServer.socketName) }

    public func stop() async {
        await server.stop()
        journal.stop()
        try? FileManager.default.removeItem(atPath: state)
    }

    /// Runs `body` with a server, and stops it whatever happens.
    public static func with(_ body: (RunningServer) async throws -> Void) async throws {
        let server = try await RunningServer()
        do {
            try await body(server)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }
}

/// What a client sends on one connection, and all that comes back before the server closes it or the client is
/// satisfied. Blocks: for tests.
public func converse(_ path: String, _ request: [UInt8], until isEnough: ([UInt8]) -> Bool = { _ in false })
    -> [UInt8]
{
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    let result = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    guard result == 0 else { return [] }
    var rest = request[...]
    while !rest.isEmpty {
        let written = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard written > 0 else { break }
        rest = rest.dropFirst(written)
    }
    shutdown(descriptor, Int32(SHUT_WR))
    var answer: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 65536)
    while !isEnough(answer) {
        let count = read(descriptor, &block, block.count)
        guard count > 0 else { break }
        answer += block.prefix(count)
    }
    return answer
}
