import FakeHost
import Testing
import Wire

@testable import PluginKit

/// The loop around an engine: one input, all outputs, then the timer.
@Suite struct EngineDriverTests {
    /// Counts down, an output a step; wants to be woken while there is something left.
    struct Countdown: ControlEngine {
        var outputs: [Int] = []
        var deadline: Instant?

        mutating func nextOutput() -> Int? { outputs.isEmpty ? nil : outputs.removeFirst() }
    }

    final class Driver: EngineDriver {
        var engine = Countdown()
        var alarm = Alarm(token: 5)
        let services: LaneServices
        var performed: [Int] = []

        init(_ services: LaneServices) { self.services = services }

        func perform(_ output: Int) {
            performed.append(output)
            // An output that brings the next input.
            if output == 1 { engine.outputs.append(0) }
        }
    }

    let host = FakeHost()

    @Test func `outputs are drained, those of inputs on the way too`() {
        let driver = Driver(services)
        driver.engine.outputs = [3, 1, 2]
        driver.settle()
        #expect(driver.performed == [3, 1, 2, 0])
        #expect(host.said() == [])
    }

    @Test func `the timer follows the deadline, and is told changes alone`() {
        let driver = Driver(services)
        driver.engine.deadline = Instant(nanoseconds: 10)
        driver.settle()
        driver.settle()
        driver.engine.deadline = Instant(nanoseconds: 9)
        driver.settle()
        driver.alarm.rang()
        driver.settle()
        driver.engine.deadline = nil
        driver.settle()
        #expect(host.said() == ["arm 5 at 10", "arm 5 at 9", "arm 5 at 9", "disarm 5"])
    }

    private var services: LaneServices {
        LaneServices(lane: host.lane, host: HostServices(host.table), scratch: .allocate(capacity: 1))
    }
}
