/// Accepts each sequence number once, and none that is too old: a bitmap of 64-bit words used as a ring (RFC
/// 6479). Numbers have 64 bits, of which an SA without ESN uses the low half.
///
/// `mayAccept` changes nothing, so that it can be asked before a packet is authenticated; `accept` is for
/// after.
struct ReplayWindow {
    private static let wordCount: UInt64 = 32
    /// Numbers that may still come late. One word less than the ring has: it is cleared as a whole when the
    /// newest number enters it.
    static let size = (wordCount - 1) * 64

    /// The newest number accepted; zero before the first.
    var newest: UInt64 = 0
    var words = InlineArray<32, UInt64>(repeating: 0)

    /// Numbers begin at 1: zero is what a counter that ran over would send.
    func mayAccept(_ number: UInt64) -> Bool {
        if number > newest { return true }
        guard number != 0, newest &- number < Self.size else { return false }
        return words[Self.word(number)] & Self.bit(number) == 0
    }

    /// The caller has asked `mayAccept`.
    mutating func accept(_ number: UInt64) {
        if number > newest {
            let steps = min(number >> 6 &- newest >> 6, Self.wordCount)
            for step in 0..<steps { words[Self.word(newest &+ (step &+ 1) << 6)] = 0 }
            newest = number
        }
        words[Self.word(number)] |= Self.bit(number)
    }

    /// All 64 bits of a number whose low half came in a packet, RFC 4303 appendix A2.
    func extended(_ low: UInt32) -> UInt64 {
        let newestLow = UInt32(truncatingIfNeeded: newest)
        let high = newest >> 32
        let oldest = newestLow &- UInt32(Self.size - 1)
        if newestLow >= UInt32(Self.size - 1) {
            return (low >= oldest ? high : high &+ 1) << 32 | UInt64(low)
        }
        // The window reaches back into the numbers of the high half before.
        if low >= oldest, high > 0 { return (high - 1) << 32 | UInt64(low) }
        return high << 32 | UInt64(low)
    }

    private static func word(_ number: UInt64) -> Int { Int(number >> 6 & (wordCount - 1)) }
    private static func bit(_ number: UInt64) -> UInt64 { 1 << (number & 63) }
}
