public import OpenVPNCore
import PluginABI
public import Wire

/// One server and its clients, on links that lose, delay, reorder and repeat, on a clock that is only a
/// number. The same seed gives the same run, but for the octets that OpenSSL draws.
public final class SimulatedNetwork {
    public struct Link: Sendable {
        /// Shares of packets.
        public var loss = 0.0
        public var duplication = 0.0
        /// Each packet takes a time in this range, in milliseconds: a wide one reorders.
        public var delay = 10...10

        public init(loss: Double = 0, duplication: Double = 0, delay: ClosedRange<Int> = 10...10) {
            self.loss = loss
            self.duplication = duplication
            self.delay = delay
        }

        public static let perfect = Link()
    }

    /// What the host answers to a question.
    public enum Verdict: Sendable {
        case accept
        case refuse(String)
        /// The test answers later.
        case pending
    }

    enum Happening {
        case toServer([UInt8], Path)
        case toClient(Int, [UInt8])
        case clientTimer(Int)
    }

    public private(set) var server: Server
    /// Another instance takes over before every packet and every timeout.
    public var swapsAllTheTime = false
    /// How often one has.
    public private(set) var swaps: UInt64 = 0
    private let makeServer: (UInt64) throws -> Server
    public var link: Link
    public internal(set) var now = Instant(nanoseconds: 1_000_000_000_000)
    public internal(set) var clients: [SimulatedClient] = []
    public internal(set) var paths: [Path] = []
    private var clientsByPath: [Path: Int] = [:]
    public internal(set) var reports: [[SimulatedClient.Output]] = []
    /// Everything that the server put out, but for packets.
    public internal(set) var outputs: [Output] = []
    /// One line per packet and event, when `narrates`.
    public internal(set) var narration: [String] = []
    public var narrates = false
    public var judge: (AuthenticationRequest) -> Verdict = { _ in .accept }
    public var configure: (SessionRequest) -> PushReply? = SimulatedNetwork.ordinaryReply
    /// What the server's side sends back for a payload.
    public var answer: (Connection, [UInt8]) -> [UInt8]? = { _, payload in payload }
    /// Sees every packet of a client as it leaves.
    public var observe: ([UInt8]) -> Void = { _ in }
    public internal(set) var packetsToServer = 0
    /// Of a stream, which were closed by the server.
    public internal(set) var closedStreams: [Path] = []
    var random: SplitMix64
    var events = EventQueue<Happening>()

    public init(
        _ options: ServerOptions, seed: UInt64, link: Link = .perfect, lane: Int = 0, laneBits: Int = 2,
        lanes: Int? = nil
    ) throws {
        random = SplitMix64(seed: seed)
        self.link = link
        // Each instance has a cookie key of its own.
        makeServer = { number in
            let key = (0..<SessionCookie.keyLength).map { UInt8(truncatingIfNeeded: 7 &* $0 &+ Int(number)) }
            return try Server(
                options, cookieKey: key, lane: lane, laneBits: laneBits, lanes: lanes,
                random: SplitMix64(seed: seed &+ number))
        }
        server = try makeServer(1)
    }

    /// The connections go on in another instance. What it refuses is gone; returns how much that is.
    @discardableResult
    public func swap() throws -> Int {
        swaps += 1
        let former = server
        server = try makeServer(1 + swaps)
        var shared: [UInt8] = []
        former.serializeShared(into: &shared)
        var reader = ByteReader(shared.rawSpan)
        try server.take(Server.Shared(parsing: &reader))
        var refused = 0
        for id in former.connectionIDs {
            guard let record = former.record(of: id), (try? server.adopt(record)) != nil else {
                refused += 1
                continue
            }
            former.giveUp(id)
        }
        server.adoptionEnded()
        return refused
    }

    private func swapIfWanted() {
        guard swapsAllTheTime else { return }
        let refused = (try? swap()) ?? -1
        precondition(refused == 0, "an instance refused what another one had")
    }

    public var moment: Moment {
        Moment(now, wallSeconds: 1_700_000_000 &+ UInt32(truncatingIfNeeded: now.nanoseconds / 1_000_000_000))
    }

    public static func ordinaryReply(_ request: SessionRequest) -> PushReply? {
        var reply = PushReply()
        guard request.layer == .ip else { return reply }
        reply.interface = .init(
            IPv4Address(0x0a08_0000 + UInt32(truncatingIfNeeded: request.connection.rawValue & 0xffff)),
            mask: IPv4Address(0xffff_0000))
        reply.gateway = IPv4Address(0x0a08_0001)
        return reply
    }

    /// Starts a client; returns its number. Each has an address of its own unless told otherwise.
    @discardableResult
    public func addClient(_ options: SimulatedClient.Options = .init(), at path: Path? = nil) throws -> Int {
        let number = clients.count
        let address = TransportAddress(ipv4: 0xc633_6400 + UInt32(number), port: 40_000)
        let usual = Path(
            options.isStream ? .stream : .datagram, handle: options.isStream ? UInt64(number) + 100 : 1,
            remote: address)
        paths.append(path ?? usual)
        clientsByPath[paths[number]] = number
        clients.append(try SimulatedClient(options, random: &random, at: moment))
        reports.append([])
        collect(number)
        return number
    }

    /// The client goes on at another address.
    public func move(_ number: Int, to address: TransportAddress) {
        if clientsByPath[paths[number]] == number { clientsByPath[paths[number]] = nil }
        paths[number] = Path(.datagram, handle: 1, remote: address)
        clientsByPath[paths[number]] = max(number, clientsByPath[paths[number]] ?? 0)
    }

