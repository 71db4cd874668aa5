import PluginKit
import Testing
import Wire

@Suite struct TurnMemoryTests {
    @Test func `what a turn has taken is given again in the next one`() throws {
        var memory = TurnMemory(capacity: 16)
        let first = Instant(nanoseconds: 1)
        let slice = memory.take(10, headroom: 4, at: first)
        let whole = try #require(slice)
        #expect(whole.count == 10 && whole.headroom == 4 && whole.tailroom == 0)
        let answers = [3, -1, 2, 1].map { memory.take($0, at: first)?.count }
        #expect(answers == [nil, nil, 2, nil])
        let next = memory.take(16, at: Instant(nanoseconds: 2))
        #expect(next?.count == 16)
    }
}
