import EngineParts
import IKEv1
import L2TP
import PluginABI
import Wire

/// L2TPv3 within the SAs of a peer: one Ethernet pseudowire is its place on a hub.
extension IPsecServer {
    /// Who we say that we are in SCCRP.
    static let hostName = "polyhub"

    /// `slice`: behind the IP or UDP header.
    func receiveL2TPv3(
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
        guard let session = peer.l2tpv3.session, bytes.byteCount >= offset + 4,
            bytes.bigEndian(at: offset, as: UInt32.self) == session.localID
        else { return drop(.noSession) }
        let header = session.receivedHeaderLength
        guard bytes.byteCount >= header + EthernetFrame.headerLength else { return drop(.malformed) }
        unsafe slice.dropFirst(header)
        return .frame(PlaceID(peer.id, .l2tpv3))
    }

    // MARK: Control

    private func receiveControl(
        _ octets: RawSpan, _ service: Service, _ child: ESPChild, at now: Instant
    ) throws(WireError) {
        let peer = child.peer
        var input = ByteReader(octets)
        let header = try L2TPv3Header(parsing: &input)
        peer.l2tpv3.service = service
        if header.connection == 0 {
            try receiveFirst(header, &input, service, child, at: now)
        } else if let index = peer.l2tpv3.index(of: header.connection) {
            try peer.l2tpv3.connections[index].receive(header, &input, at: now)
        } else {
            return
        }
        settleL2TPv3(peer, at: now)
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
                connection: makeConnectionID(peer), routerID: UInt32(truncatingIfNeeded: local.low),
                hostName: Self.hostName), at: now)
        // The peer sends its first message again: it gets our answer again when that is due.
        guard !peer.l2tpv3.connections.contains(where: { $0.remoteID == made.remoteID }) else { return }
        if peer.l2tpv3.connections.count == L2TPv3State.maxConnections {
            let oldest = peer.l2tpv3.connections.removeFirst()
            if oldest.localID == peer.l2tpv3.owner { leavePlace(peer, .replaced) }
        }
        peer.l2tpv3.connections.append(made)
    }

    private func makeConnectionID(_ peer: Peer) -> UInt32 {
        while true {
            let id = UInt32.random(in: 1 ... .max, using: &random)
            if peer.l2tpv3.index(of: id) == nil { return id }
        }
    }

    /// After every input of a peer's connections: what they want done, and their timer.
    private func settleL2TPv3(_ peer: Peer, at now: Instant) {
        for connection in peer.l2tpv3.connections.map(\.localID) {
            while let index = peer.l2tpv3.index(of: connection),
                let output = peer.l2tpv3.connections[index].nextOutput()
            {
                perform(output, connection, peer, at: now)
            }
        }
        peer.l2tpv3.connections.removeAll(where: \.isOver)
        schedule(peer)
    }

    private func perform(
        _ output: ControlConnection.Output, _ connection: UInt32, _ peer: Peer, at now: Instant
    ) {
        switch output {
        case .send(let octets): sendControl(octets, peer)
        case .sessionRequested: requestPlace(connection, peer, at: now)
        case .sessionEstablished(let session):
            if peer.l2tpv3.owner == connection { peer.l2tpv3.use(session) }
        case .sessionEnded:
            if peer.l2tpv3.owner == connection { leavePlace(peer, .client) }
        case .ended(let reason):
            if peer.l2tpv3.owner == connection { leavePlace(peer, .timeout) }
            outbox.append(
                .log(
                    LogEvent(.notice, "l2tpv3 ended identity=\"\(peer.identity.text)\" reason=\"\(reason)\""))
            )
        }
    }

    private func sendControl(_ message: [UInt8], _ peer: Peer) {
        let isUDP = peer.l2tpv3.service == .l2tpUDP
        send(
            isUDP ? message : [0, 0, 0, 0] + message, peer.l2tpv3.service, toPort: peer.l2tpv3.remotePort,
            peer)
    }

    /// A message of our own, in ESP.
    func send(_ octets: [UInt8], _ service: Service, toPort port: UInt16, _ peer: Peer) {
        guard let child = peer.way(of: service) else { return }
        let room = 128
        var buffer = [UInt8](repeating: 0, count: room + octets.count + room)
        buffer.replaceSubrange(room..<room + octets.count, with: octets)
        let packet: [UInt8]? = unsafe buffer.withUnsafeMutableBufferPointer { buffer in
            var slice = unsafe pa_slice_v1(
                start: buffer.baseAddress! + room, length: UInt32(octets.count), headroom: UInt16(room),
                tailroom: UInt16(room))
            if service == .l2tpUDP { unsafe L2TPPort.seal(&slice, to: port) }
            guard unsafe seal(&slice, service, child) else { return nil }
            return unsafe Array(UnsafeBufferPointer(start: slice.start, count: Int(slice.length)))
        }
        guard let packet else { return drops[IPsecDrop.notSealed.rawValue] += 1 }
        outbox.append(.send(packet, child.path))
    }

    // MARK: The place on a hub

    /// A peer that has begun anew leaves what it had.
    private func requestPlace(_ connection: UInt32, _ peer: Peer, at now: Instant) {
        if let owner = peer.l2tpv3.owner, owner != connection {
            if let index = peer.l2tpv3.index(of: owner) {
                peer.l2tpv3.connections[index].hangUp(.administrative, at: now)
            }
            leavePlace(peer, .replaced)
        }
        peer.l2tpv3.owner = connection
        guard let child = peer.way(of: peer.l2tpv3.service) else { return }
        beginPlace(.l2tpv3, peer, child, at: now)
    }

    private func leavePlace(_ peer: Peer, _ ending: IPsecEnding) {
        peer.l2tpv3.owner = nil
        peer.l2tpv3.use(nil)
        endPlace(.l2tpv3, peer, ending)
    }

    func acceptSession(_ peer: Peer, at now: Instant) {
        guard let owner = peer.l2tpv3.owner, let index = peer.l2tpv3.index(of: owner) else {
            return leavePlace(peer, .client)
        }
        peer.l2tpv3.connections[index].accept(
            sessionID: UInt32.random(in: 1 ... .max, using: &random), at: now)
        settleL2TPv3(peer, at: now)
    }

    func refuseSession(_ peer: Peer, at now: Instant) {
        guard let owner = peer.l2tpv3.owner else { return }
        peer.l2tpv3.owner = nil
        peer.l2tpv3.use(nil)
        guard let index = peer.l2tpv3.index(of: owner) else { return }
        peer.l2tpv3.connections[index].hangUp(.administrative, at: now)
        settleL2TPv3(peer, at: now)
    }

    /// Its SAs are gone: nothing can be said any more.
    func dropL2TPv3(_ peer: Peer, _ ending: IPsecEnding) {
        peer.l2tpv3.connections = []
        leavePlace(peer, ending)
    }

    /// Says goodbye, at the server's end.
    func endL2TPv3(_ peer: Peer, at now: Instant) {
        for index in peer.l2tpv3.connections.indices {
            peer.l2tpv3.connections[index].end(.shuttingDown, at: now)
        }
        settleL2TPv3(peer, at: now)
    }

    func handleL2TPv3Timeout(_ peer: Peer, at now: Instant) {
        for index in peer.l2tpv3.connections.indices {
            peer.l2tpv3.connections[index].handleTimeout(at: now)
        }
        settleL2TPv3(peer, at: now)
    }
}
