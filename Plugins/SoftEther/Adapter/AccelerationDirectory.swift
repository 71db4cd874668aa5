import EngineParts
import OpenSSL
import PluginKit
import SoftEtherCore
import Synchronization
import Wire

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
    fileprivate struct Source: Hashable {
        let high: UInt64
        let low: UInt64

        init(high: UInt64, low: UInt64) {
            self.high = high
            self.low = low
        }

        init(_ endpoint: Endpoint) { self.init(high: endpoint.high, low: endpoint.low) }
    }

    fileprivate struct Entry {
        let place: Place
        let key: SecretBytes
    }

    private struct State {
        var entries: [Source: [Entry]] = [:]
        var flows: [Endpoint: Place] = [:]
        /// Lanes that have taken over from another instance.
        var succeeded: Set<Int> = []

        /// What another instance has told of a session is not told twice.
        mutating func add(_ entry: Entry, from source: Source) {
            guard entries[source]?.contains(where: { $0.place == entry.place }) != true else { return }
            entries[source, default: []].append(entry)
        }

        mutating func keep(where isLeft: (Place) -> Bool) {
            entries = entries.compactMapValues { entries in
                let left = entries.filter { isLeft($0.place) }
                return left.isEmpty ? nil : left
            }
        }

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
        state.withLock { $0.add(entry, from: Source(remote)) }
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
        let (place, isKnown) = look(for: packet, from: remote)
        guard let place, !isKnown else { return place }
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

    /// The same, without remembering it; and whether it was remembered.
    func look(for packet: [UInt8], from remote: Endpoint) -> (place: Place?, isKnown: Bool) {
        let (known, candidates) = state.withLock { state in
            (state.flow(of: remote), state.entries[Source(remote)]?.suffix(Self.tried) ?? [])
        }
        if let known { return (known, true) }
        guard packet.count >= AccelerationPacket.overhead else { return (nil, false) }
        return (candidates.reversed().first { isSealed(packet, by: $0.key) }?.place, false)
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

// MARK: - Handover

/// Another instance's lanes are taken over one after the other, and each of its datagrams comes on any lane:
/// so a lane knows the sessions of all others before they have come.
extension AccelerationDirectory {
    func serialize(into octets: inout [UInt8]) {
        let entries = state.withLock { state in
            state.entries.flatMap { source, entries in entries.map { (source, $0) } }
        }
        octets.appendBigEndian(UInt32(entries.count))
        for (source, entry) in entries {
            octets.appendBigEndian(source.high)
            octets.appendBigEndian(source.low)
            octets.append(UInt8(entry.place.lane))
            octets.appendBigEndian(entry.place.session)
            octets.append(contentsOf: Array(copying: entry.key.bytes))
        }
    }

    /// What another instance knows.
    struct Told {
        fileprivate var entries: [(Source, Entry)] = []

        init(parsing reader: inout ByteReader) throws(WireError) {
            for _ in 0..<(try reader.readCount()) {
                let source = Source(high: try reader.read(UInt64.self), low: try reader.read(UInt64.self))
                let place = Place(
                    lane: Int(try reader.read(UInt8.self)), session: try reader.read(UInt64.self))
                var key = try reader.take(Acceleration.usedKeyLength)
                entries.append((source, Entry(place: place, key: SecretBytes(copying: key))))
                wipe(&key)
            }
        }
    }

    /// `lane` takes over now, and what is told of the lanes that are still to do so is not yet the last word.
    func succeed(_ told: Told, on lane: Int) {
        state.withLock { state in
            let succeeded = state.succeeded
            state.keep { succeeded.contains($0.lane) }
            for (source, entry) in told.entries where !succeeded.contains(entry.place.lane) {
                state.add(entry, from: source)
            }
            state.succeeded.insert(lane)
        }
        generations.add(1, ordering: .relaxed)
    }

    /// The other instance has no session left on `lane`: these are all that there are.
    func succeeded(on lane: Int, to sessions: Set<UInt64>) {
        state.withLock { $0.keep { $0.lane != lane || sessions.contains($0.session) } }
        generations.add(1, ordering: .relaxed)
    }
}
