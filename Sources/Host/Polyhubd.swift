import ArgumentParser
import CLinux
import Dispatch
import Foundation
import Lanes

/// Where the process begins. Capabilities belong to threads, so the ones that are not needed are given up
/// while there is a single thread.
@main enum Program {
    /// CAP_NET_BIND_SERVICE (ports below 1024), CAP_NET_ADMIN (TAP, nftables, socket buffers), CAP_NET_RAW,
    /// and CAP_BPF (flows of datagrams to the lanes that know them).
    private static let needed: UInt64 = 1 << 10 | 1 << 12 | 1 << 13 | 1 << 39

    static func main() {
        let failure = clinux_capabilities_keep(needed)
        guard failure == 0 else {
            let why = unsafe String(cString: clinux_error_text(-failure))
            FileHandle.standardError.write(Data("polyhubd: cannot give up capabilities: \(why)\n".utf8))
            Foundation.exit(1)
        }
        Task { await Polyhubd.start() }
        dispatchMain()
    }
}

/// The server's command line.
struct Polyhubd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "polyhubd",
        abstract: "A VPN server that accepts many protocols on virtual Ethernet hubs.",
        discussion: """
            Prints `polyhubd ready` alone on a line once every listener is bound. SIGTERM and SIGINT close \
            all sessions as their protocols ask and end it with status 0. SIGHUP rereads the configuration \
            and applies the difference.
            """, version: Server.version)

    @Option(
        help: ArgumentHelp("Which modules are loaded, where they listen, their options.", valueName: "FILE"))
    var config: String

    @Option(help: ArgumentHelp("Where hubs, users, keys and logs are kept.", valueName: "DIR"))
    var state = "/var/lib/polyhub"

    @Option(help: ArgumentHelp("Threads of the data plane. Left out: one for each core.", valueName: "N"))
    var lanes: Int?

    @Option(help: ArgumentHelp("Where modules lie. Left out: beside this program.", valueName: "DIR"))
    var modules: String?

    @Flag(help: "Hold every call of modules against the rules of the ABI, and log which are broken. Slow.")
    var checkModules = false

    func validate() throws {
        if let lanes, !(1...Server.maxLanes).contains(lanes) {
            throw ValidationError("--lanes \(lanes): 1 to \(Server.maxLanes) are accepted")
        }
    }

    func run() async throws {
        Self.raiseFileLimit()
        // A peer that closes its end must not end the server.
        signal(SIGPIPE, SIG_IGN)
        let signals = Signals([SIGTERM, SIGINT, SIGHUP])
        do {
            let server = try await Server(self)
            FileHandle.standardOutput.write(Data("polyhubd ready\n".utf8))
            for await number in signals.arrived {
                guard number == SIGHUP else { break }
                await server.reload(config)
            }
            await server.stop()
        } catch {
            FileHandle.standardError.write(Data("polyhubd: \(error)\n".utf8))
            throw ExitCode(1)
        }
    }

    /// Every TCP client is a file, and the usual soft limit is meant for programs that use select(2).
    private static func raiseFileLimit() {
        var limit = rlimit()
        #if os(Linux)
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let files = RLIMIT_NOFILE
        #endif
        guard unsafe getrlimit(files, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(files, &limit)
    }

    /// Carries out the process's command line and ends the process.
    static func start() async {
        do {
            let command = try parse()
            try await command.run()
            Foundation.exit(0)
        } catch let code as ExitCode {
            exit(withError: code)
        } catch {
            // ArgumentParser's own status for misuse is 64; ours is 2.
            let status = exitCode(for: error).rawValue
            let text = fullMessage(for: error)
            if status == 0 { print(text) } else { FileHandle.standardError.write(Data((text + "\n").utf8)) }
            Foundation.exit(status == 0 ? 0 : 2)
        }
    }
}
