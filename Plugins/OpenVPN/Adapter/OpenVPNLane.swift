import OpenVPNCore
import PluginABI
import PluginKit
import Synchronization
import Wire

/// The engine of one lane with the host around it: packets in and out in place, the engine's outputs done,
/// the host's answers brought in.
final class OpenVPNLane: LaneAdapter {
    static let timer: UInt64 = 1

    /// A client with a session, or with one that is being opened.
    final class Client {
        let connection: Connection
        let identity: IdentityHandle
        var opening: Ticket?
        var session: SessionHandle?
        var ipv6: IPv6Parameters?

        init(_ connection: Connection, _ identity: IdentityHandle) {
            self.connection = connection
            self.identity = identity
        }
    }

    /// An authentication that the host has not decided yet.
    struct Question {
        let connection: ConnectionID
        /// By which the engine knows it.
        let ticket: UInt64
        let isRenewal: Bool
        var asked: Ticket?
    }

    let module: OpenVPNModule
    let server: Server
    let services: LaneServices
    var counters: LaneCounters<Counter>
    var push: PushSettings
    var generation = 0
    var alarm = Alarm(token: timer)

    /// By the connection's place in the engine's table.
    var clients: [Client?] = []
    /// The same for the data path: zero where there is no session.
    var sessions: [UInt64] = []
    var questions: [UInt64: Question] = [:]
    var nextQuestion: UInt64 = 1
    /// Accepted, and on their way to a session within the same call of the host.
    var accepted: [ConnectionID: IdentityHandle] = [:]
    var streams: [UInt64: StreamLink] = [:]
    /// Frames for the session `gathering`, while a batch is worked through.
    private var frames = FrameQueue()
    private var gathering: UInt64 = 0

    init(
        _ module: OpenVPNModule, _ server: Server, _ services: LaneServices,
        _ counters: LaneCounters<Counter>,
        _ push: PushSettings
    ) {
        self.module = module
        self.server = server
        self.services = services
        self.counters = counters
        self.push = push
    }

    var moment: Moment {
        Moment(services.now, wallSeconds: UInt32(truncatingIfNeeded: services.wallSeconds))
    }

    /// After each input: does what the engine wants, and sets the alarm.
    func settle() {
        while let output = server.nextOutput() { perform(output) }
        counters.take(from: server)
        alarm.move(to: server.deadline, services)
    }

    func expired(timer token: UInt64) {
        alarm.rang()
        applyChanges()
        server.handleTimeout(at: moment)
        settle()
    }

    func close() {
        server.stop("the server stops", at: moment)
        settle()
    }

    func applyChanges() {
        let current = module.generation.load(ordering: .acquiring)
        guard current != generation, let changes = module.changes else { return }
        generation = current
        push = changes.push
        if let context = changes.context { server.use(context) }
    }
}

// MARK: - From the network

extension OpenVPNLane {
    func listening(on socket: SocketHandle, at local: Endpoint) { module.noteListener(at: local) }

    func received(_ batch: DatagramBatch, on socket: SocketHandle) {
        applyChanges()
        let moment = moment
        for index in 0..<batch.count {
            let path = Path(
                .datagram, handle: socket.rawValue, remote: TransportAddress(batch.remote(at: index)),
                local: batch.local(at: index).map { TransportAddress($0) })
            let lane = received(batch[index], from: path, at: moment)
            if let lane { services.handOver(index, of: batch, toLane: lane, on: socket) }
        }
        flush()
        settle()
    }

    /// One packet, without a stream's length. Returns the lane that it belongs to where that is another one.
    @inline(__always)
    func received(_ packet: PacketSlice, from path: Path, at moment: Moment) -> Int? {
        var packet = packet
        switch unsafe server.open(&packet.raw, from: path, at: moment) {
        case .payload(let connection): gather(packet, connection.id.index)
        case .consumed: break
        case .control:
            let octets = unsafe packet.bytes.withUnsafeBytes { unsafe Array($0) }
            server.receive(octets, from: path, at: moment)
        case .handOver(let lane): return lane
        }
        return nil
    }

    @inline(__always)
    private func gather(_ packet: PacketSlice, _ index: Int) {
        guard index < sessions.count, sessions[index] != 0 else { return }
        let session = sessions[index]
        if session != gathering || frames.isFull {
            flush()
            gathering = session
        }
        frames.append(packet)
    }

    func flush() { services.receive(&frames, from: SessionHandle(rawValue: gathering)) }
}

// MARK: - To the network

extension OpenVPNLane {
    func transmit(_ frames: consuming FrameBatch, toSession token: UInt64) {
        guard let client = client(ConnectionID(rawValue: token)) else { return }
        let connection = client.connection
        guard mayWrite(to: connection.path) else { return counters.add(frames.count, to: .fullStreamDrops) }
        let now = services.now
        var kept = 0
        for index in 0..<frames.count {
            var frame = frames[index]
            guard unsafe connection.seal(&frame.raw, at: now) else { continue }
            frames[kept] = frame
            kept += 1
        }
        frames.shorten(to: kept)
        guard kept > 0 else { return }
        let path = connection.path
        switch path.transport {
        case .datagram:
            services.send(
                frames, to: Endpoint(path.remote), from: path.local.map { Endpoint($0) },
                on: SocketHandle(rawValue: path.handle))
        case .stream: write(frames, to: path)
        }
    }

    func client(_ id: ConnectionID) -> Client? {
        guard id.index < clients.count, let client = clients[id.index], client.connection.id == id else {
            return nil
        }
        return client
    }
}
