import IKEv1
import IPsecCore
import PluginKit
import Wire

/// The engine of one lane with the host around it: packets in and out in place, the engine's outputs done,
/// the host's answers brought in.
final class IPsecLane: LaneAdapter {
    private static let timer: UInt64 = 1
    /// IKE's own port, on which there is no ESP; every other one is shared as 4500 is, RFC 3948 §2.
    private static let ikePort: UInt16 = 500

    /// What arrives at a listener.
    enum Traffic {
        case ike
        /// ESP, and IKE behind four zero octets.
        case shared
        /// ESP in IP.
        case native
    }

    /// A place with a session, or with one that is being opened.
    struct Client {
        let identity: IdentityHandle
        var opening: Ticket?
        var session: SessionHandle?
        /// What was told of IPv6 while it was being opened.
        var ipv6: IPv6Parameters?
    }

    struct Question {
        let place: PlaceID
        let ticket: UInt64
        /// The only hubs that the answer may name.
        let hubs: Set<String>?
        var asked: Ticket?

        init(_ place: PlaceID, ticket: UInt64, hubs: Set<String>?) {
            self.place = place
            self.ticket = ticket
            self.hubs = hubs
        }
    }

    let module: IPsecModule
    let server: IPsecServer
    let services: LaneServices
    let index: Int
    private var counters: LaneCounters<Counter>
    private let credentials: Credentials
    private var generation = 0
    private var alarm = Alarm(token: timer)
    private(set) var traffic: [UInt64: Traffic] = [:]
    var clients: [PlaceID: Client] = [:]
    /// By the place's index in the engine's table, for the data path: zero where there is no session.
    var sessions: [UInt64] = []
    var questions: [UInt64: Question] = [:]
    var nextQuestion: UInt64 = 1
    /// Accepted, and on their way to a session: a user's takes until his client joins the network.
    var accepted: [PlaceID: IdentityHandle] = [:]
    /// What the lane shares was offered to the instance that takes over.
    var isExporting = false
    private var frames = FrameQueue()
    private var gathering: UInt64 = 0

    init(
        _ module: IPsecModule, _ server: IPsecServer, _ services: LaneServices, index: Int,
        _ credentials: Credentials
    ) {
        self.module = module
        self.server = server
        self.services = services
        self.index = index
        counters = LaneCounters(module.counters, services)
        self.credentials = credentials
        takeNews()
    }

    var host: HostServices { module.host }

    /// After each input: does what the engine wants, and sets the alarm.
    func settle() {
        while let output = server.nextOutput() { perform(output) }
        counters.take(from: server)
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

    // MARK: From the network

    func listening(on socket: SocketHandle, at local: Endpoint) {
        switch local.port {
        case 0:
            traffic[socket.rawValue] = .native
            server.listensNatively(local.family == .ipv4 ? .ipv4 : .ipv6, socket: socket.rawValue)
        case Self.ikePort: traffic[socket.rawValue] = .ike
        default: traffic[socket.rawValue] = .shared
        }
    }

    func received(_ batch: DatagramBatch, on socket: SocketHandle) {
        guard let traffic = traffic[socket.rawValue] else { return }
        let now = services.now
        for index in 0..<batch.count {
            let path = IKEPath(
                socket: socket.rawValue, remote: TransportAddress(batch.remote(at: index)),
                local: batch.local(at: index).map { TransportAddress($0) },
                isEncapsulated: traffic == .shared)
            received(batch[index], traffic, path, at: now)
        }
        services.receive(&frames, from: SessionHandle(rawValue: gathering))
        server.settleAfterData(at: now)
        settle()
    }

    private func received(_ packet: PacketSlice, _ traffic: Traffic, _ path: IKEPath, at now: Instant) {
        switch traffic {
        case .ike: receive(packet, path, at: now)
        case .native: open(packet, path, at: now)
        case .shared:
            // One octet keeps a NAT's mapping alive, RFC 3948 §2.3.
            guard packet.count > 4 else { return }
            guard packet.bytes.bigEndian(at: 0, as: UInt32.self) == 0 else {
                return open(packet, path, at: now)
            }
            var packet = packet
            if packet.trimFront(4) { receive(packet, path, at: now) }
        }
    }

    private func receive(_ packet: PacketSlice, _ path: IKEPath, at now: Instant) {
        takeNews()
        server.receive(Array(copying: packet.bytes), from: path, at: now)
    }

    private func takeNews() {
        guard let newer = credentials.newer(than: generation) else { return }
        generation = newer.generation
        server.setPeerKeys(newer.keys)
        server.setCertificates(newer.certificates)
        server.present(newer.tls)
    }

    private func open(_ packet: PacketSlice, _ path: IKEPath, at now: Instant) {
        var packet = packet
        guard case .frame(let place) = unsafe server.open(&packet.raw, from: path, at: now),
            place.index < sessions.count, sessions[place.index] != 0
        else { return }
        let session = sessions[place.index]
        if session != gathering || frames.isFull {
            services.receive(&frames, from: SessionHandle(rawValue: gathering))
            gathering = session
        }
        frames.append(packet)
    }

    // MARK: To the network

    func transmit(_ frames: consuming FrameBatch, toSession token: UInt64) {
        let place = PlaceID(rawValue: token)
        let now = services.now
        guard let path = server.path(to: place) else { return }
        var kept = 0
        for index in 0..<frames.count {
            var frame = frames[index]
            guard unsafe server.seal(&frame.raw, to: place, at: now) else { continue }
            frames[kept] = frame
            kept += 1
        }
        frames.shorten(to: kept)
        guard kept > 0 else { return }
        services.send(
            frames, to: Endpoint(path.remote), from: path.local.map { Endpoint($0) },
            on: SocketHandle(rawValue: path.socket))
    }
}
