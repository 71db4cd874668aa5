import CLinux

/// A system call about a socket or device that failed, in words for an operator.
public struct SocketError: Error, CustomStringConvertible, Sendable {
    /// The errno value.
    public let code: Int32
    /// What was tried, and with which address: "listen on udp 0.0.0.0:1194".
    public let attempt: String

    init(_ result: Int32, _ attempt: String) {
        code = -result
        self.attempt = attempt
    }

    /// The same failure, said of what it was a part of.
    func during(_ attempt: String) -> SocketError { SocketError(-code, attempt) }

    public var description: String { "cannot \(attempt): \(unsafe String(cString: clinux_error_text(code)))" }

    /// Throws when a call of CLinux failed.
    @discardableResult
    static func check(_ result: Int32, _ attempt: @autoclosure () -> String) throws(SocketError) -> Int32 {
        guard result >= 0 else { throw SocketError(result, attempt()) }
        return result
    }
}
