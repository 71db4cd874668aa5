import EngineParts
public import OpenSSL
public import Wire

/// The OpenVPN server of one lane: gives each packet to its connection, and makes connections. No IO, no
/// clock.
///
/// Control packets and time come in by `receive` and `handleTimeout`; answers to questions by the functions
/// of `ServerAnswers.swift`; after every input `nextOutput()` is drained to nil, and `deadline` asked. Data
/// packets are opened and sealed in place, see `ServerDataPath.swift`.
public final class Server {
    /// Octets of a peer id.
    static let peerIDBits = 24
    /// Addresses remembered whose clients belong to other lanes.
    static let maxRoamed = 4096

    /// Lines about newcomers for whom there is no place: one in this time, however many there are.
    static let crowdLogInterval: Duration = .seconds(10)
    /// A connection is called no sooner again after its timer went off.
    static let timerResolution: Duration = .milliseconds(1)

    let resources: ServerResources
    var cookie: SessionCookie
    /// What packets without a connection are tried with, in this order.
    let keys: [ControlKeys]
    let tlsCryptV2: TLSCryptV2Wrapper?
    public let lane: Int
    let laneBits: Int
    let lanes: Int
    var random: any RandomNumberGenerator

    var connections: [Connection?] = []
    var free: [Int] = []
    /// Places of connections that another instance still has, see `ServerHandover.swift`.
    var reserved: Set<Int> = []
    var generation: UInt32 = 0
    private(set) var count = 0
    private(set) var halfOpen: HalfOpenTable<ConnectionID>
    /// Newcomers without a place, and those who gave theirs up, since the last line about them.
    private var crowd = (refused: 0, displaced: 0)
    private var crowdLoggedAt: Instant?
    /// Every connection, by the way to its client and that client's session id.
    var flows: [Flow: Int] = [:]
    /// Who owns a path: the authenticated connection of an address, or a stream's only one.
    var owners: [Path: Int] = [:]
    /// Paths from which data packets of other lanes' clients came.
    var roamed: [Path: Int] = [:]
    private var timers = TimerQueue<ConnectionID>()
    /// Data packets that were not opened, by `DropReason.rawValue`; only grows.
    public internal(set) var drops = [Int](repeating: 0, count: DropReason.allCases.count)

    struct Flow: Hashable {
        let path: Path
        let session: SessionID
    }

    /// `lane` stands in the high `laneBits` bits of all peer ids. `lanes`: how many there are; nil: as many
    /// as these bits can tell. `cookieKey`: 32 random octets, the same on all lanes, handed over at a
    /// module's swap.
    public init(
        _ options: ServerOptions, cookieKey: [UInt8], lane: Int, laneBits: Int, lanes: Int? = nil,
        random: any RandomNumberGenerator
    ) throws(OpenSSLError) {
        precondition(laneBits <= 8 && lane >> laneBits == 0, "a lane that does not fit its bits")
        resources = try ServerResources(options)
        halfOpen = HalfOpenTable(capacity: options.maxHalfOpen, perSource: options.maxHalfOpenPerSource)
        cookie = try SessionCookie(key: cookieKey)
        keys = try Self.keys(options)
        tlsCryptV2 = try Self.wrapper(options)
        self.lane = lane
        self.laneBits = laneBits
        self.lanes = lanes ?? 1 << laneBits
        self.random = random
    }

    private static func keys(_ options: ServerOptions) throws(OpenSSLError) -> [ControlKeys] {
        var keys: [ControlKeys] = []
        for wrapping in options.wrappings {
            switch wrapping {
            case .tlsAuth(let key, let digest, let direction):
                keys.append(.tlsAuth(try TLSAuthKeys(key, digest, direction)))
            case .tlsCrypt(let key):
                keys.append(.tlsCrypt(try TLSCryptKeys(key, .normal)))
            }
        }
        return options.acceptsPlain ? keys + [.plain] : keys
    }

    private static func wrapper(_ options: ServerOptions) throws(OpenSSLError) -> TLSCryptV2Wrapper? {
        guard let key = options.tlsCryptV2 else { return nil }
        return try TLSCryptV2Wrapper(key)
    }

    public var options: ServerOptions { resources.options }

    /// Presents another certificate from the next TLS session on.
    public func use(_ context: TLSContext) { resources.context = context }

    public var connectionCount: Int { count }
    public var halfOpenCount: Int { halfOpen.count }

    // MARK: The engine

    /// The next thing to be done; nil when there is none.
    public func nextOutput() -> Output? { resources.outbox.next() }

    /// When `handleTimeout` must next be called; nil without connections.
    public var deadline: Instant? { timers.deadline }

    public func handleTimeout(at moment: Moment) {
        while let entry = timers.popDue(at: moment.now) {
            guard let connection = connection(entry.connection), connection.scheduledAt == entry.at else {
                continue
            }
            connection.scheduledAt = nil
            connection.handleTimeout(at: moment)
            settle(connection, notBefore: moment.now.advanced(by: Self.timerResolution))
        }
    }

    /// Nil when it is gone.
    public func connection(_ id: ConnectionID) -> Connection? {
        guard connections.indices.contains(id.index), let connection = connections[id.index],
            connection.id == id
        else { return nil }
        return connection
    }

