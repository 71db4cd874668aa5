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
