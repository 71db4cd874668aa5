import Foundation
import Wire

/// Somebody who talks to the module over a socket, without a protocol.
final class LoopbackPeer {
    /// A numeric IPv4 address and a port.
    struct Address: Hashable {
        let raw: in_addr_t
        let port: UInt16

        init?(_ text: String) {
            let parts = text.split(separator: ":")
            var found = in_addr()
            guard parts.count == 2, let port = UInt16(parts[1]),
                inet_pton(AF_INET, String(parts[0]), &found) == 1
            else { return nil }
            raw = found.s_addr
            self.port = port
        }
    }

    enum Transport { case datagrams, stream }

    private let descriptor: Int32

    /// Nil where the address is taken, or nobody answers.
    init?(_ transport: Transport, from own: Address? = nil, to other: Address) {
        let kind = transport == .datagrams ? SOCK_DGRAM : SOCK_STREAM
        descriptor = socket(AF_INET, Int32(kind.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        if let own, Self.with(own, { bind(descriptor, $0, $1) }) != 0 { return nil }
        guard Self.with(other, { connect(descriptor, $0, $1) }) == 0 else { return nil }
    }

    deinit { close(descriptor) }

    func send(_ octets: [UInt8]) {
        _ = Foundation.send(
            descriptor, octets, octets.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
    }

    /// How many pieces have arrived since the last call.
    func drain() -> Int {
        var room = [UInt8](repeating: 0, count: 65_536)
        var count = 0
        while recv(descriptor, &room, room.count, Int32(MSG_DONTWAIT)) > 0 { count += 1 }
        return count
    }

    /// Ends a stream with a reset.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
    }

    private static func with(_ address: Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32)
        -> Int32
    {
        var raw = sockaddr_in()
        raw.sin_family = sa_family_t(AF_INET)
        raw.sin_port = address.port.bigEndian
        raw.sin_addr.s_addr = address.raw
        return withUnsafePointer(to: raw) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

/// Octets that nobody would send, the same for the same seed.
struct Nonsense: RandomNumberGenerator {
    private var numbers: SplitMix64
    init(seed: UInt64) { numbers = SplitMix64(seed: seed) }

    mutating func next() -> UInt64 { numbers.next() }

    /// Mostly short, now and then as long as a datagram can be; sometimes all the same octet.
    mutating func octets(upTo limit: Int) -> [UInt8] {
        let kind = next()
        let longest = kind % 32 == 0 ? limit : kind % 2 == 0 ? 1500 : 64
        let count = Int.random(in: 0...min(longest, limit), using: &self)
        if kind % 7 == 0 { return Array(repeating: UInt8(truncatingIfNeeded: next()), count: count) }
        var words = (0..<(count / 8 + 1)).map { _ in next() }
        return words.withUnsafeMutableBytes { Array($0.prefix(count)) }
    }
}
