import Foundation
import Testing

/// A UDP socket that asks a module on loopback and waits for what comes back.
final class UDPExchange {
    private let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)

    init(port: UInt16) throws {
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

    func ask(_ text: String) throws -> String {
        try #require(send(descriptor, text, text.utf8.count, 0) == text.utf8.count)
        var room = [UInt8](repeating: 0, count: 100)
        let count = recv(descriptor, &room, room.count, 0)
        try #require(count > 0)
        return String(decoding: room[..<count], as: UTF8.self)
    }
}
