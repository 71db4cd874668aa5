import EngineParts
import Testing
import Wire

@testable import ESP

@Suite struct ReplayWindowTests {
    @Test func `each number is accepted once, as by a set`() {
        var window = ReplayWindow<UInt64>()
        var seen: Set<UInt64> = []
        var random = SplitMix64(seed: 1)
        var newest: UInt64 = 0
        for _ in 0..<50_000 {
            let ahead = random.next() % 100 == 0 ? random.next() % 5000 : random.next() % 4
            let number = random.next() % 2 == 0 ? newest + ahead : newest - min(newest, random.next() % 2500)
            let isNew =
                number != 0 && !seen.contains(number)
                && (number > newest || newest - number < ReplayWindow<UInt64>.size)
            #expect(window.mayAccept(number) == isNew)
            guard isNew else { continue }
            window.accept(number)
            seen.insert(number)
            newest = max(newest, number)
        }
        #expect(window.newest == newest)
    }

    @Test func `the window has room for what comes late`() {
        #expect(ReplayWindow<UInt64>.size >= 1024)
        var window = ReplayWindow<UInt64>()
        window.accept(10_000)
        #expect(window.mayAccept(10_000 - ReplayWindow<UInt64>.size + 1))
        #expect(!window.mayAccept(10_000 - ReplayWindow<UInt64>.size))
        #expect(!window.mayAccept(0))
    }

    @Test func `a long jump clears the window`() {
        var window = ReplayWindow<UInt64>()
        for number in 1...100 as ClosedRange<UInt64> { window.accept(number) }
        window.accept(1 << 40)
        #expect(window.mayAccept(1 << 40 - 1))
        #expect(!window.mayAccept(100))
    }

    @Test func `the high half of an extended number is inferred on both sides of a wrap`() {
        var window = ReplayWindow<UInt64>()
        #expect(window.extended(1) == 1)
        let wrap: UInt64 = 1 << 32
        window.accept(wrap - 10)
        #expect(window.extended(0xffff_fff5) == wrap - 11)
        #expect(window.extended(5) == wrap + 5)
        window.accept(wrap + 5)
        #expect(window.extended(0xffff_fff0) == wrap - 16)
        #expect(window.extended(6) == wrap + 6)
        #expect(window.extended(0x8000_0000) == wrap + 0x8000_0000)
        window.accept(3 * wrap + 5000)
        #expect(window.extended(4999) == 3 * wrap + 4999)
        #expect(window.extended(100) == 4 * wrap + 100)
    }
}
