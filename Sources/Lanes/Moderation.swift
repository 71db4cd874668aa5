/// How long a busy lane rests between two looks at its sources, so that packets gather and share system
/// calls, as network cards moderate their interrupts. A lane with little to do never rests: what arrives then
/// is handled at once.
struct Moderation {
    /// The longest rest, and thereby what it can add to a packet's delay. Nanoseconds.
    static let longestPause: UInt64 = 500_000
    /// Packets a second from which on it rests that long; with fewer it rests in proportion, because then
    /// there is time to spare and delay is what counts.
    private static let fullRate: UInt64 = 20_000
    /// With fewer than this to be expected during a rest, resting would gain nothing.
    private static let leastGathered: UInt64 = 2
    /// A rest is meant to gather no more than about so many.
    private static let wanted: UInt64 = 96
    /// The rate is judged over no less. Nanoseconds.
    private static let window: UInt64 = 4_000_000

    /// Packets a second, smoothed.
    private(set) var rate: UInt64 = 0
    private var packets: UInt64 = 0
    private var windowBegan: UInt64 = 0

    /// - Parameters:
    ///   - handled: packets since the last call.
    ///   - now: monotonic nanoseconds.
    /// - Returns: nanoseconds to rest now.
    mutating func pause(after handled: UInt64, at now: UInt64) -> UInt64 {
        packets += handled
        let elapsed = now &- windowBegan
        if elapsed >= Self.window {
            let current = packets * 1_000_000_000 / elapsed
            // It rises slowly, so that a burst is not kept waiting, and falls at once.
            rate = min(current, (rate + current + 1) / 2)
            packets = 0
            windowBegan = now
        }
        guard rate > 0, handled < Self.wanted else { return 0 }
        let longest = min(Self.longestPause, Self.longestPause * rate / Self.fullRate)
        guard rate * longest >= Self.leastGathered * 1_000_000_000 else { return 0 }
        return min(longest, Self.wanted * 1_000_000_000 / rate)
    }
}
