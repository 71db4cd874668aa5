import ArgumentParser
import Foundation

/// `polyhub-modcheck LIBRARY`: loads a module in a scratch host and holds it against the rules of the ABI.
@main struct Modcheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "polyhub-modcheck",
        abstract: "Checks whether a library keeps the rules of a Polyhub module.",
        discussion: """
            The library runs in a process of its own, in a host that checks every call between both sides, \
            on loopback addresses with any free ports. It is started, given traffic and nonsense, stopped, \
            started again, handed over to itself, and started and stopped many times while memory is \
            measured. One line is printed for each finding. Exit status 0: nothing was found, 1: something \
            was, 2: the check could not be made.
            """)

    @Argument(help: "The shared library.", completion: .file())
    var library: String

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("An option of the module, as plugins.conf has it.", valueName: "KEY=VALUE"))
    var settings: [String] = []

    @Option(
        help: ArgumentHelp(
            "Where it listens. Left out: its default listeners, at 127.0.0.1 and free ports.",
            valueName: "URL"))
    var listen: [String] = []

    @Option(
        help: ArgumentHelp(
            "An address that datagrams shall come from, besides others.", valueName: "IPV4:PORT"))
    var peer: [String] = []

    @Option(help: "How often at least it is started and stopped while memory is measured.")
    var cycles = 100

    @Option(help: "Seconds after which a step that has not ended is a finding.")
    var patience = 30

    @Option(help: "Of the random datagrams and octets.")
    var seed: UInt64 = 1

    @Flag(help: "Print one JSON object in place of lines.")
    var json = false

    @Flag(help: .hidden)
    var inChild = false

    func validate() throws {
        guard (0...100_000).contains(cycles) else {
            throw ValidationError("--cycles: 0 to 100000 are accepted")
        }
        guard (1...3600).contains(patience) else {
            throw ValidationError("--patience: 1 to 3600 are accepted")
        }
        for address in peer where LoopbackPeer.Address(address) == nil {
            throw ValidationError("--peer \(address): a numeric IPv4 address and a port are accepted")
        }
        for setting in settings where !setting.contains("=") {
            throw ValidationError("--set \(setting): KEY=VALUE is accepted")
        }
    }

    func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        if inChild { return await Examination(self).run() }
        guard FileManager.default.isReadableFile(atPath: library) else {
            throw Unable("\(library) cannot be read: no such file, or no permission")
        }
        let outcome = try ChildWatch(self).run()
        if let reason = outcome.reason { throw Unable(reason) }
        print(json ? outcome.json : outcome.text)
        if !outcome.findings.isEmpty { throw ExitCode(1) }
    }

    static func main() async {
        do {
            try await parse().run()
        } catch let code as ExitCode {
            Foundation.exit(code.rawValue)
        } catch let unable as Unable {
            FileHandle.standardError.write(Data("polyhub-modcheck: \(unable.reason)\n".utf8))
            Foundation.exit(2)
        } catch {
            let isHelp = exitCode(for: error).isSuccess
            let text = Data((fullMessage(for: error) + "\n").utf8)
            (isHelp ? FileHandle.standardOutput : FileHandle.standardError).write(text)
            Foundation.exit(isHelp ? 0 : 2)
        }
    }
}

/// The check could not be made, which says nothing about the module.
struct Unable: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}
