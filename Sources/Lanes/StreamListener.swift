import CLinux
import Synchronization
import Wire

/// Where a stream listener listens, and how.
public struct StreamOptions: Sendable {
    public var endpoint: Endpoint
    /// TLS is ended by the host with this; nil for plain TCP.
    public var tls: TLSServerContext?
    /// With `tls`, whether a peer that does not begin with TLS is served as well.
    public var acceptsPlain = false
    public var pinning: DatagramOptions.Pinning
    public var limits: StreamLimits

    public init(
        _ endpoint: Endpoint, tls: TLSServerContext? = nil, pinning: DatagramOptions.Pinning = .flow,
        limits: StreamLimits = StreamLimits()
    ) {
        self.endpoint = endpoint
        self.tls = tls
        self.pinning = pinning
        self.limits = limits
    }
}

/// The listening sockets of one TCP address, one per lane, and those who share it. It lasts until `close`,
/// also when it is not kept. Streams that it accepted outlive it.
public final class StreamListener: Sendable {
    /// [any] Where it listens, with the port that was chosen.
    public let local: Endpoint

    private let acceptors: [StreamAcceptor]

    init(_ options: StreamOptions, candidates: [StreamCandidate], lanes: [Lane]) throws(SocketError) {
        let attempt = "listen on \(options.tls == nil ? "tcp" : "tls") \(options.endpoint)"
        var address = options.endpoint.address
        try SocketError.check(unsafe clinux_probe(&address, 1), attempt)
        var descriptors: [Int32] = []
        do {
            for _ in lanes {
                let shares = Int32(lanes.count > 1 ? 1 : 0)
                var bound = address
                let opened = unsafe clinux_listener_open(&address, shares, &bound)
                descriptors.append(try SocketError.check(opened, attempt))
                address = bound
            }
            if options.pinning == .source, lanes.count > 1 {
                let pinned = clinux_pin_by_source(descriptors[0], address.family, UInt32(lanes.count))
                try SocketError.check(pinned, "pin \(options.endpoint) by source")
            }
        } catch {
            for descriptor in descriptors { clinux_close(descriptor) }
            throw error
        }
        local = Endpoint(address)
        acceptors = zip(lanes, descriptors).map {
            StreamAcceptor(descriptor: $1, options: options, candidates: candidates, on: $0)
        }
        do {
            for acceptor in acceptors {
                try acceptor.lane.onLane(attempt) { () throws(SocketError) in try acceptor.start() }
            }
        } catch {
            close()
            throw error
        }
    }

    /// [any] From now on these are asked, in this order.
    public func setCandidates(_ candidates: [StreamCandidate]) {
        for acceptor in acceptors { acceptor.lane.post { _ in acceptor.candidates = candidates } }
    }

    /// [any] What new connections are shown, and whether those without TLS are served too.
    public func setTLS(_ context: TLSServerContext?, acceptsPlain: Bool = false) {
        for acceptor in acceptors {
            acceptor.lane.post { _ in acceptor.setTLS(context, acceptsPlain: acceptsPlain) }
        }
    }

    /// [any] Closes every listening socket on its lane.
    public func close() {
        for acceptor in acceptors { acceptor.lane.post { _ in acceptor.close() } }
    }
}

/// One lane's socket of a stream listener.
///
/// Bounds: 16 connections a turn, and `UnclaimedStreams`.
/// @unchecked Sendable: confined to its lane after its initialiser.
final class StreamAcceptor: EventSource, @unchecked Sendable {
    unowned let lane: Lane
    var candidates: [StreamCandidate]

    private let descriptor: Int32
    private var options: StreamOptions
    private var unclaimed = UnclaimedStreams<ByteStream>()
    private var isClosed = false
    private var isOpen = true

    private static let acceptsPerTurn = 16
    private static let rest = Duration.milliseconds(100)

    init(descriptor: Int32, options: StreamOptions, candidates: [StreamCandidate], on lane: Lane) {
        self.descriptor = descriptor
        self.options = options
        self.candidates = candidates
        self.lane = lane
    }

    func start() throws(SocketError) {
        guard !isClosed else { return }
        try lane.attach(self, descriptor: descriptor, interest: .readable)
    }

    func setTLS(_ context: TLSServerContext?, acceptsPlain: Bool) {
        options.tls = context
        options.acceptsPlain = acceptsPlain
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        lane.detach(self, descriptor: descriptor)
        lane.retireAfterTurn(self)
    }

    override func ready(_ readiness: Readiness) {
        for _ in 0..<StreamAcceptor.acceptsPerTurn {
            var remote = options.endpoint.address
            var local = options.endpoint.address
            let accepted = unsafe clinux_accept(descriptor, &remote, &local)
            guard accepted >= 0 else {
                if clinux_is_retry(Int64(accepted)) == 0 { restAWhile() }
                return
            }
            begin(accepted, remote: Endpoint(remote), local: Endpoint(local))
        }
    }

    override func retire() {
        if isOpen { clinux_close(descriptor) }
        isOpen = false
    }

    override func laneStops() {
        isClosed = true
        retire()
    }

    private func begin(_ accepted: Int32, remote: Endpoint, local: Endpoint) {
        guard let transport = transport(for: accepted) else {
            clinux_stream_reset(accepted)
            return
        }
        let stream = ByteStream(transport, remote: remote, local: local, limits: options.limits, on: lane)
        unclaimed.insert(stream, from: remote)?.reset()
        let claims = StreamClaims(candidates) { [self, unowned stream] in unclaimed.remove(stream) }
        claims.begin(stream)
        stream.start(claims)
    }

    private func transport(for accepted: Int32) -> StreamTransport? {
        guard let tls = options.tls else { return TCPTransport(descriptor: accepted) }
        if options.acceptsPlain { return SniffingTransport(tls, descriptor: accepted) }
        return TLSTransport(tls, descriptor: accepted)
    }

    /// Most likely there are no descriptors left; the kernel would report the waiting connection without end.
    private func restAWhile() {
        unsafe lane.counted.pointee.receive_errors += 1
        lane.detach(self, descriptor: descriptor)
        startLater()
    }

    private func startLater() {
        _ = lane.schedule(at: lane.now.advanced(by: StreamAcceptor.rest), target: self, token: 0)
    }
}

extension StreamAcceptor: TimerTarget {
    func timerFired(_ token: UInt64, at now: Instant) {
        do throws(SocketError) { try start() } catch { startLater() }
    }
}
