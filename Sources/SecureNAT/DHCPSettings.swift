public import Wire

/// What a DHCP server gives to its clients.
public struct DHCPSettings: Equatable, Sendable {
    /// The server's own address, and the network it serves.
    public var network: IPv4Subnet
    /// Must lie in the network and not hold the server's address.
    public var pool: AddressRange
    public var leaseTime: Duration = .seconds(7200)
    /// The default gateway; none is told where nil.
    public var router: IPv4Address?
    public var nameServers: [IPv4Address] = []
    /// Empty: none is told.
    public var domainName = ""

    /// The server is the router, and lends `pool`, or `defaultPool(of: network)`.
    public init(network: IPv4Subnet, pool: AddressRange? = nil) throws(SecureNATError) {
        guard (8...30).contains(network.prefixLength), network.address != network.network,
            network.address != network.broadcast, !network.address.isMulticast
        else { throw .badNetwork(network) }
        self.network = network
        self.pool = pool ?? Self.defaultPool(of: network)
        router = network.address
        guard self.pool.first.bits > network.network.bits, self.pool.last.bits < network.broadcast.bits,
            self.pool.count <= AddressPool.maxAddresses
        else { throw .badPool(self.pool, network) }
    }

    /// The tenth to the two hundredth host, as far as there are so many; in a network of fewer than 32
    /// addresses all of them. It may hold the server's own address, which is never lent.
    static func defaultPool(of network: IPv4Subnet) -> AddressRange {
        let lowest = network.network.bits + 1
        let highest = network.broadcast.bits - 1
        guard highest - lowest >= 30 else {
            return AddressRange(IPv4Address(lowest), IPv4Address(highest))!
        }
        return AddressRange(IPv4Address(lowest + 9), IPv4Address(min(lowest + 199, highest)))!
    }
}
