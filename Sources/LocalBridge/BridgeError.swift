/// Why a device was not opened: a sentence for the administrator, with what would be accepted.
public enum BridgeError: Error, Equatable, Sendable {
    case badInterfaceName(String)
    case noSuchInterface(String, existing: [String])
    case notEthernet(String)
    case notTAP(String)
    case busy(String)
    /// What was to be done, and the capability that it takes.
    case notPermitted(String, need: String)
    case noTunDevice
    /// What was to be done, and the system's reason.
    case system(String, errno: Int32, reason: String)
    case unsupportedSystem
}

extension BridgeError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .badInterfaceName(let name):
            """
            "\(name)" is no interface name; accepted are 1 to \(InterfaceName.maxLength) printable ASCII \
            characters without space, "/", ":" and "%"
            """
        case .noSuchInterface(let name, let existing):
            "interface \"\(name)\" does not exist; this host has: \(existing.joined(separator: ", "))"
        case .notEthernet(let name):
            "interface \"\(name)\" is not Ethernet; a bridge takes an Ethernet interface"
        case .notTAP(let name):
            """
            interface "\(name)" exists and is not a TAP device; choose another name, or bridge it with \
            --interface
            """
        case .busy(let name):
            "TAP device \"\(name)\" is held by another process; choose another name"
        case .notPermitted(let what, let need):
            "not permitted to \(what); the server needs \(need)"
        case .noTunDevice:
            "/dev/net/tun is missing; load the kernel module \"tun\""
        case .system(let what, _, let reason):
            "cannot \(what): \(reason)"
        case .unsupportedSystem:
            "bridges to the host's network are unsupported on this system; they need Linux"
        }
    }
}
