import Wire

/// Accepts each packet id once, and none that is too old: a bitmap of 64-bit words used as a ring (RFC 6479).
///
/// `mayAccept` changes nothing, so that it can be asked before a packet is authenticated; `accept` is for
/// after.
struct ReplayWindow {
    private static let wordCount: UInt32 = 32
    /// Ids that may still come late, behind the newest. One word less than the ring has: it is cleared as a
    /// whole when the newest id enters it. Receive queues that share a flow reorder by a few hundred packets
    /// at most.
    static let size = (wordCount - 1) * 64

    /// The newest id accepted; zero before the first.
    private(set) var newest: UInt32 = 0
    private var words = InlineArray<32, UInt64>(repeating: 0)

    init() {}

    /// Ids begin at 1: zero is what a counter that ran over would send.
    func mayAccept(_ id: UInt32) -> Bool {
        if id > newest { return true }
        guard id != 0, newest &- id < Self.size else { return false }
        return words[Self.word(id)] & Self.bit(id) == 0
    }

    /// The caller has asked `mayAccept`.
    mutating func accept(_ id: UInt32) {
        if id > newest {
            let steps = min(id >> 6 &- newest >> 6, Self.wordCount)
            for step in 0..<steps { words[Self.word(newest &+ (step &+ 1) << 6)] = 0 }
            newest = id
        }
        words[Self.word(id)] |= Self.bit(id)
    }

    func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(newest)
        for index in words.indices { octets.appendBigEndian(words[index]) }
    }

    init(parsing reader: inout ByteReader) throws(WireError) {
        newest = try reader.read(UInt32.self)
        for index in words.indices { words[index] = try reader.read(UInt64.self) }
    }

    private static func word(_ id: UInt32) -> Int { Int(id >> 6 & (wordCount - 1)) }
    private static func bit(_ id: UInt32) -> UInt64 { 1 << UInt64(id & 63) }
}
