import Foundation
import Modules
import Sessions

/// Swaps a module for itself while peers talk to it: they must not notice. That holds too where the host
/// refuses connections, and where records are cut: these go on in the instance that has them.
struct HandoverCheck {
    private let examination: Examination
    private let plan: Plan
    private var reporter: Reporter { examination.reporter }

    init(_ examination: Examination, _ plan: Plan) {
        self.examination = examination
        self.plan = plan
    }

    func run() async throws {
        reporter.step("handover")
        let already = reporter.findings
        for (trial, swaps) in [(nil, 3), (HandoverTrial.refusals, 1), (.cuts, 1)]
        where reporter.findings == already {
            examination.host.meet(trial)
            try await run(trial, swaps: swaps)
        }
        examination.host.meet(nil)
    }

    private func run(_ trial: HandoverTrial?, swaps: Int) async throws {
        let registry = try plan.registry(examination.host)
        try await registry.load(Examination.section)
        let traffic = try await Traffic(examination, registry, plan)
        let (sessions, answers) = await rounds(traffic)
        let already = reporter.findings
        for attempt in 1...swaps where reporter.findings == already {
            let swap = try await registry.swap(
                Examination.section, library: examination.command.library,
                drain: trial == nil ? .zero : .seconds(60))
            if swap.draining > 0, trial == nil {
                reporter.find(
                    "handover-refused",
                    "swap \(attempt): \(swap.draining) connections are refused by the same version")
            }
            let (kept, answered) = await rounds(traffic)
            compare(sessions, kept, attempt)
            if answers > 0, answered == 0 {
                reporter.find(
                    "handover-lost", "swap \(attempt): \(answers) answers came before it and none after")
            }
        }
        await registry.stop()
    }

    /// Several rounds of traffic: frames from each session in the last of them, and answers to peers.
    private func rounds(_ traffic: Traffic) async -> (frames: [UInt64: UInt64], answers: Int) {
        for _ in 0..<10 {
            _ = await traffic.round()
            try? await Task.sleep(for: .milliseconds(2))
        }
        let before = counters
        let answers = await traffic.round()
        let after = counters
        return (after.mapValues { $0 }.merging(before) { now, then in now - then }, answers)
    }

    /// Frames both ways, by session.
    private var counters: [UInt64: UInt64] {
        let all = examination.host.sessions.map { ($0.id, $0.counters.framesIn) }
        return Dictionary(all) { first, _ in first }
    }

    private func compare(_ before: [UInt64: UInt64], _ after: [UInt64: UInt64], _ attempt: Int) {
        let gone = before.keys.filter { after[$0] == nil }.count
        let new = after.keys.filter { before[$0] == nil }.count
        let silent = before.filter { $0.value > 0 && after[$0.key] == 0 }.count
        if gone > 0 {
            reporter.find("handover-lost", "swap \(attempt): \(gone) of \(before.count) sessions are gone")
        }
        if new > 0 { reporter.find("handover-lost", "swap \(attempt): \(new) sessions were opened anew") }
        if silent > 0 {
            reporter.find("handover-lost", "swap \(attempt): \(silent) sessions carry nothing any more")
        }
    }
}
