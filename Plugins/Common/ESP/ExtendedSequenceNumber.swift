import EngineParts

/// Sequence numbers have 64 bits, of which an SA without ESN uses the low half.
extension ReplayWindow<UInt64> {
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
}
