import CAllocationCounter

/// What one step cost.
struct Measurement {
    let name: String
    let perFrame: Double
    let allocations: UInt64

    /// With one decimal.
    var nanoseconds: String { "\((perFrame * 10).rounded() / 10)" }
}

/// Runs the step once to warm up and five times for the best time; allocations are those of the last run.
func measure(_ name: String, _ frames: Int, _ step: (Int) -> Void) -> Measurement {
    step(min(frames, 20_000))
    var best = Duration.seconds(1 << 30)
    var allocations: UInt64 = 0
    for _ in 0..<5 {
        let before = polyhub_allocations()
        let elapsed = ContinuousClock().measure { step(frames) }
        allocations = polyhub_allocations() - before
        best = min(best, elapsed)
    }
    let (seconds, attoseconds) = best.components
    let nanoseconds = Double(seconds) * 1e9 + Double(attoseconds) / 1e9
    return Measurement(name: name, perFrame: nanoseconds / Double(frames), allocations: allocations)
}

extension String {
    func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}
