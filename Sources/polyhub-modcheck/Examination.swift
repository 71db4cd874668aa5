import CLinux
import Foundation
import Modules
import PluginABI
import Sessions
import Synchronization

/// What the child does: step by step through a module's life.
struct Examination {
    let command: Modcheck
    let reporter: Reporter
    let host: ScratchHost
    /// Of the module's section.
    static let section = "module"

    init(_ command: Modcheck) {
        self.command = command
        let reporter = Reporter()
        self.reporter = reporter
        do {
            host = try ScratchHost { reporter.broken($0) }
        } catch {
            reporter.send(.unable("the scratch host does not start: \(error)"))
            exit(0)
        }
    }

    func run() async {
        do {
            try await examine()
        } catch let fault as ModuleFault {
            reporter.find("refused", fault.description)
        } catch let unable as Unable {
            reporter.send(.unable(unable.reason))
        } catch {
            reporter.send(.unable("\(error)"))
        }
        host.stop()
        reporter.send(.end)
    }

    private func examine() async throws {
        reporter.step("open")
        let image = try ModuleImage(path: command.library, copiesIn: host.copies)
        judge(image.description)
        let plan = try Plan(command, image.description)
        reporter.step("start")
        let registry = try plan.registry(host)
        try await start(registry, from: image)
        let declared = try await registry.declarations(of: Self.section)
        reporter.send(.module(ModuleSummary(image.description, declared)))
        for fault in declared.faults { reporter.find("declaration", fault) }
        let traffic = try await Traffic(self, registry, plan)
        await traffic.run()
        await traffic.runNonsense()
        try await callCommands(registry, declared)
        reporter.step("stop")
        await registry.stop()
        try await startAgain(plan, image)
        try await wrongOptions(plan, image, declared)
        if declared.capabilities.contains(PA_HANDOVER) {
            try await HandoverCheck(self, plan).run()
        }
        try await CycleCheck(self, plan, image).run()
    }

    /// An unloadable library is opened anew each time, one that stays mapped only once.
    func start(_ registry: ModuleRegistry, from image: ModuleImage) async throws {
        do {
            if image.description.isUnloadable {
                try await registry.load(Self.section)
            } else {
                try await registry.load(Self.section, from: image)
            }
        } catch ModuleFault.refusedByModule(let why) where !Self.isUnexplained(why) && reporter.findings == 0
        {
            throw Unable("\(why) (options are given by --set KEY=VALUE)")
        }
    }

    private func judge(_ description: ModuleDescription) {
        if !description.id.contains(".") {
            reporter.find("descriptor", "its id \"\(description.id)\" is no reversed domain name")
        }
        let isWord = description.name.utf8.allSatisfy { octet in
            (0x61...0x7a).contains(octet) || (0x30...0x39).contains(octet) || octet == 0x2d || octet == 0x5f
        }
        if !isWord {
            reporter.find("descriptor", "its name \"\(description.name)\" is no word of a-z, 0-9, - and _")
        }
    }

    private func startAgain(_ plan: Plan, _ image: ModuleImage) async throws {
        reporter.step("start again")
        let registry = try plan.registry(host)
        try await start(registry, from: image)
        let traffic = try await Traffic(self, registry, plan)
        await traffic.round()
        await registry.stop()
    }

    /// Each option with what it does not expect: the module starts, or it refuses and says why.
    private func wrongOptions(_ plan: Plan, _ image: ModuleImage, _ declared: ModuleDeclarations) async throws
    {
        reporter.step("options")
        for option in declared.options {
            for value in Self.unexpected(option) {
                let registry = try plan.registry(host, replacing: option.key, by: value)
                do {
                    if image.description.isUnloadable {
                        try await registry.load(Self.section)
                    } else {
                        try await registry.load(Self.section, from: image)
                    }
                } catch ModuleFault.refusedByModule(let why) where Self.isUnexplained(why) {
                    reporter.find("silent-failure", "\(option.key) = \(value) is refused without a sentence")
                } catch is ModuleFault {
                }
                await registry.stop()
            }
        }
    }

    private static func isUnexplained(_ why: String) -> Bool { why.contains("does not say why") }

    /// Each command with arguments of its types: it answers, or it fails and says why.
    private func callCommands(_ registry: ModuleRegistry, _ declared: ModuleDeclarations) async throws {
        reporter.step("commands")
        for command in declared.commands {
            for attempt in 0..<5 {
                let arguments = command.types.map { Self.argument($0, attempt) }
                do {
                    let name = command.name
                    _ = try await registry.call(Self.section, command: name, arguments: arguments)
                } catch ModuleFault.command(let why) where Self.isUnexplained(why) {
                    reporter.find("silent-failure", "\(command.name) fails without a sentence")
                    break
                } catch is ModuleFault {
                }
            }
        }
        host.settle()
    }

    private static func argument(_ type: UInt32, _ attempt: Int) -> String {
        switch type {
        case PA_TYPE_STRING:
            ["", "x", "somebody@nowhere", "%s%n", String(repeating: "x", count: 5000)][attempt]
        case PA_TYPE_INTEGER: ["0", "1", "-1", "\(Int64.max)", "\(Int64.min)"][attempt]
        case PA_TYPE_DOUBLE: ["0", "1", "-1.5", "1e300", "-1e-300"][attempt]
        default: attempt % 2 == 0 ? "true" : "false"
        }
    }

    /// In TOML.
    private static func unexpected(_ option: ModuleDeclarations.Option) -> [String] {
        let long = String(repeating: "x", count: 5000)
        return switch option.type {
        case PA_OPTION_STRING: ["\"\"", "\"\(long)\"", "\"%s%n \\u00e4\"", "\"/nowhere/at/all\""]
        case PA_OPTION_INTEGER: ["\(option.range.lowerBound)", "\(option.range.upperBound)"]
        case PA_OPTION_BOOLEAN: ["true", "false"]
        default: ["[]", "[\"\"]", "[\"\(long)\"]", "[\"%s%n\", \"a\", \"a\"]"]
        }
    }
}

extension ModuleSummary {
    fileprivate init(_ description: ModuleDescription, _ declared: ModuleDeclarations) {
        self.init(
            name: description.name, version: description.version, id: description.id,
            abi: "\(description.abi.major).\(description.abi.minor)", capabilities: declared.capabilities)
    }
}

/// Tells the parent, from any thread.
final class Reporter: Sendable {
    private struct State {
        var step = "open"
        var findings = 0
    }

    private let state = Mutex(State())
    private let descriptor: Int32

    /// Takes standard output for reports; what the module prints there goes to standard error.
    init() {
        descriptor = dup(1)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        dup2(2, 1)
    }

    var findings: Int { state.withLock { $0.findings } }

    func step(_ name: String) {
        state.withLock { $0.step = name }
        send(.step(name))
    }

    func find(_ rule: String, _ what: String, call: String = "") {
        let step = state.withLock { state in
            state.findings += 1
            return state.step
        }
        send(.finding(ModuleFinding(rule: rule, step: step, call: call, what: what)))
    }

    func broken(_ breach: BrokenRule) {
        find(breach.rule.rawValue, breach.detail, call: breach.call)
    }

    func send(_ report: ChildReport) {
        guard var line = try? JSONEncoder().encode(report) else { return }
        line.append(0x0a)
        line.withUnsafeBytes { _ = write(descriptor, $0.baseAddress, $0.count) }
    }
}
