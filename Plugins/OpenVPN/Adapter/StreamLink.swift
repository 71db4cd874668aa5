import OpenVPNCore
import PluginKit
import Wire

/// A TCP connection. Control packets are never lost on it: what the host's queue has no room for waits here,
/// and while it waits, data packets are dropped.
struct StreamLink {
    /// Octets of control packets that wait at most; a client that lets more pile up is gone.
    static let maxBacklog = 65_536

    let handle: StreamHandle
    let path: Path
    var backlog: [UInt8] = []
}

extension OpenVPNLane {
    func claim(_ first: RawSpan) -> Claim {
        switch StreamFraming.isClientReset(first) {
        case true?: .yes
        case false?: .no
        case nil: .more
        }
    }

    func opened(_ stream: StreamHandle, moved: UInt64) -> UInt64 {
        applyChanges()
        guard let facts = try? services.facts(of: stream) else {
            services.close(stream, .reset)
            return stream.rawValue
        }
        let path = Path(
            .stream, handle: stream.rawValue, remote: TransportAddress(facts.remote),
            local: TransportAddress(facts.local))
        streams[stream.rawValue] = StreamLink(handle: stream, path: path)
        return stream.rawValue
    }

    func received(_ octets: PacketSlice, onStream token: UInt64) -> Int {
        guard let link = streams[token] else { return octets.count }
        let moment = moment
        var taken = 0
        defer {
            flush()
            settle()
        }
        while lastEnded != token {
            switch StreamFraming(octets.bytes.extracting(droppingFirst: taken)) {
            case .incomplete: return taken
            case .broken:
                server.streamClosed(abandon(link), at: moment)
                return octets.count
            case .packet(let length):
                let start = taken + StreamFraming.headerLength
                // The length in front is the packet's own; behind it stands the next one.
                if let packet = octets.carved(start..<start + length, headroom: StreamFraming.headerLength) {
                    _ = received(packet, from: link.path, at: moment)
                }
                taken = start + length
            }
        }
        return octets.count
    }

    func writable(stream token: UInt64, queued: Int) { writeBacklog(of: token) }

    func closed(stream token: UInt64, _ ending: StreamEnding) {
        guard let link = forgetStream(token) else { return }
        server.streamClosed(link.path, at: moment)
        settle()
    }

    // MARK: Sending

    /// Data: dropped where the client is too slow.
    func write(_ frames: borrowing FrameBatch, to path: Path) {
        guard let link = streams[path.handle] else { return }
        guard link.backlog.isEmpty, services.write(frames, to: link.handle).status.isOK else {
            return counters.add(frames.count, to: .fullStreamDrops)
        }
    }

    /// Control: waits.
    func write(_ octets: [UInt8], to path: Path) {
        guard let link = streams[path.handle] else { return }
        if link.backlog.isEmpty, services.write(copying: octets, to: link.handle).status != .limit { return }
        guard link.backlog.count + octets.count <= StreamLink.maxBacklog else {
            return server.streamClosed(abandon(link), at: moment)
        }
        streams[path.handle]?.backlog += octets
    }

    private func writeBacklog(of token: UInt64) {
        guard let link = streams[token], !link.backlog.isEmpty else { return }
        if services.write(copying: link.backlog, to: link.handle).status != .limit {
            streams[token]?.backlog = []
        }
    }

    func closeStream(_ path: Path) {
        writeBacklog(of: path.handle)
        guard let link = forgetStream(path.handle) else { return }
        services.close(link.handle, .flush)
    }

    private func abandon(_ link: StreamLink) -> Path {
        _ = forgetStream(link.handle.rawValue)
        services.close(link.handle, .reset)
        return link.path
    }

    private func forgetStream(_ token: UInt64) -> StreamLink? {
        lastEnded = token
        return streams.removeValue(forKey: token)
    }
}
