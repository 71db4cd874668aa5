import EngineParts
import IKEv1
import L2TP
import PPP
import PluginABI
import Wire

/// L2TPv2 within the SAs of a peer, RFC 3193: its tunnels. What is in their sessions see `IPsecServer+Calls`.
extension IPsecServer {
    /// `slice`: behind the UDP header.
    func receiveL2TP(
        _ slice: inout pa_slice_v1, from port: UInt16, _ child: ESPChild, at now: Instant
    ) -> IPsecReceived {
        let bytes = unsafe RawSpan(_unsafeStart: slice.start, byteCount: Int(slice.length))
        let peer = child.peer
        do throws(WireError) {
            var input = ByteReader(bytes)
            let header = try L2TPHeader(parsing: &input)
            guard !header.isControl else {
                try receiveControl(header, &input, from: port, peer, at: now)
                return .consumed
            }
            guard let index = peer.l2tp.index(of: header.tunnel),
                let call = peer.l2tp.tunnels[index].calls[header.session]
            else { return drop(.noSession) }
            peer.l2tp.tunnels[index].machine.heard(at: now)
            let end = header.packetLength
            let frame = bytes.extracting(end - input.remaining..<end)
            guard call.isOpen, let ppp = PPPHeader(frame),
                ppp.protocol == .ipv4 || ppp.protocol == .ipv6 && call.isIPv6Open
            else {
                try receiveFrame(frame, call, at: now)
                return .consumed
            }
            let behind = bytes.byteCount - end
            let front = end - input.remaining + ppp.length
            unsafe slice.dropLast(behind)
            unsafe slice.dropFirst(front)
            return .frame(call.place)
        } catch {
            return drop(.malformed)
        }
    }

    // MARK: Control

    private func receiveControl(
        _ header: L2TPHeader, _ input: inout ByteReader, from port: UInt16, _ peer: Peer, at now: Instant
    ) throws(WireError) {
        if header.tunnel == 0 {
            try receiveFirst(header, &input, from: port, peer, at: now)
        } else if let index = peer.l2tp.index(of: header.tunnel) {
            try peer.l2tp.tunnels[index].machine.receive(header, &input, at: now)
        } else {
            return
        }
        settleTunnels(peer, at: now)
    }

    private func receiveFirst(
        _ header: L2TPHeader, _ input: inout ByteReader, from port: UInt16, _ peer: Peer, at now: Instant
    ) throws(WireError) {
        // An acknowledgement for nobody.
        guard input.remaining > 0 else { return }
        let made = try Tunnel(
            answering: ControlMessage(parsing: &input), header, localID: makeTunnelID(peer),
            hostName: Self.hostName, at: now)
        // The peer sends its first message again: it gets our answer again when that is due.
        guard
            !peer.l2tp.tunnels.contains(where: {
                $0.machine.remoteID == made.remoteID && $0.port == port && !$0.machine.isEnding
            })
        else { return }
        if peer.l2tp.tunnels.count == L2TPState.maxTunnels {
            let idle = peer.l2tp.tunnels.firstIndex { !$0.calls.values.contains(where: \.isProven) }
            guard let idle else { return }
            for call in peer.l2tp.tunnels[idle].calls.values { end(call, .replaced) }
            peer.l2tp.tunnels.remove(at: idle)
        }
        peer.l2tp.tunnels.append(L2TPState.Entry(machine: made, port: port))
    }

    private func makeTunnelID(_ peer: Peer) -> UInt16 {
        while true {
            let id = UInt16.random(in: 1 ... .max, using: &random)
            if peer.l2tp.index(of: id) == nil { return id }
        }
    }

    /// After every input of a peer's tunnels: what they want done, and their timer.
    func settleTunnels(_ peer: Peer, at now: Instant) {
        for id in peer.l2tp.tunnels.map(\.machine.localID) {
            while let index = peer.l2tp.index(of: id),
                let output = peer.l2tp.tunnels[index].machine.nextOutput()
            {
                perform(output, index, peer, at: now)
            }
        }
        peer.l2tp.tunnels.removeAll { $0.machine.isOver && $0.calls.isEmpty }
        schedule(peer)
    }

    private func perform(_ output: Tunnel.Output, _ index: Int, _ peer: Peer, at now: Instant) {
        switch output {
        case .send(let octets): send(octets, .l2tpUDP, toPort: peer.l2tp.tunnels[index].port, peer)
        // What a LAC has negotiated for its client is negotiated anew: RFC 2661 §4.4.5 leaves it to us.
        case .sessionEstablished(let session, _): begin(session, index, peer, at: now)
        case .sessionEnded(let id, let reason):
            guard let call = peer.l2tp.tunnels[index].calls[id] else { return }
            log(call, "ended reason=\"the tunnel's session ended, result \(reason.result)\"")
            end(call, .client)
        case .ended(let reason):
            let words = "host=\"\(peer.l2tp.tunnels[index].machine.hostName)\" reason=\"\(reason)\""
            outbox.append(
                .log(LogEvent(.notice, "l2tp tunnel ended identity=\"\(peer.identity.text)\" \(words)")))
        }
    }

    /// Their SAs are gone: nothing can be said any more.
    func dropTunnels(_ peer: Peer, _ ending: IPsecEnding) {
        for call in peer.l2tp.calls { end(call, ending) }
        peer.l2tp.tunnels = []
    }

    /// Says goodbye, at the server's end.
    func endTunnels(_ peer: Peer, at now: Instant) {
        for call in peer.l2tp.calls { close(call, "the server stops", at: now) }
        for index in peer.l2tp.tunnels.indices {
            peer.l2tp.tunnels[index].machine.end(.shuttingDown, at: now)
        }
        settleTunnels(peer, at: now)
    }

    func handleTunnelTimeout(_ peer: Peer, at now: Instant) {
        for index in peer.l2tp.tunnels.indices {
            peer.l2tp.tunnels[index].machine.handleTimeout(at: now)
        }
        settleTunnels(peer, at: now)
    }
}
