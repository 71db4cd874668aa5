import EngineParts
public import Wire

/// What another instance of the module, which takes over from this one, has to know of the lane.
extension Server {
    /// What all connections of the lane share. Its form stays as it is whatever `ConnectionRecord.version`
    /// says, so that an instance which cannot read connections keeps off their places at least.
    public struct Shared {
        fileprivate let cookie: SessionCookie
        fileprivate let generation: UInt32
        fileprivate let places: Set<Int>

        public init(parsing reader: inout ByteReader) throws(WireError) {
            let key = try reader.readCounted()
            guard key.count == SessionCookie.keyLength, let cookie = try? SessionCookie(key: key) else {
                throw .badValue
            }
            self.cookie = cookie
            generation = try reader.read(UInt32.self)
            var places: Set<Int> = []
            for _ in 0..<(try reader.readCount()) { places.insert(Int(try reader.read(UInt32.self))) }
            self.places = places
        }
    }

    public func serializeShared(into octets: inout [UInt8]) {
        octets.appendCounted(cookie.key)
        octets.appendBigEndian(generation)
        // Those of an instance before this one, too, which may still drain.
        let taken = connections.indices.filter { connections[$0] != nil || reserved.contains($0) }
        octets.appendBigEndian(UInt32(taken.count))
        for index in taken { octets.appendBigEndian(UInt32(index)) }
    }

    /// Cookies that the other instance gave out are good here too, and the places of its connections are kept
    /// for them. What a lane shares comes before its connections.
    public func take(_ shared: Shared) throws(WireError) {
        let count = (shared.places.max() ?? -1) + 1
        guard connections.isEmpty, count <= indexLimit else { throw .badValue }
        cookie = shared.cookie
        generation = shared.generation
        connections = Array(repeating: nil, count: count)
        free = (0..<count).filter { !shared.places.contains($0) }
        reserved = shared.places
    }

    /// The connections that there are.
    public var connectionIDs: [ConnectionID] { connections.compactMap { $0?.id } }

    /// Whose a stream is; nil before its first packet.
    public func connectionID(on path: Path) -> ConnectionID? {
        owners[path].flatMap { connections[$0]?.id }
    }

    /// Nil when it is gone.
    public func record(of id: ConnectionID) -> ConnectionRecord? {
        guard let connection = connection(id) else { return nil }
        var record = ConnectionRecord()
        connection.serialize(into: &record)
        record.octets.append(owners[connection.path] == id.index)
        let entry = connection.isHalfOpen ? halfOpen.entry(of: id) : nil
        record.octets.append(entry?.isUnproved ?? false)
        return record
    }

    /// The connection goes on elsewhere, with its TLS sessions. Its peer hears nothing.
    public func giveUp(_ id: ConnectionID) {
        guard let connection = connection(id) else { return }
        connection.giveUp()
        remove(connection)
    }

    /// Takes a connection over. Nothing is kept of one that is refused.
    public func adopt(_ record: ConnectionRecord) throws(WireError) -> Connection {
        guard record.octets.count >= 2 else { throw .truncated }
        var reader = ByteReader(record.octets.rawSpan.extracting(first: record.octets.count - 2))
        let connection = try unsafe Connection(
            parsing: &reader, sessions: record.sessions, shared: keys, resources)
        let (ownsPath, isUnproved) = (
            record.octets[record.octets.count - 2] != 0, record.octets[record.octets.count - 1] != 0
        )
        let index = connection.id.index
        // Who connected anew from there meanwhile has replaced it.
        guard reserved.contains(index), !ownsPath || owners[connection.path] == nil else { throw .badValue }
        connection.adopt()
        reserved.remove(index)
        insert(connection, isUnproved: isUnproved)
        if ownsPath { owners[connection.path] = index }
        settle(connection)
        return connection
    }

    /// Places that were kept for connections which never came are free.
    public func adoptionEnded() {
        free += reserved
        reserved = []
    }

    /// Whether a packet is one of a connection here. Changes nothing.
    public func owns(_ bytes: RawSpan, from path: Path) -> Bool {
        guard bytes.byteCount > 0, let opcode = Opcode(firstOctet: bytes.bigEndian(at: 0)) else {
            return false
        }
        switch opcode {
        case .dataV2:
            guard bytes.byteCount >= 4 else { return false }
            let index = localIndex(ofPeer: Int(bytes.bigEndian(at: 0, as: UInt32.self) & 0xff_ffff))
            return index.map { $0 < connections.count && connections[$0] != nil } ?? false
        case .dataV1: return owners[path] != nil
        case .softReset, .control, .acknowledgement, .hardResetClientV2, .hardResetServerV2,
            .hardResetClientV3, .controlWKc:
            guard bytes.byteCount >= ControlHead.length else { return false }
            return flows[Flow(path: path, session: SessionID(bytes.bigEndian(at: 1)))] != nil
        }
    }
}
