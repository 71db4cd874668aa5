public import Wire

/// Accepts each number of a packet once, and none that is too old: a bitmap of 64-bit words used as a ring
/// (RFC 6479).
///
/// `mayAccept` changes nothing, so that it can be asked before a packet is authenticated; `accept` is for
/// after.
public struct ReplayWindow<Number: FixedWidthInteger & UnsignedInteger & BitwiseCopyable> {
    @usableFromInline static var wordCount: Number { 32 }
    /// Numbers that may still come late, behind the newest. One word less than the ring has: it is cleared as
    /// a whole when the newest number enters it. Receive queues that share a flow reorder by a few hundred
    /// packets at most.
    @inlinable public static var size: Number { (wordCount - 1) * 64 }

    @usableFromInline var last: Number = 0
    @usableFromInline var words = InlineArray<32, UInt64>(repeating: 0)

    @inlinable public init() {}

    /// The newest number accepted; zero before the first.
    @inlinable public var newest: Number { last }

    /// Numbers begin at 1: zero is what a counter that ran over would send.
    @inlinable
    public func mayAccept(_ number: Number) -> Bool {
        if number > last { return true }
        guard number != 0, last &- number < Self.size else { return false }
        return words[Self.word(number)] & Self.bit(number) == 0
    }

    /// The caller has asked `mayAccept`.
    @inlinable
    public mutating func accept(_ number: Number) {
        if number > last {
            let steps = min(number >> 6 &- last >> 6, Self.wordCount)
            for step in 0..<steps { words[Self.word(last &+ (step &+ 1) << 6)] = 0 }
            last = number
        }
        words[Self.word(number)] |= Self.bit(number)
    }

    @inlinable static func word(_ number: Number) -> Int { Int(number >> 6 & (wordCount - 1)) }
    @inlinable static func bit(_ number: Number) -> UInt64 { 1 << UInt64(number & 63) }
}

// MARK: - Handover

extension ReplayWindow {
    public func serialize(into octets: inout [UInt8]) {
        octets.appendBigEndian(last)
        for index in words.indices { octets.appendBigEndian(words[index]) }
    }

    public init(parsing reader: inout ByteReader) throws(WireError) {
        last = try reader.read(Number.self)
        for index in words.indices { words[index] = try reader.read(UInt64.self) }
    }
}
