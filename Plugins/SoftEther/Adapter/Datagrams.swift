import OpenSSL
import PluginKit
import SoftEtherCore
import Wire

/// Frames as datagrams beside the TCP connections.
extension SoftEtherLane {
    /// Sources that are remembered; when there are more, all are found out anew.
    private static let maxFlows = 16_384

    /// Where the datagrams of a source belong, as the directory had it in a generation.
    enum Flow {
        case session(UInt64)
        case lane(Int, generation: Int)
    }

    func listening(on socket: SocketHandle, at local: Endpoint) {
        datagramSocket = socket
        server.accelerationPort = local.port
    }

    func received(_ batch: DatagramBatch, on socket: SocketHandle) {
        for index in 0..<batch.count {
            let remote = batch.remote(at: index)
            switch flow(of: remote) ?? find(batch[index], from: remote) {
            case .session(let id): receive(batch[index], from: remote, batch.local(at: index), toSession: id)
            case .lane(let lane, _): services.handOver(index, of: batch, toLane: lane, on: socket)
            case nil: continue
            }
        }
        flushGathered()
    }

    private func flow(of remote: Endpoint) -> Flow? {
        guard let flow = flows[remote] else { return nil }
        if case .lane(_, let generation) = flow, generation != module.directory.generation { return nil }
        return flow
    }

    private func find(_ packet: PacketSlice, from remote: Endpoint) -> Flow? {
        let octets = unsafe packet.bytes.withUnsafeBytes { unsafe Array($0) }
        let generation = module.directory.generation
        guard let place = module.directory.find(octets, from: remote) else {
            flows[remote] = nil
            return nil
        }
        let flow: Flow =
            place.lane == lane ? .session(place.session) : .lane(place.lane, generation: generation)
        if flows.count >= Self.maxFlows { flows.removeAll() }
        flows[remote] = flow
        return flow
    }

    private func receive(
        _ packet: PacketSlice, from remote: Endpoint, _ local: Endpoint?, toSession id: UInt64
    ) {
        guard let client = clients[id], let handle = client.handle,
            let acceleration = client.session.acceleration
        else { return forgetFlow(remote, of: id) }
        var packet = packet
        var bytes = packet.mutableBytes
        let opened = acceleration.open(&bytes, at: services.now)
        guard opened != .refused else {
            // Forgeries do not displace the client whose address they bear.
            let isClients = client.path?.remote == remote && acceleration.isHeard(at: services.now)
            if !isClients { forgetFlow(remote, of: id) }
            return counters.add(to: .malformed)
        }
        if acceleration.lastWasNewest { client.path = Client.Path(remote: remote, local: local) }
        let range: Range<Int>
        switch opened {
        case .frame(let octets), .compressed(let octets): range = octets
        case .keepAlive, .refused: return
        }
        guard var frame = packet.carved(range, headroom: range.lowerBound) else { return }
        if case .compressed = opened {
            guard let expanded = compression.expand(frame, at: services.now) else {
                return counters.add(to: .malformed)
            }
            frame = expanded
        }
        guard Block.frameLengths.contains(frame.count) else { return counters.add(to: .malformed) }
        gather(frame, for: handle)
    }

    private func forgetFlow(_ remote: Endpoint, of session: UInt64) {
        flows[remote] = nil
        module.directory.forget(remote, of: AccelerationDirectory.Place(lane: lane, session: session))
    }

    // MARK: Sending

    /// Whether the frames went; if not, they go over TCP.
    func sendDatagrams(_ frames: inout FrameBatch, to client: Client) -> Bool {
        guard let socket = datagramSocket, let path = client.path,
            let acceleration = client.session.acceleration, acceleration.isProved(at: services.now)
        else { return false }
        var kept = 0
        for index in 0..<frames.count {
            var frame = frames[index]
            guard frame.growFront(AccelerationPacket.headroom), frame.growBack(AccelerationPacket.tagLength)
            else { continue }
            var bytes = frame.mutableBytes
            guard acceleration.seal(&bytes, at: services.now) else { continue }
            frames[kept] = frame
            kept += 1
        }
        frames.shorten(to: kept)
        if kept > 0 { services.send(frames, to: path.remote, from: path.local, on: socket) }
        return true
    }

    func sendKeepAlive(toSession id: UInt64) {
        guard let socket = datagramSocket, let client = clients[id], let path = client.path,
            let acceleration = client.session.acceleration
        else { return }
        var octets = [UInt8](repeating: 0, count: AccelerationPacket.overhead)
        var span = octets.mutableSpan
        var bytes = unsafe span.mutableBytes
        guard acceleration.seal(&bytes, at: services.now) else { return }
        services.send(copying: octets, to: path.remote, from: path.local, on: socket)
    }

    // MARK: The directory

    /// The session can be accelerated: at first where its TCP connection comes from, at the port that it
    /// tells.
    func accelerate(_ client: Client, _ login: Login, from remote: Endpoint) {
        guard let acceleration = client.session.acceleration, let offer = login.acceleration else { return }
        let place = AccelerationDirectory.Place(lane: lane, session: client.session.id)
        module.directory.add(place, from: remote, key: acceleration.peerKey)
        client.origin = remote
        client.path = Client.Path(remote: remote.with(port: offer.port), local: nil)
    }

    func forgetAcceleration(of client: Client) {
        guard let origin = client.origin else { return }
        let place = AccelerationDirectory.Place(lane: lane, session: client.session.id)
        module.directory.remove(place, from: origin)
    }
}
