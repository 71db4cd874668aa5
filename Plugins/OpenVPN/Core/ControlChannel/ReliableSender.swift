import EngineParts
public import Wire

/// The sending half of OpenVPN's reliable layer: numbers messages, keeps each until it is acknowledged,
/// sends it again with exponential backoff. Not congestion-controlled: a control channel says a few
/// kilobytes.
public struct ReliableSender: Sendable {
    /// Messages under way at once. Clients before 2.6 hold eight out of order.
    public static let window = 6
    /// Octets that wait for a place in the window. A certificate chain and a large push reply fit.
    public static let maxBacklog = 128 * 1024
    public static let firstTimeout: Duration = .seconds(1)
    public static let maxTimeout: Duration = .seconds(8)
    /// Later messages acknowledged while this one was not: then it is taken for lost.
    public static let fastRetransmitThreshold = 3

    struct Pending: Equatable, Sendable {
        let id: UInt32
        let opcode: Opcode
        let payload: [UInt8]
        var due: Instant
        var timeout: Duration
        var overtaken = 0
    }

    private(set) var underway: [Pending] = []
    private(set) var backlog: [(opcode: Opcode, payload: [UInt8])] = []
    private(set) var backlogSize = 0
    private(set) var nextID: UInt32

    /// `firstID` is 1 where a stateless answer used up 0.
    public init(firstID: UInt32 = 0) { nextID = firstID }

    /// Everything said was heard.
    public var isIdle: Bool { underway.isEmpty && backlog.isEmpty }

    public var deadline: Instant? { underway.map(\.due).min() }

    /// Whether there is room for a message of so many octets.
    public func mayEnqueue(_ count: Int) -> Bool { backlogSize + count <= Self.maxBacklog }

    /// Takes on a message. False: there is no room for it.
    public mutating func enqueue(_ opcode: Opcode, _ payload: [UInt8]) -> Bool {
        guard mayEnqueue(payload.count) else { return false }
        backlog.append((opcode, payload))
        backlogSize += payload.count
        return true
    }

    /// The next message to be put on the wire at `now`, for the first time or again; nil when there is none.
    public mutating func next(at now: Instant) -> (opcode: Opcode, message: ControlBody.Message)? {
        if let index = underway.firstIndex(where: { $0.due <= now }) {
            underway[index].timeout = min(underway[index].timeout * 2, Self.maxTimeout)
            underway[index].due = now.advanced(by: underway[index].timeout)
            underway[index].overtaken = 0
            return (
                underway[index].opcode, .init(packetID: underway[index].id, payload: underway[index].payload)
            )
        }
        guard !backlog.isEmpty, hasRoom else { return nil }
        let (opcode, payload) = backlog.removeFirst()
        backlogSize -= payload.count
        let id = nextID
        nextID &+= 1
        underway.append(
            Pending(
                id: id, opcode: opcode, payload: payload, due: now.advanced(by: Self.firstTimeout),
                timeout: Self.firstTimeout))
        return (opcode, .init(packetID: id, payload: payload))
    }

    /// The receiver's window begins at the oldest message that it lacks.
    private var hasRoom: Bool {
        guard let oldest = underway.first else { return true }
        return underway.count < Self.window && nextID &- oldest.id < UInt32(Self.window)
    }

    public mutating func receivedAcknowledgement(of id: UInt32, at now: Instant) {
        guard let index = underway.firstIndex(where: { $0.id == id }) else { return }
        underway.remove(at: index)
        for earlier in 0..<index {
            underway[earlier].overtaken += 1
            if underway[earlier].overtaken == Self.fastRetransmitThreshold { underway[earlier].due = now }
        }
    }
}

// MARK: - Handover

extension ReliableSender {
    func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(nextID)
        octets.appendBigEndian(UInt32(underway.count))
        for pending in underway {
            octets.appendBigEndian(pending.id)
            octets.append(pending.opcode.rawValue)
            octets.appendCounted(pending.payload)
            octets.append(pending.due)
            octets.appendBigEndian(UInt64(pending.timeout / .milliseconds(1)))
            octets.append(UInt8(clamping: pending.overtaken))
        }
        octets.appendBigEndian(UInt32(backlog.count))
        for (opcode, payload) in backlog {
            octets.append(opcode.rawValue)
            octets.appendCounted(payload)
        }
    }

    init(parsing reader: inout ByteReader) throws(WireError) {
        nextID = try reader.read(UInt32.self)
        for _ in 0..<(try reader.readCount()) {
            let id = try reader.read(UInt32.self)
            guard let opcode = Opcode(rawValue: try reader.read(UInt8.self)) else { throw .badValue }
            let payload = try reader.readCounted()
            let due = try reader.readInstant()
            let timeout = Duration.milliseconds(Int64(clamping: try reader.read(UInt64.self)))
            var pending = Pending(id: id, opcode: opcode, payload: payload, due: due, timeout: timeout)
            pending.overtaken = Int(try reader.read(UInt8.self))
            underway.append(pending)
        }
        for _ in 0..<(try reader.readCount()) {
            guard let opcode = Opcode(rawValue: try reader.read(UInt8.self)) else { throw .badValue }
            guard enqueue(opcode, try reader.readCounted()) else { throw .badLength }
        }
    }
}
