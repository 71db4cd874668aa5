import Testing
import Wire

@testable import L2TP

@Suite struct ReliableChannelTests {
    private let start = Instant(nanoseconds: 1_000_000_000)

    private func arrived(
        _ channel: inout ReliableChannel, ns: UInt16, as expected: ReliableChannel.Arrival,
        _ location: SourceLocation = #_sourceLocation
    ) {
        let arrival = channel.received(ns: ns, nr: 0, isMessage: true, at: start)
        #expect(arrival == expected, sourceLocation: location)
    }

    @Test func `messages have numbers, and wait for the peer's window`() throws {
        var channel = ReliableChannel()
        for index in 0..<6 as Range<UInt8> { _ = channel.enqueue([index]) }
        var sent: [UInt16] = []
        while let next = channel.nextToSend(at: start) { sent.append(next.number) }
        #expect(sent == [0, 1, 2, 3])
        let arrival = channel.received(ns: 0, nr: 2, isMessage: false, at: start)
        #expect(arrival == .acknowledgement)
        while let next = channel.nextToSend(at: start) { sent.append(next.number) }
        #expect(sent == [0, 1, 2, 3, 4, 5])
    }

    @Test func `an acknowledgement of what was never sent means nothing`() {
        var channel = ReliableChannel()
        for index in 0..<6 as Range<UInt8> { _ = channel.enqueue([index]) }
        while channel.nextToSend(at: start) != nil {}
        _ = channel.received(ns: 0, nr: 30_000, isMessage: false, at: start)
        // The two that were not sent are still there.
        let next = channel.nextToSend(at: start)
        #expect(next?.number == 4)
    }

    @Test func `patience doubles and ends`() throws {
        var channel = ReliableChannel()
        _ = channel.enqueue([1])
        _ = channel.nextToSend(at: start)
        var waits: [Duration] = []
        var now = start
        while let deadline = channel.deadline {
            waits.append(now.duration(to: deadline))
            now = deadline
            guard channel.handleTimeout(at: now) else { break }
            let next = channel.nextToSend(at: now)
            #expect(next?.number == 0)
        }
        #expect(waits.map { $0.components.seconds } == [1, 2, 4, 8, 8, 8])
    }

    @Test func `messages come once and in order`() {
        var channel = ReliableChannel()
        arrived(&channel, ns: 1, as: .ahead)
        arrived(&channel, ns: 0, as: .next)
        #expect(channel.owesAcknowledgement)
        let number = channel.takeAcknowledgement()
        #expect(number == 0 && !channel.owesAcknowledgement)
        arrived(&channel, ns: 0, as: .duplicate)
        #expect(channel.owesAcknowledgement)
        arrived(&channel, ns: 1, as: .next)
        arrived(&channel, ns: 0xfff0, as: .duplicate)
        #expect(channel.expected == 2)
    }

    @Test func `numbers wrap`() {
        var channel = ReliableChannel()
        for number in 0..<70_000 {
            let low = UInt16(truncatingIfNeeded: number)
            arrived(&channel, ns: low, as: .next)
        }
    }

    @Test func `an explicit acknowledgement counts as the peer counts it`() {
        for counts in [false, true] {
            var channel = ReliableChannel()
            arrived(&channel, ns: 0, as: .next)
            let arrival = channel.received(ns: 1, nr: 0, isMessage: true, isExplicit: true, at: start)
            #expect(arrival == .acknowledgement)
            let next: UInt16 = counts ? 2 : 1
            arrived(&channel, ns: next, as: .next)
            arrived(&channel, ns: next, as: .duplicate)
            arrived(&channel, ns: next + 1, as: .next)
        }
    }

    @Test func `what waits is bounded`() {
        var channel = ReliableChannel()
        for _ in 0..<ReliableChannel.maxQueued {
            let hasRoom = channel.enqueue([1])
            #expect(hasRoom)
        }
        let hasRoom = channel.enqueue([1])
        #expect(!hasRoom)
    }

    /// What one end says now, as it arrives: some of it lost, some twice, some in another order.
    private func packets(
        of end: inout ReliableChannel, _ random: inout SplitMix64, at now: Instant
    ) -> [(UInt16, [UInt8])] {
        var packets: [(UInt16, [UInt8])] = []
        while let next = end.nextToSend(at: now) { packets.append((next.number, next.body)) }
        if packets.isEmpty, end.owesAcknowledgement { packets.append((end.takeAcknowledgement(), [])) }
        if Bool.random(using: &random) { packets.reverse() }
        return packets.flatMap { packet in
            let fate = Int.random(in: 0...9, using: &random)
            return Array(repeating: packet, count: fate == 0 ? 0 : fate == 1 ? 2 : 1)
        }
    }

    @Test func `two ends over a bad link tell each other everything, once and in order`() {
        for seed in 0..<20 as Range<UInt64> {
            var random = SplitMix64(seed: seed)
            var ends = [ReliableChannel(), ReliableChannel()]
            var heard: [[UInt8]] = [[], []]
            var told = [0, 0]
            var now = start
            for _ in 0..<3000 {
                for side in 0...1 {
                    if told[side] < 50, Bool.random(using: &random), ends[side].enqueue([UInt8(told[side])]) {
                        told[side] += 1
                    }
                    let isAlive = ends[side].handleTimeout(at: now)
                    #expect(isAlive)
                    let nr = ends[side].expected
                    for (ns, body) in packets(of: &ends[side], &random, at: now) {
                        let arrival = ends[1 - side].received(
                            ns: ns, nr: nr, isMessage: !body.isEmpty, at: now)
                        if arrival == .next { heard[1 - side] += body }
                    }
                }
                now = now + .milliseconds(200)
            }
            #expect(heard[0] == Array(0..<50) && heard[1] == Array(0..<50), "seed \(seed)")
        }
    }
}
