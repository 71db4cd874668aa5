import EngineParts
import Testing
import Wire

@testable import OpenVPNCore

@Suite struct ReplayWindowTests {
    @Test func `ids begin at 1`() {
        let window = ReplayWindow<UInt32>()
        #expect(!window.mayAccept(0))
        #expect(window.mayAccept(1))
        #expect(window.mayAccept(.max))
    }

    @Test func `each id is taken once, in any order within the window`() {
        var window = ReplayWindow<UInt32>()
        for id: UInt32 in [5, 3, 1, 4, 2] {
            #expect(window.mayAccept(id))
            window.accept(id)
            #expect(!window.mayAccept(id))
        }
        #expect(window.newest == 5)
    }

    @Test func `the oldest id of the window is taken, the one before it is not`() {
        var window = ReplayWindow<UInt32>()
        window.accept(10_000)
        #expect(window.mayAccept(10_000 - ReplayWindow<UInt32>.size + 1))
        #expect(!window.mayAccept(10_000 - ReplayWindow<UInt32>.size))
    }

    @Test(arguments: [1, 63, 64, 65, 1983, 1984, 1985, 2047, 2048, 2049, 4096, 100_000] as [UInt32])
    func `a jump forward forgets what left the window and nothing else`(jump: UInt32) {
        var window = ReplayWindow<UInt32>()
        for id: UInt32 in 1...3000 where id % 3 == 0 { window.accept(id) }
        let newest = window.newest + jump
        window.accept(newest)
        for id in 1...newest {
            let isInside = newest - id < ReplayWindow<UInt32>.size
            let wasSeen = id == newest || id <= 3000 && id % 3 == 0
            #expect(window.mayAccept(id) == (isInside && !wasSeen), "id \(id)")
        }
    }

    @Test func `the end of the number space is taken once and nothing follows`() {
        var window = ReplayWindow<UInt32>()
        window.accept(.max - 1)
        window.accept(.max)
        #expect(window.newest == .max)
        #expect(!window.mayAccept(.max))
        #expect(!window.mayAccept(0))
        #expect(!window.mayAccept(1))
        #expect(window.mayAccept(.max - 2))
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func `agrees with a set of all ids ever seen`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var window = ReplayWindow<UInt32>()
        var seen: Set<UInt32> = []
        var newest: UInt32 = 0
        for _ in 0..<20_000 {
            let step = random.next() % 100 == 0 ? random.next() % 5000 : random.next() % 200
            let id = UInt32(clamping: Int64(newest) + Int64(step) - 150)
            let expected =
                id != 0 && !seen.contains(id) && (id > newest || newest - id < ReplayWindow<UInt32>.size)
            #expect(window.mayAccept(id) == expected)
            guard expected else { continue }
            window.accept(id)
            seen.insert(id)
            newest = max(newest, id)
        }
    }
}
