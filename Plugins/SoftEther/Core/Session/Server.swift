import EngineParts
public import Wire

/// The SoftEther server of one lane: connections, and the sessions that they belong to. No IO, no clock, no
/// random octets of its own. After every input `nextOutput()` is drained to nil, and `deadline` asked. Frames
/// are not its business: who owns it takes them from the connections' blocks.
public final class Server {
    /// Time is looked at once in this interval, by a walk over all connections.
    static let tick: Duration = .seconds(1)

    public let options: ServerOptions
    let lane: Int
    let lanes: Int
    var random: any RandomNumberGenerator
    var outputs: [Output] = []
    private var nextOutputIndex = 0

    /// By stream.
    public internal(set) var connections: [UInt64: Connection] = [:]
    /// By `Session.id`.
    public internal(set) var sessions: [UInt64: Session] = [:]
    /// By `SessionKey.name`.
    var keys: [UInt64: Session] = [:]
    var questions: [UInt64: Connection] = [:]
    /// By stream.
    var halfOpen: HalfOpenTable<UInt64>
    var guesses = KeyGuesses()
    var warnings = WarningBrake()
    var lastNumber: UInt64 = 0
    /// Sessions of this lane may be another instance's, which this one takes over from, or gives them to.
    var hasOthers = false
    public internal(set) var deadline: Instant?
    /// Where datagrams are received; nil: sessions are not accelerated.
    public var accelerationPort: UInt16?

    public init(_ options: ServerOptions, lane: Int, lanes: Int, random: any RandomNumberGenerator) {
        precondition(lane < lanes && lanes <= SessionKey.maxLanes, "a session key has one octet for the lane")
        self.options = options
        self.lane = lane
        self.lanes = lanes
        self.random = random
        halfOpen = HalfOpenTable(capacity: options.maxHalfOpen, perSource: options.maxHalfOpenPerSource)
    }

    public func nextOutput() -> Output? {
        guard nextOutputIndex < outputs.count else {
            outputs.removeAll(keepingCapacity: true)
            nextOutputIndex = 0
            return nil
        }
        defer { nextOutputIndex += 1 }
        return outputs[nextOutputIndex]
    }

    // MARK: Streams

    /// A stream is there. `isKnown`: another lane has found that it belongs to a session of this one.
    public func opened(
        stream: UInt64, from remote: TransportAddress, isKnown: Bool = false, at now: Instant
    ) {
        let source = remote.source
        guard connections.count < options.maxConnections, makeRoom(for: source, at: now) else {
            warn("too many connections", source, at: now)
            return outputs.append(.closeStream(stream))
        }
        let challenge = octets(Opening.challengeLength)
        let opening = Opening(server: options.software, challenge: challenge, isKnown: isKnown)
        connections[stream] = Connection(stream: stream, source: source, stage: .opening(opening), at: now)
        halfOpen.insert(.init(connection: stream, source: source, isUnproved: false, beganAt: now))
        rise(at: now)
    }

    /// Octets of a stream that is not attached to a session yet. Returns how many were taken; the others are
    /// to come again.
    public func receive(_ bytes: RawSpan, stream: UInt64, at now: Instant) -> Int {
        var taken = 0
        while taken < bytes.byteCount, let connection = connections[stream],
            case .opening(var opening) = connection.stage
        {
            connection.heardAt = now
            let (count, step) = opening.receive(bytes.extracting(droppingFirst: taken))
            connection.stage = .opening(opening)
            if case .request(.additionalConnection(let key)) = step, key.lane != lane, key.lane < lanes {
                // The request is not taken: the other lane reads it.
                forget(connection)
                outputs.append(.moveStream(stream, lane: key.lane))
                return taken
            }
            taken += count
            perform(step, on: connection, challenge: opening.challenge, at: now)
            if count == 0 { break }
        }
        return taken
    }

    /// The stream is gone. No `closeStream` follows. `isOrderly`: the client has closed it.
    public func closed(stream: UInt64, isOrderly: Bool, at now: Instant) {
        guard let connection = connections[stream] else { return }
        forget(connection)
        leave(connection, isOrderly ? .client : .transport, at: now)
    }

    /// The client has broken the protocol on a connection that was attached.
    public func broke(_ connection: Connection, at now: Instant) {
        close(connection)
        leave(connection, .protocolError, at: now)
    }

    private func perform(
        _ step: Opening.Step, on connection: Connection, challenge: [UInt8], at now: Instant
    ) {
        switch step {
        case .wait: break
        case .answer(let octets): if !octets.isEmpty { send(octets, connection) }
        case .refuse(let octets):
            send(octets, connection)
            close(connection)
        case .request(let request): perform(request, on: connection, challenge: challenge, at: now)
        }
    }

    private func perform(
        _ request: Request, on connection: Connection, challenge: [UInt8], at now: Instant
    ) {
        switch request {
        case .login(let login): ask(login, connection, challenge)
        case .additionalConnection(let key): attach(connection, key, at: now)
        case .enumerateHubs: tellHubs(connection)
        case .changePassword(let change): ask(change, connection, challenge)
        case .noop, .noopAnswer: break
        }
    }

    private func tellHubs(_ connection: Connection) {
        var pack = Pack()
        pack["HubName"] = .strings(options.shownHubs.map { Array($0.utf8) })
        pack.set("NumHub", UInt32(options.shownHubs.count))
        send(HTTPResponse.carrying(pack), connection)
    }

    // MARK: Tools

    func send(_ octets: [UInt8], _ connection: Connection) {
        outputs.append(.send(octets, stream: connection.stream))
    }

    func refuse(_ connection: Connection, _ code: RefusalCode) {
        send(HTTPResponse.carrying(code.pack), connection)
        close(connection)
    }

    /// Ends the stream, from this side.
    func close(_ connection: Connection) {
        outputs.append(.closeStream(connection.stream))
        forget(connection)
    }

    private func forget(_ connection: Connection) {
        if let question = connection.question {
            questions[question] = nil
            outputs.append(.withdrawAuthentication(question: question))
        }
        connection.stage = .closed
        connections[connection.stream] = nil
        halfOpen.remove(connection.stream)
    }

    func warn(_ what: String, _ source: TransportAddress, at now: Instant) {
        guard let count = warnings.count(what, at: now) else { return }
        outputs.append(.warn("\(what) source=\(source) count=\(count)"))
    }

    func nextNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    func octets(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
}
