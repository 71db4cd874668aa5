import OpenSSL
import PluginKit
import SoftEtherCore
import Synchronization

/// Which session a datagram of a yet unknown source port belongs to. All lanes receive on one port, and the
/// kernel gives a client's datagrams to any of them; so the lanes share what they need to find out, by
/// opening a copy.
///
/// A client's datagrams have to come from the address of its TCP connections. Bounds: 16 sessions are tried
/// for an address, the newest first.
final class AccelerationDirectory: Sendable {
    private static let tried = 16

    struct Place: Hashable, Sendable {
        let lane: Int
        let session: UInt64
    }

    /// An address without its port.
    private struct Source: Hashable {
        let high: UInt64
        let low: UInt64

        init(_ endpoint: Endpoint) {
            high = endpoint.high
            low = endpoint.low
        }
    }

    private struct Entry {
        let place: Place
        let key: SecretBytes
    }

    private let entries = Mutex<[Source: [Entry]]>([:])

    func add(_ place: Place, from remote: Endpoint, key: [UInt8]) {
        let entry = Entry(
            place: place, key: SecretBytes(copying: Array(key.prefix(Acceleration.usedKeyLength))))
        entries.withLock { $0[Source(remote), default: []].append(entry) }
    }

    func remove(_ place: Place, from remote: Endpoint) {
        entries.withLock { entries in
            entries[Source(remote)]?.removeAll { $0.place == place }
            if entries[Source(remote)]?.isEmpty == true { entries[Source(remote)] = nil }
        }
    }

    /// Nil: nobody's.
    func find(_ packet: [UInt8], from remote: Endpoint) -> Place? {
        guard packet.count >= AccelerationPacket.overhead else { return nil }
        let candidates = entries.withLock { $0[Source(remote)]?.suffix(Self.tried) ?? [] }
        return candidates.reversed().first { entry in
            guard let context = try? AEADContext(.chaCha20Poly1305, key: entry.key.bytes, .decrypt) else {
                return false
            }
            var copy = packet
            var span = copy.mutableSpan
            var bytes = unsafe span.mutableBytes
            let text = AccelerationPacket.nonceLength..<packet.count - AccelerationPacket.tagLength
            return context.open(&bytes, text: text)
        }?.place
    }
}
