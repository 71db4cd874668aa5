import OpenSSL
import PluginKit
import SoftEtherCore
import Synchronization

/// Which session the datagrams of a source belong to. All lanes receive on one port, and the kernel gives a
/// client's datagrams to any of them; so the lanes share what they have found out, by opening a copy.
///
/// There is one answer for a source, and all lanes have it: what a lane remembers of it is good for a
/// `generation` alone. Otherwise two of them could send each other a datagram for ever, each sure that the
/// client is the other one's.
///
/// A client's datagrams have to come from the address of its TCP connections. Bounds: 16 sessions are tried
/// for an address, the newest first; 16,384 sources, which are all found out anew when there are more.
final class AccelerationDirectory: Sendable {
    private static let tried = 16
    private static let maxFlows = 16_384

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

    private struct State {
        var entries: [Source: [Entry]] = [:]
        var flows: [Endpoint: Place] = [:]

        /// The answer for a source, while that session lives.
        func flow(of remote: Endpoint) -> Place? {
            guard let place = flows[remote] else { return nil }
            return entries[Source(remote)]?.contains { $0.place == place } == true ? place : nil
        }
    }

    private let state = Mutex(State())
    private let generations = Atomic<Int>(0)

    /// Changes when an answer is not true any more.
    var generation: Int { generations.load(ordering: .relaxed) }

    /// `key`: what is used of the client's.
    func add(_ place: Place, from remote: Endpoint, key: SecretBytes) {
        let entry = Entry(place: place, key: key)
        state.withLock { $0.entries[Source(remote), default: []].append(entry) }
    }

    func remove(_ place: Place, from remote: Endpoint) {
        state.withLock { state in
            state.entries[Source(remote)]?.removeAll { $0.place == place }
            if state.entries[Source(remote)]?.isEmpty == true { state.entries[Source(remote)] = nil }
        }
        // Flows of the session that is over are noticed by `find`, or by the lane that has them.
        generations.add(1, ordering: .relaxed)
    }

    /// What comes from `remote` is not `place`'s.
    func forget(_ remote: Endpoint, of place: Place) {
        let isForgotten = state.withLock { state in
            guard state.flows[remote] == place else { return false }
            state.flows[remote] = nil
            return true
        }
        if isForgotten { generations.add(1, ordering: .relaxed) }
    }

    /// Nil: nobody's. `packet` is opened only where the source is not known.
    func find(_ packet: [UInt8], from remote: Endpoint) -> Place? {
        let (known, candidates) = state.withLock { state in
            (state.flow(of: remote), state.entries[Source(remote)]?.suffix(Self.tried) ?? [])
        }
        if let known { return known }
        guard packet.count >= AccelerationPacket.overhead,
            let place = candidates.reversed().first(where: { isSealed(packet, by: $0.key) })?.place
        else { return nil }
        return state.withLock { state in
            // Two lanes may be here at once; the first one's answer counts.
            if let other = state.flow(of: remote) { return other }
            if state.flows.count >= Self.maxFlows {
                state.flows.removeAll()
                generations.add(1, ordering: .relaxed)
            }
            state.flows[remote] = place
            return place
        }
    }

    private func isSealed(_ packet: [UInt8], by key: SecretBytes) -> Bool {
        guard let context = try? AEADContext(.chaCha20Poly1305, key: key.bytes, .decrypt) else {
            return false
        }
        var copy = packet
        var span = copy.mutableSpan
        var bytes = unsafe span.mutableBytes
        let text = AccelerationPacket.nonceLength..<packet.count - AccelerationPacket.tagLength
        return context.open(&bytes, text: text)
    }
}
