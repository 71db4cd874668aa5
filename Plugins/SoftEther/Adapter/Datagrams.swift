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

    /// What comes from one source at a time is looked up once.
    func received(_ batch: DatagramBatch, on socket: SocketHandle) {
        let now = services.now
        var next = 0
        while next < batch.count {
            let remote = batch.remote(at: next)
            guard let flow = flow(of: remote) ?? find(batch[next], from: remote) else {
                next += 1
                continue
            }
            switch flow {
            case .session(let id): next = receive(batch, from: next, remote, toSession: id, at: now)
            case .lane(let lane, _):
                services.handOver(next, of: batch, toLane: lane, on: socket)
                next += 1
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

    /// Gives the first datagram that is another source's, or that may be another session's by now.
    private func receive(
        _ batch: DatagramBatch, from first: Int, _ remote: Endpoint, toSession id: UInt64, at now: Instant
    ) -> Int {
        guard let client = clients[id], let handle = client.handle,
            let acceleration = client.session.acceleration
        else {
            forgetFlow(remote, of: id)
            return first + 1
        }
        var index = first
        while index < batch.count, index == first || batch.remote(at: index) == remote {
            var packet = batch[index]
            let opened = Self.open(&packet, acceleration, at: now)
            guard opened != .refused else {
                counters.add(to: .malformed)
                // Forgeries do not displace the client whose address they bear.
                let isClients = client.path?.remote == remote && acceleration.isHeard(at: now)
                if !isClients { forgetFlow(remote, of: id) }
                return index + 1
            }
            if acceleration.lastWasNewest, client.path?.remote != remote || index == first {
                client.path = Client.Path(remote: remote, local: batch.local(at: index))
            }
            take(packet, opened, for: handle, at: now)
            index += 1
        }
        return index
    }

    private static func open(
        _ packet: inout PacketSlice, _ acceleration: Acceleration, at now: Instant
    ) -> Acceleration.Opened {
        var bytes = packet.mutableBytes
        return acceleration.open(&bytes, at: now)
    }

    private func take(
        _ packet: PacketSlice, _ opened: Acceleration.Opened, for session: SessionHandle, at now: Instant
    ) {
        var frame = packet
        let range: Range<Int>
        switch opened {
        case .frame(let octets), .compressed(let octets): range = octets
        case .keepAlive, .refused: return
        }
        // What stood around the frame is room for what it will be wrapped in.
        guard frame.trimBack(frame.count - range.upperBound), frame.trimFront(range.lowerBound) else {
            return
        }
        if case .compressed = opened {
            guard let expanded = compression.expand(frame, at: now) else {
                return counters.add(to: .malformed)
            }
            frame = expanded
        }
        guard Block.frameLengths.contains(frame.count) else { return counters.add(to: .malformed) }
        gather(frame, for: session)
    }

    private func forgetFlow(_ remote: Endpoint, of session: UInt64) {
        flows[remote] = nil
        module.directory.forget(remote, of: AccelerationDirectory.Place(lane: lane, session: session))
    }

    // MARK: Sending

    /// Whether the frames went; if not, they go over TCP.
    func sendDatagrams(_ frames: inout FrameBatch, to client: Client) -> Bool {
        let now = services.now
        guard let socket = datagramSocket, let path = client.path,
            let acceleration = client.session.acceleration, acceleration.isProved(at: now)
        else { return false }
        var kept = 0
        for index in 0..<frames.count {
            var frame = frames[index]
            guard frame.growFront(AccelerationPacket.headroom), frame.growBack(AccelerationPacket.tagLength)
            else { continue }
            var bytes = frame.mutableBytes
            guard acceleration.seal(&bytes, at: now) else { continue }
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
