public import Wire

/// Why a virtual router does not start: a sentence for the administrator, with what would be accepted.
public enum SecureNATError: Error, Equatable, Sendable {
    case badNetwork(IPv4Subnet)
    case badPool(AddressRange, IPv4Subnet)
    case networkInUse(IPv4Subnet, interface: String)
    case alreadyStarted
    /// What was to be done, and the reason that the system or a library gave.
    case failed(String, reason: String)
    case unsupportedSystem
}

extension SecureNATError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .badNetwork(let network):
            """
            "\(network)" is no address of a router; accepted is a host's address in a network of 8 to 30 \
            bits, as in 192.168.30.1/24
            """
        case .badPool(let pool, let network):
            """
            pool \(pool) does not fit; accepted are up to \(AddressPool.maxAddresses) hosts' addresses in \
            the network of \(network)
            """
        case .networkInUse(let network, let interface):
            """
            the network of \(network) is in use by interface "\(interface)" of this host; choose another \
            --network, or --engine user
            """
        case .alreadyStarted: "the virtual router is running already"
        case .failed(let what, let reason): "cannot \(what): \(reason)"
        case .unsupportedSystem: "the virtual router is unsupported on this system; it needs Linux"
        }
    }
}
