import Lanes
import PluginABI
import Synchronization
import Testing

/// Gives every record's header and octets to a closure.
private final class Records: RingHandler {
    private let receive: (UInt64, UInt64, pa_slice_v1, Lane) -> Void
    init(_ receive: @escaping (UInt64, UInt64, pa_slice_v1, Lane) -> Void) { self.receive = receive }

    func received(_ records: UnsafeMutableBufferPointer<RingRecord>, from source: Lane) {
        for record in records { receive(record.header.0, record.header.1, record.octets, source) }
    }
}

@Suite struct RingTests {
    @Test func `records cross in order, with their octets and room around them`() throws {
        try withLanes(2, LaneOptions(ringOctets: 1 << 16)) { group in
            let log = Log<Bool>()
            let (first, second) = (group.lanes[0], group.lanes[1])
            let count = 20_000
            second.performAndWait { lane in
                var next: UInt64 = 0
                lane.setRingHandler(
                    Records { number, length, octets, source in
                        let isRight =
                            number == next && length == octets.length && source === first
                            && octets.headroom >= 256
                            && octets.tailroom >= 192
                            && octets.octets.allSatisfy { $0 == UInt8(number % 256) }
                        next = number + 1
                        if !isRight || next == count { log.add(isRight) }
                    })
            }
            // A full ring is tried again in a later turn, when the reader has made room.
            @Sendable func push(_ start: Int, on lane: Lane) {
                let ring = lane.ring(to: second)
                var next = start
                while next < count {
                    let octets = lane.slice([UInt8](repeating: UInt8(next % 256), count: next % 1500))
                    guard ring.push(header: (UInt64(next), UInt64(octets.length)), octets) else { break }
                    next += 1
                    if next % 97 == 0 { break }
                }
                let resume = next
                if next < count { lane.post { push(resume, on: $0) } }
            }
            first.post { push(0, on: $0) }
            #expect(log.wait(for: 1, seconds: 30) == [true])
            #expect(group.total(\.ringReceived) == UInt64(count))
        }
    }

    @Test func `a full ring drops and counts, and takes records again later`() throws {
        try withLanes(2, LaneOptions(ringOctets: 1 << 16)) { group in
            let (first, second) = (group.lanes[0], group.lanes[1])
            let log = Log<UInt64>()
            second.performAndWait { $0.setRingHandler(Records { number, _, _, _ in log.add(number) }) }
            var accepted = 0
            second.whileHeld {
                accepted = first.performAndWait { lane in
                    let ring = lane.ring(to: second)
                    let octets = lane.slice([UInt8](repeating: 1, count: 1400))
                    return (0..<100).filter { ring.push(header: (UInt64($0), 0), octets) }.count
                }!
            }
            #expect(accepted > 30 && accepted < 40)
            #expect(log.wait(for: accepted) == (0..<UInt64(accepted)).map { $0 })
            #expect(group.total(\.ringFull) == UInt64(100 - accepted))
            // The reader gives memory back at the end of its turn.
            second.performAndWait { _ in }
            let isTaken = first.performAndWait { lane in
                lane.ring(to: second).push(header: (1000, 0), lane.slice([UInt8](repeating: 1, count: 1400)))
            }
            #expect(isTaken == true)
            #expect(log.wait(for: accepted + 1).last == 1000)
        }
    }

    @Test func `lanes that sleep between records are woken for each`() throws {
        try withLanes(3) { group in
            let log = Log<UInt64>()
            let rounds: UInt64 = 3000
            for lane in group.lanes {
                lane.performAndWait { lane in
                    lane.setRingHandler(
                        Records { [unowned lane] number, _, octets, _ in
                            guard number < rounds else { return log.add(number) }
                            let next = lane.group.lanes[(lane.index + 1) % 3]
                            lane.ring(to: next).push(header: (number + 1, 0), octets)
                        })
                }
            }
            group.lanes[0].post { lane in
                lane.ring(to: lane.group.lanes[1]).push(header: (0, 0), lane.slice([1]))
            }
            #expect(log.wait(for: 1) == [rounds])
        }
    }

    @Test func `work posted from many threads runs once each and in order`() throws {
        try withLanes(2) { group in
            let lane = group.lanes[0]
            let log = Log<Bool>()
            let sum = Mutex(0)
            group.lanes[1].performAndWait { other in
                for number in 0..<10_000 {
                    lane.post { _ in
                        let isInOrder = sum.withLock { next in
                            defer { next += 1 }
                            return next == number
                        }
                        if !isInOrder || number == 9999 { log.add(isInOrder) }
                    }
                }
            }
            #expect(log.wait(for: 1) == [true])
        }
    }
}
