import Testing

@testable import Lanes

@Suite struct ModerationTests {
    @Test func `a quiet lane never rests`() {
        #expect(pauses(packets: 1, every: 1_000_000).allSatisfy { $0 == 0 })
    }

    @Test func `a lane that wakes for every packet comes to rest, for no longer than it may`() {
        let pauses = pauses(packets: 1, every: 20_000)
        #expect(pauses.first == 0)
        #expect(pauses.last == Moderation.longestPause)
    }

    @Test func `it rests less when packets come slower, and when a shorter rest gathers enough`() {
        let (slow, fast) = (
            pauses(packets: 1, every: 60_000).last ?? 0, pauses(packets: 5, every: 10_000).last ?? 0
        )
        #expect(slow > 0 && slow < Moderation.longestPause)
        #expect(fast > 0 && fast < Moderation.longestPause)
        #expect(pauses(packets: 128, every: 100_000).allSatisfy { $0 == 0 })
    }

    @Test func `a few thousand packets a second are handled at once`() {
        #expect(pauses(packets: 1, every: 200_000).allSatisfy { $0 == 0 })
    }

    @Test func `it rests no more as soon as the traffic ends`() {
        var moderation = Moderation()
        var now: UInt64 = 1_000_000_000
        for _ in 0..<1000 {
            now += 30_000
            _ = moderation.pause(after: 1, at: now)
        }
        #expect(moderation.pause(after: 1, at: now + 10_000_000) == 0)
    }

    private func pauses(packets: UInt64, every nanoseconds: UInt64) -> [UInt64] {
        var moderation = Moderation()
        return (1...1000).map { moderation.pause(after: packets, at: 1_000_000_000 + $0 * nanoseconds) }
    }
}
