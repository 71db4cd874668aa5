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
        return try SecretInput.read("password")
    }
}

/// Where a pre-shared key comes from.
struct PreSharedKeyOptions: ParsableArguments {
    @Option(help: "The pre-shared key of IPsec peers. Other users of this machine may see it for a moment.")
    var psk: String?

    @Flag(help: "Read the pre-shared key from standard input: its first line.")
    var pskStdin = false

    func validate() throws {
        guard psk == nil || !pskStdin else { throw ValidationError("Give either --psk or --psk-stdin.") }
    }

    /// nil if none was given.
    func read() throws -> String? { pskStdin ? try SecretInput.read("pre-shared key") : psk }
}

/// The first line of standard input.
private enum SecretInput {
    static func read(_ what: String) throws -> String {
        let line = isatty(STDIN_FILENO) == 1 ? readWithoutEcho(what) : readLine()
        guard let line, !line.isEmpty else {
            throw ControlError(.invalid, "standard input has no \(what): one on its first line is accepted")
        }
        return line
    }

    private static func readWithoutEcho(_ what: String) -> String? {
        var settings = termios()
        _ = unsafe tcgetattr(STDIN_FILENO, &settings)
        var silent = settings
        silent.c_lflag &= ~tcflag_t(ECHO)
        _ = unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        defer {
            _ = unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
            FileHandle.standardError.write(Data("\n".utf8))
        }
        FileHandle.standardError.write(Data("The \(what): ".utf8))
        return readLine()
    }
}
