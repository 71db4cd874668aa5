import OpenVPNCore
import PluginKit
import Wire

/// A TCP connection. What was sealed is never lost on it, for over TCP OpenVPN takes packet ids without gaps
/// alone: what the host's queue has no room for waits here, and while it waits, data is dropped unsealed.
struct StreamLink {
    /// Octets of control packets that wait at most, beside one batch of data; a client that lets more pile up
    /// is gone.
    static let maxControl = 65_536
    /// Octets that are given to the host at once.
    static let pieceLength = 65_536

    let handle: StreamHandle
    let path: Path
    var backlog: [UInt8] = []
    /// How many of its octets are control packets, at most.
    var control = 0
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
        while true {
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
                // What this packet caused may be the end of the stream, before the next packet is looked at.
                guard obey(token) else { return octets.count }
            }
        }
    }

    /// Does what the engine wants so far. False: the stream is no more.
    private func obey(_ token: UInt64) -> Bool {
        guard let output = server.nextOutput() else { return true }
        flush()
        perform(output)
        settle()
        return streams[token] != nil
    }

    func writable(stream token: UInt64, queued: Int) { writeBacklog(of: token) }

    func closed(stream token: UInt64, _ ending: StreamEnding) {
        guard let link = forgetStream(token) else { return }
        server.streamClosed(link.path, at: moment)
        settle()
    }

    // MARK: Sending

    /// Whether data may be sealed for the path; where the client is too slow it is to be dropped.
    func mayWrite(to path: Path) -> Bool {
        path.transport == .datagram || streams[path.handle]?.backlog.isEmpty == true
    }

    /// Data, after `mayWrite`.
    func write(_ frames: borrowing FrameBatch, to path: Path) {
        guard let link = streams[path.handle], services.write(frames, to: link.handle).status == .limit else {
            return
        }
        for index in 0..<frames.count {
            let frame = frames[index]
            streams[path.handle]?.backlog += unsafe frame.bytes.withUnsafeBytes { unsafe Array($0) }
        }
    }

    /// Control: waits.
    func write(_ octets: [UInt8], to path: Path) {
        writeBacklog(of: path.handle)
        guard let link = streams[path.handle] else { return }
        if link.backlog.isEmpty, services.write(copying: octets, to: link.handle).status != .limit { return }
        guard link.control + octets.count <= StreamLink.maxControl else {
            return server.streamClosed(abandon(link), at: moment)
        }
        streams[path.handle]?.backlog += octets
        streams[path.handle]?.control += octets.count
    }

    private func writeBacklog(of token: UInt64) {
        guard let link = streams[token], !link.backlog.isEmpty else { return }
        var written = 0
        while written < link.backlog.count {
            let piece = link.backlog[written..<min(written + StreamLink.pieceLength, link.backlog.count)]
            if services.write(copying: Array(piece), to: link.handle).status == .limit { break }
            written += piece.count
        }
        streams[token]?.backlog.removeFirst(written)
        if written == link.backlog.count { streams[token]?.control = 0 }
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
        streams.removeValue(forKey: token)
    }
}