    /// After every input of a connection: its timer, its place in the tables.
    func settle(_ connection: Connection, notBefore earliest: Instant = Instant(nanoseconds: 0)) {
        if connection.isOver { return remove(connection) }
        if connection.isHalfOpen, connection.stage == .open || connection.stage == .opening {
            halfOpen.remove(connection.id)
            connection.isHalfOpen = false
            takeOver(connection.path, connection)
        }
        let deadline = max(connection.deadline, earliest)
        if let scheduledAt = connection.scheduledAt, scheduledAt <= deadline { return }
        connection.scheduledAt = deadline
        timers.insert(TimerQueue<ConnectionID>.Entry(at: deadline, connection: connection.id))
        if timers.entries.count > 64 + 4 * count {
            timers.keep { [self] in self.connection($0.connection)?.scheduledAt == $0.at }
        }
    }

    // MARK: Tables

    /// Nil: a bound is reached, and the client has to try again later.
    func makeConnection(
        _ path: Path, client: SessionID, server: SessionID, keys: ControlKeys, reset: Opcode?,
        at moment: Moment
    ) -> Connection? {
        let isUnproved = path.transport == .datagram && reset != nil
        guard !options.clients.isReached, makeRoom(for: path, isUnproved, at: moment.now),
            let index = takeIndex()
        else {
            crowd.refused += 1
            noteCrowd(path, at: moment.now)
            return nil
        }
        generation &+= 1
        let origin = Connection.Origin(
            id: ConnectionID(generation: generation, index: index),
            peerID: UInt32(lane << (Self.peerIDBits - laneBits) | index), path: path, client: client,
            server: server)
        guard let connection = try? Connection(origin, resources, keys: keys, reset: reset, at: moment) else {
            free.append(index)
            return nil
        }
        insert(connection, isUnproved: isUnproved)
        if path.transport == .stream { owners[path] = index }
        connection.log(.debug, "began wrapping=\(keys.name)")
        return connection
    }

    /// Puts a connection into the place that it has.
    func insert(_ connection: Connection, isUnproved: Bool) {
        let index = connection.id.index
        connections[index] = connection
        count += 1
        flows[connection.flow] = index
        guard connection.isHalfOpen else { return }
        halfOpen.insert(
            HalfOpenTable.Entry(
                connection: connection.id, source: connection.path.remote.source, isUnproved: isUnproved,
                beganAt: connection.beganAt))
    }

    /// A place among the half-open connections, if need be another one's.
    private func makeRoom(for path: Path, _ isUnproved: Bool, at now: Instant) -> Bool {
        for id in halfOpen.overdue(window: options.handshakeWindow, at: now) {
            // Who waits for our verdict is not at fault.
            if let slow = connection(id), slow.stage == .handshake { displace(slow, for: path, at: now) }
        }
        switch halfOpen.admission(of: path.remote.source, isUnproved: isUnproved, at: now) {
        case .free: return true
        case .refused: return false
        case .inPlaceOf(let id):
            guard let former = connection(id) else { return false }
            displace(former, for: path, at: now)
            return true
        }
    }

    private func displace(_ connection: Connection, for path: Path, at now: Instant) {
        connection.end(.policy, "gave way to a newcomer")
        remove(connection)
        crowd.displaced += 1
        noteCrowd(path, at: now)
    }

    private func noteCrowd(_ path: Path, at now: Instant) {
        if let crowdLoggedAt, now < crowdLoggedAt.advanced(by: Self.crowdLogInterval) { return }
        log(
            "refused reason=\"too many connections\" count=\(crowd.refused) displaced=\(crowd.displaced) "
                + "remote=\(path.remote)")
        crowd = (0, 0)
        crowdLoggedAt = now
    }

    private func takeIndex() -> Int? {
        if let index = free.popLast() { return index }
        let most = options.clients.most + options.maxHalfOpen
        guard connections.count < min(most, indexLimit) else { return nil }
        connections.append(nil)
        return connections.count - 1
    }

    /// The last number of a lane is left out: all ones mean "no peer id".
    var indexLimit: Int { 1 << (Self.peerIDBits - laneBits) - 1 }

    func remove(_ connection: Connection) {
        let index = connection.id.index
        guard connections[index] === connection else { return }
        if connection.isHalfOpen { halfOpen.remove(connection.id) }
        connections[index] = nil
        free.append(index)
        count -= 1
        forget(connection.flow, of: index)
        if owners[connection.path] == index { owners[connection.path] = nil }
    }

    /// A client that moved may have taken the flow of another one with the same session id.
    func forget(_ flow: Flow, of index: Int) {
        if flows[flow] == index { flows[flow] = nil }
    }

    /// An authenticated client replaces the one that had its address before.
    private func takeOver(_ path: Path, _ connection: Connection) {
        let index = connection.id.index
        if let former = owners[path], former != index, let old = connections[former] {
            old.end(.replaced)
            remove(old)
        }
        owners[path] = index
    }

    func log(_ text: String) {
        resources.outbox.append(.log(LogEvent(level: .security, connection: nil, text: text)))
    }
}
