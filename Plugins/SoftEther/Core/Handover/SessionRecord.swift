import EngineParts
import Wire

/// A session as it travels to another instance of the module, with all of its connections.
public enum SessionRecord {
    /// Of the octets. A change to what is written is a new version.
    public static let version: UInt32 = 1
}

extension Session {
    func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(id)
        octets.append(contentsOf: key.octets)
        terms.serialize(into: &octets)
        octets.append(name)
        octets.appendOptional(acceleration) { $1.serialize(into: &$0) }
        octets.appendOptional(lostAt) { $0.append($1) }
        octets.append(isOpen)
        octets.appendBigEndian(UInt32(connections.count))
        for connection in connections { connection.serializeAttached(into: &octets) }
    }

    convenience init(parsing reader: inout ByteReader) throws(WireError) {
        let id = try reader.read(UInt64.self)
        guard let key = SessionKey(try reader.take(SessionKey.length)) else { throw .badValue }
        let terms = try SessionTerms(parsing: &reader)
        let name = try reader.readText()
        let acceleration = try reader.readFlag() ? try Acceleration(parsing: &reader) : nil
        self.init(id: id, key: key, terms: terms, name: name, acceleration: acceleration)
        lostAt = try reader.readOptionalInstant()
        isOpen = try reader.readFlag()
        let count = try reader.readCount()
        // Only who waits for his place has exactly one, and only who has lost all of them has none.
        let counts = isOpen ? (lostAt == nil ? 1...terms.connections : 0...0) : 1...1
        guard counts.contains(count) else { throw .badValue }
        for _ in 0..<count {
            connections.append(try Connection(parsingAttached: &reader, of: self))
        }
    }
}

extension SessionTerms {
    fileprivate func serialize(into octets: inout [UInt8]) {
        octets.append(UInt8(connections))
        for flag in [isHalfDuplex, hasPriority, compresses, isBridge, isMonitor] { octets.append(flag) }
        octets.appendBigEndian(UInt16(clamping: timeout.components.seconds))
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        connections = Int(try reader.read(UInt8.self))
        isHalfDuplex = try reader.readFlag()
        hasPriority = try reader.readFlag()
        compresses = try reader.readFlag()
        isBridge = try reader.readFlag()
        isMonitor = try reader.readFlag()
        timeout = .seconds(try reader.read(UInt16.self))
        guard (1...Self.maxConnections).contains(connections) else { throw .badValue }
    }
}

// MARK: - Connections

extension Connection {
    /// One of a session.
    fileprivate func serializeAttached(into octets: inout [UInt8]) {
        serializeOrigin(into: &octets)
        octets.appendBigEndian(direction.rawValue)
        blocks.serialize(into: &octets)
        octets.append(keepAliveAt)
    }

    fileprivate convenience init(parsingAttached reader: inout ByteReader, of session: Session)
        throws(WireError)
    {
        try self.init(parsingOrigin: &reader, stage: session.isOpen ? .attached : .joining)
        self.session = session
        guard let direction = Direction(rawValue: try reader.read(UInt32.self)) else { throw .badValue }
        self.direction = direction
        blocks = try BlockReader(parsing: &reader)
        keepAliveAt = try reader.readInstant()
    }

    /// One on its way to a session.
    func serialize(into octets: inout [UInt8]) {
        serializeOrigin(into: &octets)
        switch stage {
        case .opening(let opening):
            octets.append(UInt8(0))
            opening.serialize(into: &octets)
        case .deciding(let question, let login):
            octets.append(UInt8(1))
            octets.appendBigEndian(question)
            login.serialize(into: &octets)
        case .changing(let question):
            octets.append(UInt8(2))
            octets.appendBigEndian(question)
        case .joining, .attached, .closed: octets.append(UInt8.max)
        }
    }

    convenience init(parsing reader: inout ByteReader, _ software: ServerSoftware) throws(WireError) {
        try self.init(parsingOrigin: &reader, stage: .closed)
        switch try reader.read(UInt8.self) {
        case 0: stage = .opening(try Opening(parsing: &reader, software))
        case 1:
            stage = .deciding(question: try reader.read(UInt64.self), try Login(parsing: &reader))
        case 2: stage = .changing(question: try reader.read(UInt64.self))
        default: throw .badValue
        }
    }

    private func serializeOrigin(into octets: inout [UInt8]) {
        octets.appendBigEndian(stream)
        source.serialize(into: &octets)
        octets.append(openedAt)
        octets.append(heardAt)
    }

    private convenience init(parsingOrigin reader: inout ByteReader, stage: Stage) throws(WireError) {
        self.init(
            stream: try reader.read(UInt64.self), source: try TransportAddress(parsing: &reader),
            stage: stage, at: try reader.readInstant())
        heardAt = try reader.readInstant()
    }
}

extension BlockReader {
    fileprivate func serialize(into octets: inout [UInt8]) { octets.appendBigEndian(announced) }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        announced = try reader.read(UInt32.self)
        guard announced <= Self.maxAnnounced else { throw .badValue }
    }
}
