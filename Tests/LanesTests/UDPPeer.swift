import Glibc
import Lanes
import PluginABI

/// A blocking UDP socket of a test, with a deadline on every receive.
final class UDPPeer {
    let descriptor: Int32
    let local: Endpoint

    init(host: String = "127.0.0.1", port: UInt16 = 0) {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        precondition(descriptor >= 0)
        setDeadline(descriptor)
        var size = Int32(8 << 20)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, socklen_t(MemoryLayout<Int32>.size))
        var name = sockaddr_in(Endpoint(host: host, port: port)!)
        precondition(withName(&name) { bind(descriptor, $0, $1) } == 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = getsockname(descriptor, $0, &length)
            }
        }
        self.descriptor = descriptor
        local = Endpoint(name)
    }

    deinit { close(descriptor) }

    func send(_ octets: [UInt8], to remote: Endpoint) {
        var name = sockaddr_in(remote)
        let sent = withName(&name) { sendto(descriptor, octets, octets.count, 0, $0, $1) }
        precondition(sent == octets.count)
    }

    /// The next datagram and where it came from; nil after the deadline.
    func receive() -> (octets: [UInt8], from: Endpoint)? {
        var octets = [UInt8](repeating: 0, count: 65536)
        var name = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let count = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(descriptor, &octets, octets.count, 0, $0, &length)
            }
        }
        guard count >= 0 else { return nil }
        return (Array(octets[..<count]), Endpoint(name))
    }
}

private func withName<Result>(
    _ name: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
    withUnsafePointer(to: &name) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

/// A receive on the descriptor fails after five seconds rather than hanging the test.
func setDeadline(_ descriptor: Int32, seconds: Int = 5) {
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
}

extension sockaddr_in {
    init(_ endpoint: Endpoint) {
        self.init()
        sin_family = sa_family_t(AF_INET)
        sin_port = endpoint.port.bigEndian
        let octets = endpoint.address.octets
        sin_addr.s_addr =
            (UInt32(octets.3) << 24 | UInt32(octets.2) << 16 | UInt32(octets.1) << 8 | UInt32(octets.0))
    }
}

extension Endpoint {
    init(_ name: sockaddr_in) {
        let bits = name.sin_addr.s_addr
        let host = "\(bits & 255).\(bits >> 8 & 255).\(bits >> 16 & 255).\(bits >> 24)"
        self.init(host: host, port: UInt16(bigEndian: name.sin_port))!
    }
}
