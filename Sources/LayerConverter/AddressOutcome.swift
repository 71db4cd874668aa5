public import Wire

/// Why a session gets no address. The text is for the administrator's log and the client's disconnect
/// message.
public enum AddressRefusal: Error, Equatable, Sendable {
    case noServerAnswered
    /// A server offered an address and was not heard of again.
    case offerNotConfirmed(server: IPv4Address)
    /// DHCPNAK, with the server's words if it had any.
    case serverRefused(message: String?)
    /// Each address that the servers offered was found in use by another host.
    case noFreeAddress
    /// The fixed address is another host's.
    case addressInUse(AddressConflict)
}

extension AddressRefusal: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noServerAnswered: "no DHCP server in the hub gave an address: none answers, or none is left"
        case .offerNotConfirmed(let server):
            "the DHCP server \(server) offered an address but did not confirm it"
        case .serverRefused(let message?): "the DHCP server refused: \(message)"
        case .serverRefused(nil): "the DHCP server refused"
        case .noFreeAddress: "the DHCP server has no free address: those it offered are in use"
        case .addressInUse(let conflict): "the fixed address \(conflict)"
        }
    }
}

/// Why a session loses the address that it had.
public enum AddressLoss: Error, Equatable, Sendable {
    /// No server renewed the lease before it ended.
    case leaseExpired
    /// DHCPNAK to a renewal, with the server's words if it had any.
    case leaseRevoked(message: String?)
}

extension AddressLoss: CustomStringConvertible {
    public var description: String {
        switch self {
        case .leaseExpired: "the address lease ended and no DHCP server renewed it"
        case .leaseRevoked(let message?): "the DHCP server took the address back: \(message)"
        case .leaseRevoked(nil): "the DHCP server took the address back"
        }
    }
}

/// Another host claims an address that is ours or that we were about to take, RFC 5227 §1.1.
public struct AddressConflict: Equatable, Sendable {
    public var address: IPv4Address
    public var mac: MACAddress
}

extension AddressConflict: CustomStringConvertible {
    public var description: String { "\(address) is in use by \(mac)" }
}
