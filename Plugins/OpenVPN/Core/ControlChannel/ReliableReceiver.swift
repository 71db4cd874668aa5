import EngineParts
import Wire

/// The receiving half of the reliable layer: puts messages in order and remembers what is to be acknowledged.
public struct ReliableReceiver: Sendable {
    /// Messages held out of order.
    public static let window: UInt32 = 12
    /// Octets of theirs: a certificate chain's packets but for the first.
    public static let maxHeld = 8 * 1024
    /// Acknowledgements owed. A peer that sends more without listening loses the oldest, and will send again.
    public static let maxOwed = 64

    private var nextID: UInt32
    private var held: [UInt32: (opcode: Opcode, payload: [UInt8])] = [:]
    private var heldOctets = 0
    private var owed: [UInt32] = []
    /// The latest acknowledgements given, repeated with later packets: an ACK is sent once and may be lost.
    private var given: [UInt32] = []

    public init(nextID: UInt32 = 0) { self.nextID = nextID }

    public var owesAcknowledgements: Bool { !owed.isEmpty }
    public var owedCount: Int { owed.count }

    /// Takes in one message. Beyond the window, or where there is no room for it out of order, it is neither
    /// kept nor acknowledged; a repeated one is acknowledged again.
    public mutating func receive(_ opcode: Opcode, _ message: ControlBody.Message) {
        let ahead = message.packetID &- nextID
        let isRepeated = ahead >= 0x8000_0000
        guard isRepeated || ahead < Self.window else { return }
        let isNew = !isRepeated && held[message.packetID] == nil
        if isNew, ahead > 0, heldOctets + message.payload.count > Self.maxHeld { return }
        if !owed.contains(message.packetID) {
            if owed.count == Self.maxOwed { owed.removeFirst() }
            owed.append(message.packetID)
        }
        guard isNew else { return }
        held[message.packetID] = (opcode, message.payload)
        heldOctets += message.payload.count
    }

    /// The next message in order, once.
    public mutating func next() -> (opcode: Opcode, payload: [UInt8])? {
        guard let message = held.removeValue(forKey: nextID) else { return nil }
        nextID &+= 1
        heldOctets -= message.payload.count
        return message
    }

    /// What to acknowledge in a packet that has room for `count` ids: first what is owed, then the latest
    /// again.
    public mutating func acknowledgements(upTo count: Int) -> [UInt32] {
        var ids = Array(owed.prefix(count))
        owed.removeFirst(ids.count)
        let repeated = given.filter { !ids.contains($0) }
        given = Array((ids.reversed() + repeated).prefix(ControlBody.maxAcknowledgements))
        ids += repeated.prefix(count - ids.count)
        return ids
    }
}

// MARK: - Handover

extension ReliableReceiver {
    func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(nextID)
        octets.appendBigEndian(UInt32(held.count))
        for (id, message) in held {
            octets.appendBigEndian(id)
            octets.append(message.opcode.rawValue)
            octets.appendCounted(message.payload)
        }
        for ids in [owed, given] {
            octets.appendBigEndian(UInt32(ids.count))
            for id in ids { octets.appendBigEndian(id) }
        }
    }

    init(parsing reader: inout ByteReader) throws(WireError) {
        nextID = try reader.read(UInt32.self)
        for _ in 0..<(try reader.readCount()) {
            let id = try reader.read(UInt32.self)
            guard let opcode = Opcode(rawValue: try reader.read(UInt8.self)) else { throw .badValue }
            let payload = try reader.readCounted()
            held[id] = (opcode, payload)
            heldOctets += payload.count
        }
        for _ in 0..<(try reader.readCount()) { owed.append(try reader.read(UInt32.self)) }
        for _ in 0..<(try reader.readCount()) { given.append(try reader.read(UInt32.self)) }
    }
}
