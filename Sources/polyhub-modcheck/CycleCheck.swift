import CLinux
import Foundation
import Modules

/// Starts and stops a module many times, and measures what each time leaves behind.
///
/// The host itself and what it is made of (dispatch, tasks, the linker) fill pools for some hundred cycles
/// and keep them: dispatch for each of its threads, of which a busy machine has more. So the cycles come in
/// rounds, and a leak is what every round shows.
struct CycleCheck {
    private let examination: Examination
    private let plan: Plan
    private let image: ModuleImage
    private var reporter: Reporter { examination.reporter }

    /// Octets a cycle from which on it is called a leak.
    static let leak = 64.0
    static let rounds = 24

    init(_ examination: Examination, _ plan: Plan, _ image: ModuleImage) {
        self.examination = examination
        self.plan = plan
        self.image = image
    }

    func run() async throws {
        let cycles = examination.command.cycles
        guard cycles > 0 else { return }
        // Once: the reader of TOML keeps a little each time.
        let configuration = try plan.configuration()
        reporter.step("cycles")
        try await once(configuration)
        let (threads, files) = (Self.count("task"), Self.count("fd"))
        var kept = 0.0
        var made = 0
        repeat {
            kept = try await round(cycles, configuration)
            made += cycles
        } while kept >= Self.leak && made < cycles * Self.rounds
        reporter.send(.growth(cycles: made, octets: Int(kept.rounded())))
        if kept >= Self.leak {
            reporter.find("leak", "each start and stop keeps \(Int(kept.rounded())) octets of the heap")
        }
        judge("threads", Self.count("task") - threads, made)
        judge("files", Self.count("fd") - files, made)
        if image.description.isUnloadable { judgeMappings() }
    }

    /// Octets of the heap that each of so many cycles leaves behind.
    private func round(_ cycles: Int, _ configuration: PluginsConfiguration) async throws -> Double {
        var heap: [Double] = []
        for cycle in 0..<cycles {
            if cycle % 10 == 0 { reporter.step("cycles") }
            try await once(configuration)
            heap.append(Double(clinux_heap_octets()))
        }
        return Self.slope(heap)
    }

    private func once(_ configuration: PluginsConfiguration) async throws {
        let registry = ModuleRegistry(examination.host.runtime, configuration: configuration)
        try await examination.start(registry, from: image)
        let traffic = try await Traffic(examination, registry, plan)
        for _ in 0..<3 {
            await traffic.round()
            try? await Task.sleep(for: .microseconds(200))
        }
        await registry.stop()
    }

    private func judge(_ what: String, _ growth: Int, _ cycles: Int) {
        guard growth >= max(cycles / 2, 2) else { return }
        reporter.find("leak", "\(growth) more \(what) after \(cycles) cycles")
    }

    /// One copy is this check's own.
    private func judgeMappings() {
        let maps = (try? FileHandle(forReadingAtPath: "/proc/self/maps")?.readToEnd()) ?? Data()
        let lines = String(decoding: maps, as: UTF8.self).split(separator: "\n")
        let paths = Set(
            lines.filter { $0.contains(examination.host.copies.path) }.compactMap { line in
                line.split(separator: " ", maxSplits: 5).last
            })
        guard paths.count > 1 else { return }
        reporter.find(
            "still-mapped", "it says that it can be unloaded, but \(paths.count - 1) copies are still mapped")
    }

    private static func count(_ what: String) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/\(what)"))?.count ?? 0
    }

    /// Octets a cycle: the median of the growth between one half of the cycles and the other, so that one
    /// large block that comes or goes is not taken for a leak.
    static func slope(_ heap: [Double]) -> Double {
        let half = heap.count / 2
        guard half > 0 else { return 0 }
        let slopes = (0..<half).map { (heap[$0 + half] - heap[$0]) / Double(half) }
        return slopes.sorted()[half / 2]
    }
}
