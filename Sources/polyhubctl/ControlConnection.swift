import ControlRequests
import Foundation

/// A connection to the server's control socket: one request at a time, each waited for.
struct ControlConnection: ~Copyable {
    private let descriptor: Int32
    private var unread: [UInt8] = []
    private var nextID: Int64 = 1

    init(socketPath: String) throws(ControlError) {
        var address = sockaddr_un()
        guard socketPath.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw ControlError("\(socketPath) is too long for a socket: give a shorter --state")
        }
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: socketPath.utf8) }
        let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            let why = unsafe String(cString: strerror(errno))
            close(socket)
            throw ControlError(
                "no polyhubd answers at \(socketPath) (\(why)): "
                    + "--state DIR of a running server is accepted, with the rights of its owner")
        }
        descriptor = socket
    }

    deinit { close(descriptor) }

    /// Waits for the answer; throws the server's refusal.
    mutating func send<Request: ControlRequest>(_ request: Request) throws -> Request.Answer {
        let id = RequestID.number(nextID)
        nextID += 1
        try write(try JSONEncoder().encode(RequestEnvelope(id: id, params: request)) + [0x0a])
        while let line = try readLine() {
            let response = try Self.decode(ResponseEnvelope<Request.Answer>.self, line)
            guard response.id == id || response.id == .null else { continue }
            if let error = response.error { throw error }
            guard let result = response.result else { throw ControlError("the server's answer is empty") }
            return result
        }
        throw ControlError("the server closed the connection before it answered \(Request.method)")
    }

    /// The next line of a log that is followed; nil when the server ends it.
    mutating func nextLogLine() throws -> String? {
        guard let line = try readLine() else { return nil }
        return try Self.decode(LogLineNotification.self, line).params.line
    }

    private static func decode<Value: Decodable>(_: Value.Type, _ line: [UInt8]) throws -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: Data(line))
        } catch {
            throw ControlError("the server answers in another way than this polyhubctl understands: \(error)")
        }
    }

    private func write(_ data: Data) throws(ControlError) {
        var bytes = [UInt8](data)[...]
        while !bytes.isEmpty {
            let written = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Foundation.send(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw ControlError("the server closed the connection") }
            bytes = bytes.dropFirst(written)
        }
    }

    private mutating func readLine() throws(ControlError) -> [UInt8]? {
        var searched = 0
        while true {
            if let end = unread[searched...].firstIndex(of: 0x0a) {
                defer { unread.removeSubrange(...end) }
                return Array(unread[..<end])
            }
            searched = unread.count
            var block = [UInt8](repeating: 0, count: 64 << 10)
            let count = unsafe read(descriptor, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            unread += block.prefix(count)
        }
    }
}