    /// Calls into a client, and sends what it says.
    public func tell(_ number: Int, _ action: (SimulatedClient) -> Void) {
        action(clients[number])
        collect(number)
    }

    /// Calls into the server, and does what it says.
    public func tellServer(_ action: (Server) -> Void) {
        action(server)
        drain()
    }

    /// A packet from anywhere.
    public func inject(_ packet: [UInt8], from path: Path) { deliver(packet, path) }

    /// Runs until `isDone`, at most for `limit`. Whether it was done.
    @discardableResult
    public func run(for limit: Duration, until isDone: () -> Bool = { false }) -> Bool {
        let end = now.advanced(by: limit)
        while !isDone() {
            let next = [events.nextAt, server.deadline].compactMap(\.self).min() ?? end
            guard next < end else { break }
            now = max(now, next)
            if let deadline = server.deadline, deadline <= now {
                swapIfWanted()
                server.handleTimeout(at: moment)
                drain()
            }
            while let event = events.popDue(at: now) { happen(event) }
        }
        if !isDone() { now = max(now, end) }
        return isDone()
    }

    private func happen(_ event: Happening) {
        switch event {
        case .toServer(let packet, let path): deliver(packet, path)
        case .toClient(let number, let packet):
            clients[number].receive(packet, at: moment)
            collect(number)
        case .clientTimer(let number):
            guard let deadline = clients[number].deadline, deadline <= now else { return }
            clients[number].handleTimeout(at: moment)
            collect(number)
        }
    }

    // MARK: Client to server

    private func collect(_ number: Int) {
        while let output = clients[number].nextOutput() {
            if case .send(let packet) = output {
                narrate(packet, fromClient: true)
                observe(packet)
                transmit(.toServer(packet, paths[number]))
            } else {
                note("client: \(Self.words(output))")
                reports[number].append(output)
            }
        }
        if let deadline = clients[number].deadline {
            events.insert(.clientTimer(number), at: max(deadline, now))
        }
    }

    private func deliver(_ packet: [UInt8], _ path: Path) {
        packetsToServer += 1
        swapIfWanted()
        var buffer = [UInt8](repeating: 0, count: 256) + packet + [UInt8](repeating: 0, count: 256)
        var payload: (connection: Connection, octets: [UInt8])?
        var isControl = false
        buffer.withUnsafeMutableBufferPointer { buffer in
            var slice = pa_slice_v1(
                start: buffer.baseAddress! + 256, length: UInt32(packet.count), headroom: 256, tailroom: 256)
            switch server.open(&slice, from: path, at: moment) {
            case .payload(let connection):
                payload = (
                    connection, Array(UnsafeBufferPointer(start: slice.start, count: Int(slice.length)))
                )
            case .control: isControl = true
            case .handOver(let lane): note("server: hand over to lane \(lane)")
            case .consumed: break
            }
        }
        if isControl { server.receive(packet, from: path, at: moment) }
        if let payload, let reply = answer(payload.connection, payload.octets) {
            send(reply, to: payload.connection)
        }
        drain()
    }

    /// A payload from the hub to a client.
    public func send(_ payload: [UInt8], to connection: Connection) {
        var buffer = [UInt8](repeating: 0, count: 256) + payload + [UInt8](repeating: 0, count: 256)
        let packet: [UInt8]? = buffer.withUnsafeMutableBufferPointer { buffer in
            var slice = pa_slice_v1(
                start: buffer.baseAddress! + 256, length: UInt32(payload.count), headroom: 256, tailroom: 256)
            guard connection.seal(&slice, at: now) else { return nil }
            return Array(UnsafeBufferPointer(start: slice.start, count: Int(slice.length)))
        }
        if let packet { toClient(packet, connection.path) }
    }

    // MARK: Server to client

    private func drain() {
        while let output = server.nextOutput() {
            switch output {
            case .send(let packet, let path):
                toClient(packet, path)
            case .authenticate(let request):
                outputs.append(output)
                note("server: who is \(request.username ?? "?")\(request.isRenewal ? ", still" : "")?")
                decide(request)
            case .openSession(let request):
                outputs.append(output)
                note("server: open a layer-\(request.layer.rawValue) session")
                if let reply = configure(request) {
                    server.sessionOpened(request.connection, reply, at: moment)
                }
            case .closeSession(_, let reason, _):
                outputs.append(output)
                note("server: close the session, \(reason.sentence)")
            case .closeStream(let path):
                closedStreams.append(path)
            case .withdrawAuthentication, .moved, .log:
                outputs.append(output)
            }
        }
    }

    private func decide(_ request: AuthenticationRequest) {
        switch judge(request) {
        case .accept: server.decided(request.connection, ticket: request.ticket, refusal: nil, at: moment)
        case .refuse(let words):
            server.decided(request.connection, ticket: request.ticket, refusal: words, at: moment)
        case .pending: break
        }
    }

    private func toClient(_ packet: [UInt8], _ path: Path) {
        let octets = path.transport == .stream ? Array(packet.dropFirst(StreamFraming.headerLength)) : packet
        narrate(octets, fromClient: false)
        guard let number = clientsByPath[path] else { return }
        transmit(.toClient(number, octets))
    }

    private func transmit(_ event: Happening) {
        guard Double.random(in: 0..<1, using: &random) >= link.loss else { return }
        let copies = Double.random(in: 0..<1, using: &random) < link.duplication ? 2 : 1
        for _ in 0..<copies {
            let delay = Duration.milliseconds(Int.random(in: link.delay, using: &random))
            events.insert(event, at: now.advanced(by: delay))
        }
    }
}
