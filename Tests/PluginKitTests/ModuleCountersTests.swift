import FakeHost
import PluginABI
import Testing
import Wire

@testable import PluginKit

@Suite struct ModuleCountersTests {
    private enum Counter: String, ModuleCounter {
        case open
        case refused
        case lateDrops = "late_drops"

        var help: String { "what \(rawValue) counts" }
        var isGauge: Bool { self == .open }
    }

    private enum NewerCounter: String, ModuleCounter {
        case lateDrops = "late_drops"
        case strangers
        /// A counter in the other version.
        case refused

        var help: String { "" }
        var isGauge: Bool { self == .refused }
    }

    private let host = FakeHost()
    private let counters = ModuleCounters<Counter>()

    private func lane() throws -> LaneCounters<Counter> {
        let services = HostServices(host.table)
        try counters.declare(to: services)
        return LaneCounters(
            counters, LaneServices(lane: host.lane, host: services, scratch: .allocate(capacity: 1)))
    }

    @Test func `each is a metric of its kind, and a line of the report`() throws {
        let lane = try lane()
        #expect(Set(host.said()) == ["declare open 2", "declare refused 1", "declare late_drops 1"])
        lane.add(to: .refused)
        lane.add(2, to: .lateDrops)
        #expect(host.said() == ["metric 7 += 1", "metric 7 += 2"])
        #expect(counters.report == "open 0\nrefused 1\nlate_drops 2\n")
    }

    @Test func `lanes say how much they have, and the sum is theirs together`() throws {
        var (one, other) = (try lane(), try lane())
        one.note(3, as: .open)
        other.note(2, as: .open)
        one.note(1, as: .open)
        one.note(1, as: .open)
        #expect(counters.value(of: .open) == 3)
        #expect(host.said().suffix(3) == ["metric 7 += 3", "metric 7 += 2", "metric 7 += -2"])
    }

    @Test func `of what an engine counts only what is new is added`() throws {
        var lane = try lane()
        func counter(_ kind: Int) -> Counter? { kind < 2 ? .lateDrops : nil }
        lane.note(events: [1, 2, 9], as: counter)
        lane.note(events: [1, 2, 10], as: counter)
        lane.note(events: [1, 5, 10], as: counter)
        #expect(counters.value(of: .lateDrops) == 6)
        #expect(host.said().suffix(3) == ["metric 7 += 1", "metric 7 += 2", "metric 7 += 3"])
    }

    private func sums<Other>(
        _ octets: some Collection<UInt8>, of _: Other.Type
    ) throws(WireError) -> ModuleCounters<Other>.Sums {
        let octets = Array(octets)
        var reader = ByteReader(octets.rawSpan)
        return try ModuleCounters<Other>.Sums(parsing: &reader)
    }

    /// `refused` is 4, `late_drops` 0x0102.
    private let record: [UInt8] =
        [2, 7] + Array("refused".utf8) + [0, 0, 0, 0, 0, 0, 0, 4, 10] + Array("late_drops".utf8)
        + [0, 0, 0, 0, 0, 0, 1, 2]

    @Test func `sums travel by name, without gauges, and are added`() throws {
        let lane = try lane()
        lane.add(4, to: .refused)
        lane.add(0x102, to: .lateDrops)
        lane.add(5, to: .open)
        var octets: [UInt8] = []
        counters.serializeSums(into: &octets)
        #expect(octets == record)
        counters.add(try sums(octets, of: Counter.self))
        #expect(counters.report == "open 5\nrefused 8\nlate_drops 516\n")
        for length in record.indices {
            #expect(throws: WireError.self) { try sums(record[..<length], of: Counter.self) }
        }
    }

    @Test func `counters that only one of two versions knows are left out`() throws {
        let newer = ModuleCounters<NewerCounter>()
        newer.add(try sums(record, of: NewerCounter.self))
        #expect(newer.report == "late_drops 258\nstrangers 0\nrefused 0\n")
    }

    @Test func `a sum below nothing is refused, the greatest one does no harm`() throws {
        let name: [UInt8] = [1, 7] + Array("refused".utf8)
        #expect(throws: WireError.badValue) {
            try sums(name + [UInt8](repeating: 0xff, count: 8), of: Counter.self)
        }
        let greatest = try sums(name + [0x7f] + [UInt8](repeating: 0xff, count: 7), of: Counter.self)
        counters.add(greatest)
        counters.add(greatest)
    }
}
