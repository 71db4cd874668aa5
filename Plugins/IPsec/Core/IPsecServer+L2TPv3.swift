import EngineParts
import IKEv1
import L2TP
import PluginABI
import Wire

/// L2TPv3 within the SAs of a peer: one Ethernet pseudowire is its place on a hub.
extension IPsecServer {
    /// Who we say that we are in SCCRP.
    private static let hostName = "polyhub"

    /// `slice`: behind the IP or UDP header.
    func receiveL2TP(
        _ slice: inout pa_slice_v1, _ service: Service, _ child: ESPChild, at now: Instant
    ) -> IPsecReceived {
        let bytes = unsafe RawSpan(_unsafeStart: slice.start, byteCount: Int(slice.length))
        guard bytes.byteCount >= 4 else { return drop(.malformed) }
        let first: UInt32 = bytes.bigEndian(at: 0)
        let isControl = service == .l2tpUDP ? first >> 31 == 1 : first == 0
        if isControl {
            let octets = bytes.extracting(droppingFirst: service == .l2tpUDP ? 0 : 4)
            do throws(WireError) {
                try receiveControl(octets, service, child, at: now)
            } catch {
                return drop(.malformed)
            }
            return .consumed
        }
        let offset = service == .l2tpUDP ? 4 : 0
        let peer = child.peer
        guard let session = peer.l2tp.session, bytes.byteCount >= offset + 4,
            bytes.bigEndian(at: offset, as: UInt32.self) == session.localID
        else { return drop(.noSession) }
        let header = session.receivedHeaderLength
        guard bytes.byteCount >= header + EthernetFrame.headerLength else { return drop(.malformed) }
        unsafe slice.dropFirst(header)
        return .frame(PlaceID(peer.id, .l2tp))
    }

    // MARK: Control

    private func receiveControl(
        _ octets: RawSpan, _ service: Service, _ child: ESPChild, at now: Instant
    ) throws(WireError) {
        let peer = child.peer
        var input = ByteReader(octets)
        let header = try L2TPv3Header(parsing: &input)
        peer.l2tp.service = service
        if header.connection == 0 {
            try receiveFirst(header, &input, service, child, at: now)
        } else if let index = peer.l2tp.index(of: header.connection) {
            try peer.l2tp.connections[index].receive(header, &input, at: now)
        } else {
            return
        }
        settleL2TP(peer, at: now)
    }

    private func receiveFirst(
        _ header: L2TPv3Header, _ input: inout ByteReader, _ service: Service, _ child: ESPChild,
        at now: Instant
    ) throws(WireError) {
        let peer = child.peer
        // An acknowledgement for nobody.
        guard input.remaining > 0 else { return }
        let message = try ControlMessage(parsing: &input)
        let local = child.path.local ?? child.path.remote
        let made = try ControlConnection(
            answering: message, header, service == .l2tpUDP ? .udp : .ip,
            as: ControlConnection.LocalEnd(
                connection: makeL2TPID(peer), routerID: UInt32(truncatingIfNeeded: local.low),
                hostName: Self.hostName), at: now)
        // The peer sends its first message again: it gets our answer again when that is due.
        guard !peer.l2tp.connections.contains(where: { $0.remoteID == made.remoteID }) else { return }
        if peer.l2tp.connections.count == L2TPv3State.maxConnections {
            let oldest = peer.l2tp.connections.removeFirst()
            if oldest.localID == peer.l2tp.owner { leavePlace(peer, .replaced) }
        }
        peer.l2tp.connections.append(made)
    }

    private func makeL2TPID(_ peer: Peer) -> UInt32 {
        while true {
            let id = UInt32.random(in: 1 ... .max, using: &random)
            if peer.l2tp.index(of: id) == nil { return id }
        }
    }

    /// After every input of a peer's connections: what they want done, and their timer.
    private func settleL2TP(_ peer: Peer, at now: Instant) {
        for connection in peer.l2tp.connections.map(\.localID) {
            while let index = peer.l2tp.index(of: connection),
                let output = peer.l2tp.connections[index].nextOutput()
            {
                perform(output, connection, peer, at: now)
            }
        }
        peer.l2tp.connections.removeAll(where: \.isOver)
        guard let deadline = peer.l2tp.deadline else { return }
        if let scheduledAt = peer.l2tp.scheduledAt, scheduledAt <= deadline { return }
        peer.l2tp.scheduledAt = deadline
        timers.insert(TimerQueue<PeerID>.Entry(at: deadline, connection: peer.id))
        if timers.entries.count > 64 + 4 * peers.count {
            timers.keep { [self] in self.peer($0.connection)?.l2tp.scheduledAt == $0.at }
        }
    }

