import Glibc
import Lanes

/// A blocking TCP connection of a test, with a deadline on every receive.
final class TCPPeer {
    let descriptor: Int32

    init(to remote: Endpoint, receiveBuffer: Int32? = nil) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        precondition(descriptor >= 0)
        setDeadline(descriptor)
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var name = sockaddr_in(remote)
        let connected = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(connected == 0)
    }

    deinit { close(descriptor) }

    func send(_ octets: [UInt8]) {
        var sent = 0
        while sent < octets.count {
            let count = octets.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, octets.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// So many octets, or less when the stream ends or the deadline passes.
    func receive(_ count: Int) -> [UInt8] {
        var octets: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 65536)
        while octets.count < count {
            let received = recv(descriptor, &room, min(room.count, count - octets.count), 0)
            guard received > 0 else { break }
            octets += room[..<received]
        }
        return octets
    }

    /// Whether the other side has reset the stream.
    func isReset() -> Bool {
        var octet: UInt8 = 0
        return recv(descriptor, &octet, 1, 0) == -1 && errno == ECONNRESET
    }

    /// Whether the stream ends here.
    func isAtEnd() -> Bool {
        var octet: UInt8 = 0
        return recv(descriptor, &octet, 1, 0) == 0
    }
}
