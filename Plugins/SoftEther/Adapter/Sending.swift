import PluginKit
import SoftEtherCore
import Wire

/// Frames from the hub, sent in place.
extension SoftEtherLane {
    /// A connection that has more than this waiting is not the next one to be written to.
    private static let congested = 65_536

    /// Which frames go, and over which connections.
    private enum Lot {
        case all
        /// What must not wait, over the first connection if it can.
        case urgent
        case ordinary
    }

    func transmit(_ frames: consuming FrameBatch, toSession token: UInt64) {
        guard let client = clients[token] else { return }
        var frames = frames
        if sendDatagrams(&frames, to: client) { return }
        let isApart =
            client.session.terms.hasPriority
            && client.session.connections.count(where: \.carriesToClient) > 1
        guard isApart else { return send(frames, .all, to: client) }
        send(frames, .urgent, to: client)
        send(frames, .ordinary, to: client)
    }

    private func send(_ frames: borrowing FrameBatch, _ lot: Lot, to client: Client) {
        var next = 0
        while next < frames.count {
            let count = min(frames.count - next, output.capacity - 1)
            guard gather(frames, next..<next + count, lot, client.session.terms) else { break }
            let gathered = output.count - 1
            if gathered > 0, !write(lot, to: client) { counters.add(gathered, to: .fullStreamDrops) }
            next += count
        }
        if next < frames.count { counters.add(frames.count - next, to: .fullStreamDrops) }
    }

    /// `output` becomes a count of blocks and the blocks. False where this turn has sent all that it can.
    private func gather(
        _ frames: borrowing FrameBatch, _ range: Range<Int>, _ lot: Lot, _ terms: SessionTerms
    ) -> Bool {
        output.removeAll()
        guard var head = memory.take(Block.headLength, at: services.now) else { return false }
        output.append(head)
        for index in range {
            var frame = frames[index]
            if lot != .all, FrameUrgency.isUrgent(frame.bytes) != (lot == .urgent) { continue }
            if terms.compresses {
                guard let block = compression.compress(frame, at: services.now) else { continue }
                frame = block
            }
            let length = frame.count
            guard frame.growFront(Block.headLength) else { continue }
            Block.write(UInt32(length), to: &frame)
            output.append(frame)
        }
        Block.write(UInt32(output.count - 1), to: &head)
        return true
    }

    /// To the connection whose turn it is, or to the next one that has room; to those that seem to be dead
    /// only where all do.
    private func write(_ lot: Lot, to client: Client) -> Bool {
        write(lot, to: client, alsoSilent: false) || write(lot, to: client, alsoSilent: true)
    }

    private func write(_ lot: Lot, to client: Client, alsoSilent: Bool) -> Bool {
        let connections = client.session.connections
        let silence = client.session.terms.silence
        let first = connections.firstIndex(where: \.carriesToClient) ?? 0
        let start = lot == .urgent ? first : client.turn
        for offset in 0..<connections.count {
            let index = (start + offset) % connections.count
            let connection = connections[index]
            guard connection.carriesToClient, lot != .ordinary || index != first,
                connection.isSilent(for: silence, at: services.now) == alsoSilent,
                let link = links[connection.stream]
            else { continue }
            let result = services.write(output, to: link.handle)
            guard result.status != .limit else { continue }
            if lot != .urgent { client.turn = result.queued > Self.congested ? index + 1 : index }
            return true
        }
        return false
    }
}

extension Block {
    /// A number of four octets at the front of `slice`, which has them.
    @inline(__always)
    fileprivate static func write(_ number: UInt32, to slice: inout PacketSlice) {
        var bytes = slice.mutableBytes
        bytes.storeBytes(of: number.bigEndian, as: UInt32.self)
    }
}
