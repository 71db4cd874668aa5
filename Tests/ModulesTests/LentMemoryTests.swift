import Testing

@testable import Modules

@Suite struct LentMemoryTests {
    @Test func `a slice within one that was lent is lent`() {
        var memory = LentMemory()
        memory.lend(100..<200)
        memory.lend(300..<400)
        #expect(memory.judge(100..<200) == .lent)
        #expect(memory.judge(150..<151) == .lent)
        #expect(memory.judge(320..<400) == .lent)
    }

    @Test func `a slice that reaches beyond what was lent exceeds it`() {
        var memory = LentMemory()
        memory.lend(100..<200)
        memory.lend(200..<300)
        #expect(memory.judge(99..<150) == .exceeded)
        #expect(memory.judge(299..<301) == .exceeded)
        #expect(memory.judge(150..<250) == .exceeded, "two slices are not one, also where they touch")
    }

    @Test func `what was never lent is the module's own`() {
        var memory = LentMemory()
        memory.lend(100..<200)
        #expect(memory.judge(50..<100) == .own)
        #expect(memory.judge(200..<250) == .own)
        #expect(memory.judge(150..<150) == .own, "nothing lies nowhere")
    }

    @Test func `what was lent expires with its turn until it is lent again`() {
        var memory = LentMemory()
        memory.lend(100..<200)
        memory.expire()
        #expect(memory.judge(100..<200) == .expired)
        #expect(memory.judge(199..<300) == .expired)
        #expect(memory.judge(200..<300) == .own)
        memory.lend(100..<200)
        #expect(memory.judge(100..<200) == .lent)
    }

    @Test func `what has expired is remembered across turns, in whatever order it was lent`() {
        var memory = LentMemory()
        for start: UInt in [500, 100, 300, 190, 900] {
            memory.lend(start..<(start + 100))
            memory.expire()
        }
        for (octets, judgement): (Range<UInt>, LentMemory.Judgement) in [
            (0..<100, .own), (100..<101, .expired), (289..<290, .expired), (290..<300, .own),
            (399..<420, .expired), (400..<500, .own), (599..<600, .expired), (600..<900, .own),
            (999..<1000, .expired), (1000..<2000, .own),
        ] {
            #expect(memory.judge(octets) == judgement, "\(octets)")
        }
    }
}
