import Testing
import Wire

@testable import Lanes

/// Notes the tokens of its timers.
private final class Target: TimerTarget {
    private let fired: (UInt64) -> Void
    init(_ fired: @escaping (UInt64) -> Void) { self.fired = fired }
    func timerFired(_ token: UInt64, at now: Instant) { fired(token) }
}

@Suite struct TimerTests {
    @Test func `many timers leave the heap in the order of their deadlines, without those cancelled`() {
        var generator = SystemRandomNumberGenerator()
        let target = Target { _ in }
        var heap = TimerHeap()
        var scheduled: [(deadline: UInt64, token: UInt64, id: TimerID)] = []
        for token in 0..<5000 {
            let deadline = UInt64.random(in: 0..<1000, using: &generator)
            let id = heap.schedule(at: deadline, target: target, token: UInt64(token))
            scheduled.append((deadline, UInt64(token), id))
        }
        scheduled.shuffle()
        for timer in scheduled.prefix(2000) {
            let cancelled = [heap.cancel(timer.id), heap.cancel(timer.id)]
            #expect(cancelled == [true, false])
        }
        let expected = scheduled.dropFirst(2000).sorted { ($0.deadline, $0.token) < ($1.deadline, $1.token) }
        var popped: [UInt64] = []
        while let due = heap.popDue(at: 1000) { popped.append(due.token) }
        #expect(popped == expected.map(\.token))
        #expect(heap.count == 0)
    }

    @Test func `a timer is not due before its time`() {
        var heap = TimerHeap()
        _ = heap.schedule(at: 10, target: Target { _ in }, token: 1)
        let early = heap.popDue(at: 9)?.token
        let due = heap.popDue(at: 10)?.token
        #expect(early == nil)
        #expect(due == 1)
    }

    @Test func `the name of a timer that fired cancels none of its successors`() {
        var heap = TimerHeap()
        let target = Target { _ in }
        let first = heap.schedule(at: 1, target: target, token: 1)
        _ = heap.popDue(at: 1)
        let second = heap.schedule(at: 2, target: target, token: 2)
        #expect(TimerID(bits: second.bits) == second)
        let cancelled = [heap.cancel(first), heap.cancel(second)]
        #expect(cancelled == [false, true])
    }

    @Test func `a lane fires timers in order and not those cancelled`() throws {
        try withLanes(1) { group in
            let log = Log<UInt64>()
            group.lanes[0].post { lane in
                let target = Target { log.add($0) }
                let start = lane.now
                for token in [3, 1, 4, 2, 5] as [UInt64] {
                    let id = lane.schedule(
                        at: start.advanced(by: .milliseconds(token * 3)), target: target, token: token)
                    if token == 4 { lane.cancel(id) }
                }
            }
            #expect(log.wait(for: 4) == [1, 2, 3, 5])
        }
    }
}
