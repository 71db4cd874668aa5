import Accounts
import Control
import ControlRequests
import Foundation
import Journal

/// A control server over real accounts and a real journal, and a runtime that is scripted, in a directory of
/// its own.
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

/// Runs what blocks on a thread of its own, so that the server's tasks go on.
public func blocking<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result
{
    try await withCheckedThrowingContinuation { answer in
        Thread { answer.resume(with: Swift.Result(catching: body)) }.start()
    }
}

/// What a client sends on one connection before it closes its side, and all that comes back.
public func converse(_ path: String, _ request: [UInt8]) async throws -> [UInt8] {
    try await blocking {
        let client = try RawClient(path)
        client.send(request)
        client.finish()
        return client.readAll()
    }
}

/// A connection to the control socket that sends whatever it is told to. Blocks.
public final class RawClient: Sendable {
    private let descriptor: Int32

    struct Refused: Error {}

    public init(_ path: String) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            close(descriptor)
            throw Refused()
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    public func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard written > 0 else { return }
            rest = rest.dropFirst(written)
        }
    }

    public func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Up to and without the next line feed.
    public func readLine() -> String {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(descriptor, &byte, 1) == 1, byte != 0x0a { line.append(byte) }
        return String(decoding: line, as: UTF8.self)
    }

    public func readAll() -> [UInt8] {
        var answer: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &block, block.count)
            guard count > 0 else { return answer }
            answer += block.prefix(count)
        }
    }
}
