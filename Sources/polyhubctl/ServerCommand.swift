import ArgumentParser
import ControlRequests
import Foundation

struct StatusCommand: RequestCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "The server as a whole.")
    @OptionGroup var server: ServerOptions
    func request() -> Status { Status() }
    func show(_ status: StatusReport) -> String {
        let metrics = status.metrics.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
        return properties(
            [
                ("version", status.version), ("pid", "\(status.pid)"), ("since", status.since),
                ("lanes", "\(status.lanes)"), ("hubs", "\(status.hubs)"), ("sessions", "\(status.sessions)"),
                ("modules", "\(status.modules)"), ("frames forwarded", "\(status.framesForwarded)"),
                ("frames dropped", "\(status.framesDropped)"), ("log lines dropped", "\(status.logDropped)"),
                ("module calls refused", "\(status.refusedCalls)"),
            ] + metrics)
    }
}

struct ExportCommand: RequestCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Prints everything that is state, as a file for apply.")
    @OptionGroup var server: ServerOptions
    func request() -> Export { Export() }
    func show(_ document: Document) -> String { document.text }
}

struct ApplyCommand: RequestCommand {
    /// Bytes; the server takes as many.
    static let maximumFile = 64 << 20

    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Makes the state what a file says: what is not in it is deleted.")
    @OptionGroup var server: ServerOptions
    @Argument(help: "A file as export prints it, or - for standard input.", completion: .file()) var file:
        String

    func request() -> Apply { Apply() }

    func run() throws {
        let text = try read()
        var connection = try ControlConnection(socketPath: server.socketPath)
        var rest = Substring(text).utf8[...]
        while !rest.isEmpty {
            // A piece ends with a whole character.
            var piece = Substring(rest.prefix(ApplyPiece.length))
            if piece.utf8.endIndex < rest.endIndex, !piece.unicodeScalars.isEmpty {
                piece.unicodeScalars.removeLast()
            }
            _ = try connection.send(ApplyPiece(text: String(piece)))
            rest = rest[piece.endIndex...]
        }
        try printAnswer(try connection.send(request()))
    }

    func show(_ report: ApplyReport) -> String {
        let parts = [("created", report.created), ("changed", report.changed), ("deleted", report.deleted)]
        let names = parts.flatMap { word, names in names.map { "\(word) \(TextTable.visible($0))" } }
        let counts = parts.map { word, names in "\(names.count) \(word)" }.joined(separator: ", ")
        return (names + [counts]).joined(separator: "\n")
    }

    private func read() throws -> String {
        let handle = file == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: file)
        guard let data = try? handle?.read(upToCount: Self.maximumFile + 1), data.count <= Self.maximumFile
        else {
            throw ControlError(
                .invalid, "\(file) cannot be read: a file of up to \(Self.maximumFile) bytes is accepted")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw ControlError(.invalid, "\(file) is not text in UTF-8, which is what is accepted")
        }
        return text
    }
}

struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "What the server has written down.", subcommands: [Tail.self])

    struct Tail: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Prints the last lines of a log.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The security log of this hub rather than the server's log.") var hub: String?
        @Option(name: .shortAndLong, help: "How many lines.") var lines = 20
        @Flag(name: .shortAndLong, help: "Go on printing what is written.") var follow = false

        func request() -> LogTail { LogTail(hub: hub, lines: lines, follow: follow) }
        func show(_ log: LogLines) -> String { log.lines.map(TextTable.visible).joined(separator: "\n") }

        func run() throws {
            var connection = try ControlConnection(socketPath: server.socketPath)
            try printAnswer(try connection.send(request()))
            while follow, let line = try connection.nextLogLine() {
                try printAnswer(LogLines(lines: [line]))
                fflush(nil)
            }
        }
    }
}
