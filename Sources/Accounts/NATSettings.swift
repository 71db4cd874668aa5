public import Wire

/// How SecureNAT is to run in a hub.
public struct NATSettings: Hashable, Sendable {
    public enum Engine: String, Sendable, CaseIterable {
        /// libslirp, which wants no privileges.
        case user
        /// The kernel's, by a TAP device and nftables.
        case kernel

        /// Reads what a person wrote.
        public init(named name: String) throws(AccountError) {
            guard let engine = Engine(rawValue: name) else {
                throw AccountError(
                    .invalid,
                    "\(name.quoted) is no NAT engine: \(Engine.allCases.map(\.rawValue).listed) are accepted")
            }
            self = engine
        }
    }

    public var network: RouterNetwork
    public var engine: Engine
    public var isEnabled: Bool

    public init(network: RouterNetwork = .standard, engine: Engine = .user, isEnabled: Bool = true) {
        self.network = network
        self.engine = engine
        self.isEnabled = isEnabled
    }
}

/// A router's address and the length of its network's prefix, as in 192.168.30.1/24.
public struct RouterNetwork: Hashable, Sendable, CustomStringConvertible {
    public let address: IPv4Address
    public let prefixLength: Int

    public static let standard = RouterNetwork(address: IPv4Address(0xc0a8_1e01), prefixLength: 24)

    /// The address is one of a host in the network, and there is room for a client beside it.
    public init(_ text: String) throws(AccountError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let refusal = AccountError(
            .invalid,
            "\(text.quoted) is not a router's address with its network: "
                + "one like 192.168.30.1/24 is accepted, with a prefix of 8 to 30 "
                + "and an address that is neither the first nor the last of the network"
        )
        guard parts.count == 2, parts[1].utf8.count <= 2, let address = IPv4Address(parts[0]),
            parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(parts[1]),
            (8...30).contains(length), !address.isMulticast, address.bits >> 24 != 0,
            address.bits >> 24 != 127
        else { throw refusal }
        let hostMask = UInt32.max >> UInt32(length)
        guard address.bits & hostMask != 0, address.bits & hostMask != hostMask else { throw refusal }
        self.init(address: address, prefixLength: length)
    }

    init(address: IPv4Address, prefixLength: Int) {
        self.address = address
        self.prefixLength = prefixLength
    }

    public var description: String { "\(address)/\(prefixLength)" }
}
