import ArgumentParser
import ControlRequests
import Foundation

/// Where a new password comes from.
struct PasswordOptions: ParsableArguments {
    @Option(help: "The password. Other users of this machine may see it in the list of processes.")
    var password: String?

    @Flag(help: "Read the password from standard input: its first line, without echo on a terminal.")
    var passwordStdin = false

    var isGiven: Bool { password != nil || passwordStdin }

    func validate() throws {
        guard password == nil || !passwordStdin else {
            throw ValidationError("Give either --password or --password-stdin.")
        }
    }

    /// nil if none was given.
    func read() throws -> String? {
        guard passwordStdin else { return password }
        let line = isatty(STDIN_FILENO) == 1 ? Self.readWithoutEcho() : readLine()
        guard let line, !line.isEmpty else {
            throw ControlError(.invalid, "standard input has no password: one on its first line is accepted")
        }
        return line
    }

    private static func readWithoutEcho() -> String? {
        var settings = termios()
        _ = unsafe tcgetattr(STDIN_FILENO, &settings)
        var silent = settings
        silent.c_lflag &= ~tcflag_t(ECHO)
        _ = unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        defer {
            _ = unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
            FileHandle.standardError.write(Data("\n".utf8))
        }
        FileHandle.standardError.write(Data("Password: ".utf8))
        return readLine()
    }
}
