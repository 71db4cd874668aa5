import ArgumentParser
import ControlRequests
import Foundation

/// The command line: a table of commands onto the control requests. Exit status 0 done, 1 refused, with a
/// sentence on standard error, 2 usage.
@main
struct Polyhubctl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "polyhubctl",
        abstract: "Administers a running polyhubd.",
        subcommands: [
            HubCommand.self, UserCommand.self, GroupCommand.self, SessionCommand.self, MACCommand.self,
            AddressCommand.self, NATCommand.self, BridgeCommand.self, ModuleCommand.self, ExportCommand.self,
            ApplyCommand.self, StatusCommand.self, LogCommand.self,
        ])

    @OptionGroup var server: ServerOptions

    static func main() {
        Foundation.exit(run(Array(CommandLine.arguments.dropFirst())))
    }

    /// Carries out one command line and tells its exit status.
    static func run(_ arguments: [String]) -> Int32 {
        do {
            var command = try parseAsRoot(arguments)
            try command.run()
            return 0
        } catch let refusal as ControlError {
            print(error: "polyhubctl: \(refusal.message)")
            return 1
        } catch {
            let message = fullMessage(for: error)
            let isHelpWanted = arguments.contains { ["help", "-h", "--help", "--version"].contains($0) }
            guard exitCode(for: error).isSuccess, isHelpWanted else {
                print(error: message)
                return 2
            }
            Swift.print(message)
            return 0
        }
    }

    private static func print(error message: String) {
        FileHandle.standardError.write(Data((message + "\n").utf8))
    }
}

/// Where the server is, and how its answer is printed.
struct ServerOptions: ParsableArguments {
    static let variable = "POLYHUB_STATE"
    static let standardState = "/var/lib/polyhub"

    @Option(
        help: "The server's state directory (default: $\(variable), or else \(standardState)).",
        completion: .directory)
    var state: String?

    @Flag(help: "Print the answer as JSON.")
    var json = false

    var socketPath: String {
        let state = state ?? ProcessInfo.processInfo.environment[Self.variable] ?? Self.standardState
        return state + "/control.sock"
    }
}

/// A command that is one request: what it asks, and how the answer is shown to a person.
protocol RequestCommand: ParsableCommand {
    associatedtype Request: ControlRequest
    var server: ServerOptions { get }
    func request() throws -> Request
    /// Empty: nothing is printed.
    func show(_ answer: Request.Answer) -> String
}

extension RequestCommand {
    func show(_ answer: Request.Answer) -> String { "" }

    func run() throws {
        let request = try request()
        var connection = try ControlConnection(socketPath: server.socketPath)
        try printAnswer(try connection.send(request))
    }

    func printAnswer(_ answer: Request.Answer) throws {
        if server.json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return print(String(decoding: try encoder.encode(answer), as: UTF8.self))
        }
        let text = show(answer)
        if !text.isEmpty { print(text, terminator: text.hasSuffix("\n") ? "" : "\n") }
    }
}
