/// Why a session ended or was refused; the raw value crosses the ABI (`PA_REASON_*`).
public enum SessionReason: UInt32, Sendable, CaseIterable {
    case client = 1
    case timeout
    case protocolError
    case transport
    case authentication
    case administrator
    case shutdown
    case noAddress
    case policy
    case replaced

    /// For the log.
    public var name: String {
        switch self {
        case .client: "client"
        case .timeout: "timeout"
        case .protocolError: "protocol-error"
        case .transport: "transport"
        case .authentication: "authentication"
        case .administrator: "administrator"
        case .shutdown: "shutdown"
        case .noAddress: "no-address"
        case .policy: "policy"
        case .replaced: "replaced"
        }
    }
}