    private func perform(
        _ output: ControlConnection.Output, _ connection: UInt32, _ peer: Peer, at now: Instant
    ) {
        switch output {
        case .send(let octets): sendControl(octets, peer)
        case .sessionRequested: requestPlace(connection, peer, at: now)
        case .sessionEstablished(let session):
            if peer.l2tp.owner == connection { peer.l2tp.use(session) }
        case .sessionEnded:
            if peer.l2tp.owner == connection { leavePlace(peer, .client) }
        case .ended(let reason):
            if peer.l2tp.owner == connection { leavePlace(peer, .timeout) }
            outbox.append(
                .log(
                    LogEvent(.notice, "l2tpv3 ended identity=\"\(peer.identity.text)\" reason=\"\(reason)\""))
            )
        }
    }

    private func sendControl(_ message: [UInt8], _ peer: Peer) {
        guard let child = peer.way(of: peer.l2tp.service) else { return }
        let zeros: [UInt8] = peer.l2tp.service == .l2tpUDP ? [] : [0, 0, 0, 0]
        let octets = zeros + message
        let room = 128
        var buffer = [UInt8](repeating: 0, count: room + octets.count + room)
        buffer.replaceSubrange(room..<room + octets.count, with: octets)
        let packet: [UInt8]? = unsafe buffer.withUnsafeMutableBufferPointer { buffer in
            var slice = unsafe pa_slice_v1(
                start: buffer.baseAddress! + room, length: UInt32(octets.count), headroom: UInt16(room),
                tailroom: UInt16(room))
            if peer.l2tp.service == .l2tpUDP { unsafe L2TPPort.seal(&slice, to: peer.l2tp.remotePort) }
            guard unsafe seal(&slice, peer.l2tp.service, child) else { return nil }
            return unsafe Array(UnsafeBufferPointer(start: slice.start, count: Int(slice.length)))
        }
        guard let packet else { return drops[IPsecDrop.notSealed.rawValue] += 1 }
        outbox.append(.send(packet, child.path))
    }

    // MARK: The place on a hub

    /// A peer that has begun anew leaves what it had.
    private func requestPlace(_ connection: UInt32, _ peer: Peer, at now: Instant) {
        if let owner = peer.l2tp.owner, owner != connection {
            if let index = peer.l2tp.index(of: owner) {
                peer.l2tp.connections[index].hangUp(.administrative, at: now)
            }
            leavePlace(peer, .replaced)
        }
        peer.l2tp.owner = connection
        guard let child = peer.way(of: peer.l2tp.service) else { return }
        beginPlace(.l2tp, peer, child, at: now)
    }

    private func leavePlace(_ peer: Peer, _ ending: IPsecEnding) {
        peer.l2tp.owner = nil
        peer.l2tp.use(nil)
        endPlace(.l2tp, peer, ending)
    }

    func acceptSession(_ peer: Peer, at now: Instant) {
        guard let owner = peer.l2tp.owner, let index = peer.l2tp.index(of: owner) else {
            return leavePlace(peer, .client)
        }
        peer.l2tp.connections[index].accept(
            sessionID: UInt32.random(in: 1 ... .max, using: &random), at: now)
        settleL2TP(peer, at: now)
    }

    func refuseSession(_ peer: Peer, at now: Instant) {
        guard let owner = peer.l2tp.owner else { return }
        peer.l2tp.owner = nil
        peer.l2tp.use(nil)
        guard let index = peer.l2tp.index(of: owner) else { return }
        peer.l2tp.connections[index].hangUp(.administrative, at: now)
        settleL2TP(peer, at: now)
    }

    /// Its SAs are gone: nothing can be said any more.
    func dropL2TP(_ peer: Peer, _ ending: IPsecEnding) {
        peer.l2tp.connections = []
        leavePlace(peer, ending)
    }

    /// Says goodbye, at the server's end.
    func endL2TP(_ peer: Peer, at now: Instant) {
        for index in peer.l2tp.connections.indices {
            peer.l2tp.connections[index].end(.shuttingDown, at: now)
        }
        settleL2TP(peer, at: now)
    }

    func handleL2TPTimeout(_ peer: Peer, at now: Instant) {
        for index in peer.l2tp.connections.indices {
            peer.l2tp.connections[index].handleTimeout(at: now)
        }
        settleL2TP(peer, at: now)
    }
}
