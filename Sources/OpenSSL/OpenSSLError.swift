import COpenSSL

/// Why OpenSSL refused: what was asked of it, and the oldest reason in its error queue.
public struct OpenSSLError: Error, Equatable, Sendable, CustomStringConvertible {
    public let operation: String
    public let reason: String

    public init(_ operation: String, reason: String) {
        self.operation = operation
        self.reason = reason
    }

    /// Takes the reason from this thread's error queue and empties the queue: what is left in it would be
    /// mistaken for the failure of a later TLS call.
    public init(taking operation: String) {
        let code = ERR_get_error()
        ERR_clear_error()
        self.operation = operation
        reason = unsafe ERR_reason_error_string(code).map { unsafe String(cString: $0) } ?? "no reason given"
    }

    public var description: String { "\(operation): \(reason)" }
}
