import PluginKit
import SoftEtherCore
import Wire

/// The engine of one lane with the host around it: frames in and out in place, the engine's outputs done, the
/// host's answers brought in.
final class SoftEtherLane: LaneAdapter {
    static let timer: UInt64 = 1
    /// What a stream is moved with; the other lane knows by it that the client has been greeted.
    static let movedToken: UInt64 = 1
    /// Of the heads that stand between lent frames, for one turn.
    private static let turnOctets = 65_536

    /// A stream of a client.
    struct Link {
        let handle: StreamHandle
        let remote: Endpoint
        let cipher: String
    }

    /// A session, or one that is being opened.
    final class Client {
        let session: Session
        var opening: Ticket?
        var handle: SessionHandle?
        /// Which of its connections is written to.
        var turn = 0
        /// Of its first connection, by which its datagrams are found.
        var origin: Endpoint?
        /// Where its datagrams come from, and go to.
        var path: Path?

        struct Path {
            let remote: Endpoint
            let local: Endpoint?
        }

        init(_ session: Session) { self.session = session }
    }

    let module: SoftEtherModule
    let lane: Int
    let server: Server
    let services: LaneServices
    let counters: LaneCounters<Counter>
    var alarm = Alarm(token: timer)

    /// By stream, which is also its token.
    var links: [UInt64: Link] = [:]
    /// By `Session.id`, which is also its token.
    var clients: [UInt64: Client] = [:]
    /// By the engine's question, which is also its token.
    var questions: [UInt64: Ticket] = [:]
    /// Accepted, and on the way to a session within the same call of the host.
    var accepted: IdentityHandle?
    var datagramSocket: SocketHandle?
    /// By the source of datagrams.
    var flows: [Endpoint: Flow] = [:]
    /// Frames for the session `gathering`, while a batch is worked through.
    private var frames = FrameQueue()
    private var gathering = SessionHandle(rawValue: 0)
    var output = FrameQueue(capacity: 257)
    var memory = TurnMemory(capacity: turnOctets)
    lazy var compression = Compression()
    /// An export has begun, and goes on in another turn.
    var isExporting = false

    init(
        _ module: SoftEtherModule, lane: Int, _ server: Server, _ services: LaneServices,
        _ counters: LaneCounters<Counter>
    ) {
        self.module = module
        self.lane = lane
        self.server = server
        self.services = services
        self.counters = counters
    }

    /// After each input: does what the engine wants, and sets the alarm.
    func settle() {
        while let output = server.nextOutput() { perform(output) }
        alarm.move(to: server.deadline, services)
    }

    func expired(timer token: UInt64) {
        alarm.rang()
        server.handleTimeout(at: services.now)
        settle()
    }

    func close() {
        server.stop(at: services.now)
        settle()
    }
}

// MARK: - Streams

extension SoftEtherLane {
    func claim(_ first: RawSpan) -> Claim {
        switch Opening.isOpening(first) {
        case true?: .yes
        case false?: .no
        case nil: .more
        }
    }

    func opened(_ stream: StreamHandle, moved: UInt64) -> UInt64 {
        let token = stream.rawValue
        guard let facts = try? services.facts(of: stream), facts.isTLS else {
            module.host.log(.warn, "a client came without TLS: this protocol is served on tls:// listeners")
            services.close(stream, .reset)
            return token
        }
        links[token] = Link(handle: stream, remote: facts.remote, cipher: facts.tlsCipher ?? "")
        server.opened(
            stream: token, from: TransportAddress(facts.remote), isKnown: moved == Self.movedToken,
            at: services.now)
        settle()
        return token
    }

    func received(_ octets: PacketSlice, onStream token: UInt64) -> Int {
        guard let connection = server.connections[token] else { return octets.count }
        var taken = 0
        if !connection.isAttached {
            taken = server.receive(octets.bytes, stream: token, at: services.now)
            settle()
            guard connection.isAttached else { return taken }
        }
        return receiveBlocks(octets, from: taken, on: connection)
    }

    func closed(stream token: UInt64, _ ending: StreamEnding) {
        links[token] = nil
        server.closed(stream: token, isOrderly: ending == .remote, at: services.now)
        settle()
    }

    /// Frames go to the hub where they stand.
    private func receiveBlocks(_ octets: PacketSlice, from start: Int, on connection: Connection) -> Int {
        guard let session = connection.session, let handle = clients[session.id]?.handle else {
            return octets.count
        }
        connection.heardAt = services.now
        var position = start
        defer { flushGathered() }
        while true {
            switch connection.blocks.next(in: octets.bytes, at: &position) {
            case .block(let range): take(range, of: octets, session.terms, for: handle)
            case .other: continue
            case .incomplete: return position
            case .broken:
                counters.add(to: .malformed)
                flushGathered()
                server.broke(connection, at: services.now)
                settle()
                return octets.count
            }
        }
    }

    @inline(__always)
    private func take(
        _ range: Range<Int>, of octets: PacketSlice, _ terms: SessionTerms, for session: SessionHandle
    ) {
        // In front of a block stands its length, and nothing else that is ours to overwrite.
        guard !range.isEmpty, var frame = octets.carved(range, headroom: Block.headLength) else { return }
        if terms.compresses {
            guard let expanded = compression.expand(frame, at: services.now) else {
                return counters.add(to: .malformed)
            }
            frame = expanded
        }
        guard Block.frameLengths.contains(frame.count) else { return counters.add(to: .malformed) }
        gather(frame, for: session)
    }

    @inline(__always)
    func gather(_ frame: PacketSlice, for session: SessionHandle) {
        if session != gathering || frames.isFull {
            flushGathered()
            gathering = session
        }
        frames.append(frame)
    }

    func flushGathered() { services.receive(&frames, from: gathering) }
}
