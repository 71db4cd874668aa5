import EngineParts
public import Wire

/// Numbers every packet that a static key protects, "long form": a counter, and the second in which counting
/// began.
public struct ReplayID: Hashable, Sendable {
    public static let length = 8

    public var id: UInt32
    public var time: UInt32

    public init(id: UInt32, time: UInt32) {
        self.id = id
        self.time = time
    }

    public init(parsing reader: inout ByteReader) throws(WireError) {
        id = try reader.read(UInt32.self)
        time = try reader.read(UInt32.self)
    }

    public func serialize(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(id)
        bytes.appendBigEndian(time)
    }
}

/// Tells packets of a control channel that were seen before. The time counts first although it stands behind.
public struct ReplayIDWindow: Equatable, Sendable {
    /// How far behind the newest a packet may come.
    public static let size: UInt32 = 64

    private var newest: ReplayID?
    /// Bit n: the packet n behind the newest was seen.
    private var seen: UInt64 = 0

    public init() {}

    func serialize(into octets: inout [UInt8]) {
        octets.appendOptional(newest) { $1.serialize(into: &$0) }
        octets.appendBigEndian(seen)
    }

    init(parsing reader: inout ByteReader) throws(WireError) {
        newest = try reader.readFlag() ? try ReplayID(parsing: &reader) : nil
        seen = try reader.read(UInt64.self)
    }

    /// Whether the packet is new; from then on it is not. Call only after it was authenticated.
    public mutating func accept(_ packet: ReplayID) -> Bool {
        guard packet.id != 0 else { return false }
        guard let newest, packet.time <= newest.time else {
            self.newest = packet
            seen = 1
            return true
        }
        guard packet.time == newest.time else { return false }
        if packet.id > newest.id {
            let shift = packet.id - newest.id
            seen = shift < Self.size ? seen << UInt64(shift) | 1 : 1
            self.newest = packet
            return true
        }
        let behind = newest.id - packet.id
        guard behind < Self.size, seen & (1 << UInt64(behind)) == 0 else { return false }
        seen |= 1 << UInt64(behind)
        return true
    }
}
