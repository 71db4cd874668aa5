import ArgumentParser
import ControlRequests
import Foundation

struct ModuleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "module", abstract: "The protocols that the server speaks.",
        subcommands: [List.self, Load.self, Unload.self, Swap.self, Call.self])

    struct List: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the modules.")
        @OptionGroup var server: ServerOptions
        func request() -> ModuleList { ModuleList() }
        func show(_ modules: [ModuleRow]) -> String { table(modules) }
    }

    struct Load: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Loads a module of plugins.conf.")
        @OptionGroup var server: ServerOptions
        @Argument var module: String
        func request() -> ModuleLoad { ModuleLoad(module: module) }
    }

    struct Unload: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Ends a module.")
        @OptionGroup var server: ServerOptions
        @Argument var module: String
        @Option(help: "Seconds for which its sessions may go on.") var drain: Int?
        func request() -> ModuleUnload { ModuleUnload(module: module, drainSeconds: drain) }
    }

    struct Swap: RequestCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replaces a module by another library while its sessions go on.")
        @OptionGroup var server: ServerOptions
        @Argument var module: String
        @Argument(help: "A name in the module directory, or a path.") var library: String
        @Option(help: "Seconds for which connections that the new library refuses may go on (default: 600).")
        var drain: Int?
        func request() -> ModuleSwap {
            // The server has another working directory.
            let path = library.contains("/") ? URL(fileURLWithPath: library).path : library
            return ModuleSwap(module: module, library: path, drainSeconds: drain)
        }
        func show(_ report: SwapReport) -> String {
            "\(report.module): \(report.from) is now \(report.to)\n"
                + TextTable(
                    ["LANE", "CARRIED", "DRAINING", "PAUSES", "LONGEST PAUSE"],
                    report.lanes.map { lane in
                        [
                            "\(lane.lane)", "\(lane.carried)", "\(lane.draining)", "\(lane.pauses)",
                            "\(lane.longestPauseMicroseconds) us",
                        ]
                    }
                ).text
        }
    }

    struct Call: RequestCommand {
        static let configuration = CommandConfiguration(
            abstract: "Calls a command that the module offers; without COMMAND, says which it offers.")
        @OptionGroup var server: ServerOptions
        @Argument var module: String
        @Argument var command: String?
        @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
        func request() -> ModuleCall {
            ModuleCall(module: module, command: command ?? "", arguments: arguments)
        }
        func show(_ answer: CommandOutput) -> String { answer.output }
    }
}

private func table(_ modules: [ModuleRow]) -> String {
    TextTable(
        ["MODULE", "VERSION", "STATE", "SESSIONS", "REFUSED", "LISTENERS", "LIBRARY"],
        modules.map { module in
            [
                module.name, module.version, module.state, "\(module.sessions)",
                "\(module.refusedCalls)",
                module.listeners.joined(separator: ","), module.library,
            ]
        }
    ).text
}
