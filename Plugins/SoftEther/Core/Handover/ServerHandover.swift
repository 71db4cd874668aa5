import EngineParts
public import Wire

/// What another instance of the module, which takes over from this one, has to know of the lane, and what it
/// takes. Who has guessed session keys is forgotten: guessing is hopeless, and begins anew.
extension Server {
    /// Numbers that the former instance may still give out: two for each of those who are on their way to a
    /// session there.
    private var numbersLeftOut: UInt64 { 2 * UInt64(options.maxHalfOpen) }

    /// What all sessions of the lane share. Its form stays as it is whatever `SessionRecord.version` says.
    public struct Shared {
        fileprivate let lastNumber: UInt64

        public init(parsing reader: inout ByteReader) throws(WireError) {
            lastNumber = try reader.read(UInt64.self)
        }
    }

    public func serializeShared(into octets: inout [UInt8]) { octets.appendBigEndian(lastNumber) }

    /// What a lane shares comes before its connections.
    public func take(_ shared: Shared) throws(WireError) {
        guard connections.isEmpty, sessions.isEmpty else { throw .badValue }
        let (last, isOver) = shared.lastNumber.addingReportingOverflow(numbersLeftOut)
        guard !isOver else { throw .badValue }
        lastNumber = last
        hasOthers = true
    }

    /// The former instance has no session left on this lane.
    public func adoptionEnded() { hasOthers = false }

    /// Connections on their way to a session that is not there yet.
    public var unattached: [UInt64] { connections.values.filter { $0.session == nil }.map(\.stream) }

    /// Nil when it is gone, or belongs to a session.
    public func record(ofStream stream: UInt64) -> [UInt8]? {
        guard let connection = connections[stream], connection.session == nil else { return nil }
        var octets: [UInt8] = []
        connection.serialize(into: &octets)
        return octets
    }

    /// Nil when it is gone.
    public func record(ofSession id: UInt64) -> [UInt8]? {
        guard let session = sessions[id] else { return nil }
        var octets: [UInt8] = []
        session.serialize(into: &octets)
        return octets
    }

    /// The connection goes on elsewhere. Its client hears nothing.
    public func giveUp(stream: UInt64) {
        guard let connection = connections[stream] else { return }
        remove(connection)
        restIfIdle()
    }

    /// The same for a session with its connections.
    public func giveUp(session id: UInt64) {
        guard let session = forget(session: id) else { return }
        for connection in session.connections { remove(connection) }
        hasOthers = true
        restIfIdle()
    }

    /// Takes a connection over. Nothing is kept of one that is refused.
    public func adoptConnection(_ record: [UInt8], at now: Instant) throws(WireError) -> Connection {
        var reader = ByteReader(record.rawSpan)
        let connection = try Connection(parsing: &reader, options.software)
        guard reader.remaining == 0, connections[connection.stream] == nil else { throw .badValue }
        if let question = connection.question {
            guard questions[question] == nil else { throw .badValue }
            questions[question] = connection
        }
        insert(connection)
        rise(at: now)
        return connection
    }

    /// The same for a session with its connections.
    public func adoptSession(_ record: [UInt8], at now: Instant) throws(WireError) -> Session {
        var reader = ByteReader(record.rawSpan)
        let session = try Session(parsing: &reader)
        let streams = Set(session.connections.map(\.stream))
        guard reader.remaining == 0, session.key.lane == lane, sessions[session.id] == nil,
            keys[session.key.name] == nil, streams.count == session.connections.count,
            streams.allSatisfy({ connections[$0] == nil })
        else { throw .badValue }
        sessions[session.id] = session
        if session.isOpen { keys[session.key.name] = session }
        for connection in session.connections { insert(connection) }
        rise(at: now)
        return session
    }

    private func insert(_ connection: Connection) {
        connections[connection.stream] = connection
        guard !connection.isAttached else { return }
        halfOpen.insert(
            .init(
                connection: connection.stream, source: connection.source, isUnproved: false,
                beganAt: connection.openedAt))
    }

    private func remove(_ connection: Connection) {
        if let question = connection.question { questions[question] = nil }
        connection.stage = .closed
        connections[connection.stream] = nil
        halfOpen.remove(connection.stream)
    }
}
