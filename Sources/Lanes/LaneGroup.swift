import CLinux
public import PluginABI

/// How much memory lanes may use; pages that are never used cost nothing.
public struct LaneOptions: Sendable {
    /// What one turn may copy on each lane.
    public var turnOctets: Int
    /// Each ring from a lane to another; a power of two. A full-sized frame takes about 2,000 octets, and
    /// what a few TCP connections have on the way should fit. Nil: 8 MiB for two lanes, less the more there
    /// are, but 2 MiB.
    public var ringOctets: Int?

    public init(turnOctets: Int = 16 << 20, ringOctets: Int? = nil) {
        self.turnOctets = turnOctets
        self.ringOctets = ringOctets
    }
}

extension LaneOptions {
    private static let ringsTogether = 16 << 20

    func ringOctets(lanes: Int) -> Int {
        if let ringOctets { return ringOctets }
        let share = Self.ringsTogether / max(1, lanes * (lanes - 1))
        return max(2 << 20, 1 << (Int.bitWidth - 1 - max(1, share).leadingZeroBitCount))
    }
}

/// The lanes of a server. Every listener has one socket on each of them, so that the kernel spreads the
/// flows.
public final class LaneGroup: Sendable {
    public let lanes: [Lane]

    /// The lanes exist but do not run; what is posted waits for `start`.
    public init(count: Int, _ options: LaneOptions = LaneOptions()) throws(SocketError) {
        precondition(count > 0, "a group has at least one lane")
        var made: [Lane] = []
        for index in 0..<count { made.append(try Lane(index: index, of: count, options)) }
        lanes = made
        for lane in made { lane.group = self }
    }

    public func start() throws(SocketError) {
        for lane in lanes { try lane.start() }
    }

    /// Closes every source and waits for the threads. The group must outlive its lanes' threads, so call this
    /// before letting go of it, and not on a lane.
    public func stop() {
        for lane in lanes { lane.stop() }
    }

    /// The lane to which the kernel takes datagrams of this source address where they are pinned by source.
    public func lane(forSource source: pa_address_v1) -> Lane {
        var source = source
        return lanes[Int(unsafe clinux_source_hash(&source)) % lanes.count]
    }

    /// [any] Opens a datagram listener with a socket on every lane. It is bound when this returns, so `local`
    /// tells the port that was chosen. Not to be called on a lane. `handler` is called once on every lane.
    public func listen(
        _ options: DatagramOptions, handler: @escaping @Sendable (DatagramSocket) -> any DatagramHandler
    ) throws(SocketError) -> DatagramListener {
        let listener = try DatagramListener(options, lanes: lanes)
        let attempt = "listen on \(options.transport) \(listener.local)"
        do {
            for socket in listener.sockets {
                try socket.lane.onLane(attempt) { () throws(SocketError) in
                    try socket.start(handler(socket), steeredBy: listener.steering)
                }
            }
        } catch {
            listener.close()
            throw error
        }
        return listener
    }

    /// [any] Opens a stream listener with a socket on every lane, which the candidates share: the first that
    /// claims a stream's first octets gets it. It is bound when this returns.
    public func listen(_ options: StreamOptions, candidates: [StreamCandidate]) throws(SocketError)
        -> StreamListener
    {
        try StreamListener(options, candidates: candidates, lanes: lanes)
    }
}
