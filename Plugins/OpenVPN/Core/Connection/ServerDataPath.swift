public import PluginABI
import Wire

/// Data packets, in place and without allocation.
extension Server {
    /// What an arriving packet was.
    public enum Arrival {
        /// The slice is now the IP packet or Ethernet frame of this client.
        case payload(Connection)
        /// Dealt with, or dropped. There may be outputs.
        case consumed
        /// A control packet, untouched: give it to `receive`.
        case control
        /// A packet of another lane's client, untouched.
        case handOver(lane: Int)
    }

    /// Looks at a packet (a datagram, or a stream's packet without its length) and opens it in place if it
    /// carries data.
    public func open(_ slice: inout pa_slice_v1, from path: Path, at moment: Moment) -> Arrival {
        guard let start = unsafe slice.start, unsafe slice.length > 0,
            let opcode = unsafe Opcode(firstOctet: start.pointee)
        else { return .consumed }
        switch opcode {
        case .dataV2:
            guard unsafe slice.length >= 4 else { return .consumed }
            let word = unsafe UInt32(bigEndian: UnsafeRawPointer(start).loadUnaligned(as: UInt32.self))
            let peerID = Int(word & 0xff_ffff)
            guard let index = localIndex(ofPeer: peerID) else {
                return remember(path, of: peerID >> (Self.peerIDBits - laneBits))
            }
            guard index < connections.count, let connection = connections[index] else { return .consumed }
            return unsafe open(&slice, of: connection, from: path, at: moment)
        case .dataV1:
            guard let index = owners[path], let connection = connections[index] else { return .consumed }
            return unsafe open(&slice, of: connection, from: path, at: moment)
        case .softReset, .control, .acknowledgement, .hardResetClientV2, .hardResetServerV2,
            .hardResetClientV3,
            .controlWKc:
            guard let other = roamed[path], owners[path] == nil, unsafe !isKnown(slice, from: path) else {
                return .control
            }
            return .handOver(lane: other)
        }
    }

    /// The place of a peer id in this lane's table; nil when it is another lane's.
    @inline(__always)
    func localIndex(ofPeer peerID: Int) -> Int? {
        guard peerID >> (Self.peerIDBits - laneBits) == lane else { return nil }
        return peerID & (1 << (Self.peerIDBits - laneBits) - 1)
    }

    private func open(
        _ slice: inout pa_slice_v1, of connection: Connection, from path: Path, at moment: Moment
    ) -> Arrival {
        guard let data = connection.data else { return .consumed }
        let hasMoved = connection.path != path
        if hasMoved, !mayMove(connection, to: path) { return .consumed }
        switch unsafe data.open(&slice) {
        case .payload:
            accept(connection, hasMoved ? path : nil, at: moment)
            return .payload(connection)
        case .ping:
            accept(connection, hasMoved ? path : nil, at: moment)
        case .occ(let message):
            accept(connection, hasMoved ? path : nil, at: moment)
            if message == .exit {
                connection.end(.client)
                settle(connection)
            }
        case .dropped(let reason):
            drops[reason.rawValue] &+= 1
        }
        return .consumed
    }

    /// Before the packet is opened: never onto a live peer's address (CVE-2020-11810), never from or to a
    /// stream.
    private func mayMove(_ connection: Connection, to path: Path) -> Bool {
        path.transport == .datagram && connection.path.transport == .datagram && owners[path] == nil
    }

    /// The packet was authentic.
    @inline(__always)
    private func accept(_ connection: Connection, _ path: Path?, at moment: Moment) {
        connection.lastHeard = moment.now
        if let path { move(connection, to: path) }
    }

    private func move(_ connection: Connection, to path: Path) {
        let index = connection.id.index
        forget(connection.flow, of: index)
        if owners[connection.path] == index { owners[connection.path] = nil }
        connection.log(.notice, "moved to=\(path.remote)")
        connection.path = path
        flows[connection.flow] = index
        owners[path] = index
        resources.outbox.append(.moved(connection.id, path))
    }

    /// Whether a control packet is one of a connection here: a data packet with a forged source does not send
    /// a handshake under way to another lane.
    private func isKnown(_ slice: pa_slice_v1, from path: Path) -> Bool {
        guard let start = unsafe slice.start, unsafe slice.length >= ControlHead.length else { return false }
        let session = unsafe UnsafeRawPointer(start + 1).loadUnaligned(as: UInt64.self).bigEndian
        return flows[Flow(path: path, session: SessionID(session))] != nil
    }

    /// Control packets say no lane: those of a client that roamed follow its data packets.
    private func remember(_ path: Path, of lane: Int) -> Arrival {
        guard lane < lanes else { return .consumed }
        if roamed[path] != lane {
            if roamed.count >= Self.maxRoamed { roamed.removeAll() }
            roamed[path] = lane
        }
        return .handOver(lane: lane)
    }
}
