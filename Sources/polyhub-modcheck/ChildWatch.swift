import Foundation

/// Runs the examination in a process of its own, so that what the library does to its process is a finding.
struct ChildWatch {
    private let command: Modcheck

    init(_ command: Modcheck) { self.command = command }

    func run() throws -> Outcome {
        let (reports, words) = (Pipe(), Pipe())
        let child = Process()
        child.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        child.arguments = CommandLine.arguments.dropFirst() + ["--in-child"]
        // The child reports on its standard output, and gives the module its standard error for both.
        child.standardOutput = reports
        child.standardError = words
        child.standardInput = FileHandle.nullDevice
        // Freed memory is overwritten, so that its use shows; and it is not kept by threads, where it would
        // look as if it were in use.
        let tunables = "glibc.malloc.perturb=181:glibc.malloc.tcache_count=0"
        child.environment = ProcessInfo.processInfo.environment.merging([
            "GLIBC_TUNABLES": tunables, "SWIFT_BACKTRACE": "enable=no",
        ]) { $1 }
        try child.run()
        let lastWords = LastWords(words.fileHandleForReading)
        var outcome = Outcome(library: command.library)
        let hasEnded = listen(to: reports.fileHandleForReading.fileDescriptor, &outcome)
        if !hasEnded, child.isRunning { kill(child.processIdentifier, SIGKILL) }
        child.waitUntilExit()
        if hasEnded != true { judge(child, lastWords.text, &outcome) }
        return outcome
    }

    /// Takes reports until the last one. False: the child is silent for too long, or it has gone.
    private func listen(to descriptor: Int32, _ outcome: inout Outcome) -> Bool {
        var rest: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 65_536)
        while true {
            var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&wanted, 1, Int32(command.patience * 1000))
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else {
                let what = "it does not end within \(command.patience) s"
                outcome.findings.append(
                    ModuleFinding(rule: "no-end", step: outcome.steps.last ?? "open", call: "", what: what))
                return false
            }
            let count = read(descriptor, &room, room.count)
            guard count > 0 else { return false }
            rest += room[..<count]
            while let end = rest.firstIndex(of: 0x0a) {
                let line = Data(rest[..<end])
                rest.removeFirst(end + 1)
                guard let report = try? JSONDecoder().decode(ChildReport.self, from: line) else { continue }
                if case .end = report { return true }
                note(report, &outcome)
            }
        }
    }

    private func note(_ report: ChildReport, _ outcome: inout Outcome) {
        switch report {
        case .step(let name): if outcome.steps.last != name { outcome.steps.append(name) }
        case .finding(let finding):
            let isKnown = outcome.findings.contains { $0.rule == finding.rule && $0.call == finding.call }
            if !isKnown || finding.call.isEmpty { outcome.findings.append(finding) }
        case .module(let summary): outcome.module = summary
        case .growth(let cycles, let octets): (outcome.cycles, outcome.octetsPerCycle) = (cycles, octets)
        case .unable(let reason): outcome.reason = reason
        case .end: break
        }
    }

    /// The child has gone without saying that it is done.
    private func judge(_ child: Process, _ words: String, _ outcome: inout Outcome) {
        guard outcome.reason == nil, outcome.findings.last?.rule != "no-end" else { return }
        let step = outcome.steps.last ?? "open"
        let said = words.isEmpty ? "" : ": \(words)"
        let finding =
            if child.terminationReason == .uncaughtSignal {
                ModuleFinding(
                    rule: "crash", step: step, call: "",
                    what: "the process ended with signal \(Self.name(child.terminationStatus))\(said)")
            } else {
                ModuleFinding(
                    rule: "exit", step: step, call: "",
                    what: "the module ended the process with status \(child.terminationStatus)\(said)")
            }
        outcome.findings.append(finding)
    }

    private static func name(_ signal: Int32) -> String {
        switch signal {
        case SIGSEGV: "SIGSEGV"
        case SIGABRT: "SIGABRT"
        case SIGBUS: "SIGBUS"
        case SIGILL: "SIGILL"
        case SIGFPE: "SIGFPE"
        case SIGTRAP: "SIGTRAP"
        default: "\(signal)"
        }
    }
}

/// The last line that a process wrote for people, read by a thread so that its pipe is never full.
private final class LastWords: @unchecked Sendable {
    private let lock = NSLock()
    private var tail = Data()
    private let isOver = DispatchSemaphore(value: 0)

    init(_ handle: FileHandle) {
        Thread.detachNewThread { [self] in
            while case let data = handle.availableData, !data.isEmpty {
                lock.withLock { tail = (tail + data).suffix(4096) }
            }
            isOver.signal()
        }
    }

    /// Once the process has gone; a grandchild may keep the pipe open.
    var text: String {
        _ = isOver.wait(timeout: .now() + 1)
        let text = lock.withLock { String(decoding: tail, as: UTF8.self) }
        return text.split(separator: "\n").last.map(String.init) ?? ""
    }
}
