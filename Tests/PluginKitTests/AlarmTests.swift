import FakeHost
import Testing
import Wire

@testable import PluginKit

@Suite struct AlarmTests {
    @Test func `the timer follows the deadline, and is told changes alone`() {
        let host = FakeHost()
        let services = LaneServices(
            lane: host.lane, host: HostServices(host.table), scratch: .allocate(capacity: 1))
        var alarm = Alarm(token: 5)
        alarm.move(to: nil, services)
        alarm.move(to: Instant(nanoseconds: 10), services)
        alarm.move(to: Instant(nanoseconds: 10), services)
        alarm.move(to: Instant(nanoseconds: 9), services)
        alarm.rang()
        alarm.move(to: Instant(nanoseconds: 9), services)
        alarm.move(to: nil, services)
        #expect(host.said() == ["arm 5 at 10", "arm 5 at 9", "arm 5 at 9", "disarm 5"])
    }
}
