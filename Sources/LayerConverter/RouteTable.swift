import Wire

/// Chooses the next hop for a destination by the longest prefix: the link itself, classless routes, gateway.
/// Linear search: at most `AddressLease.maxRoutes` routes, and the next-hop cache stands before it.
struct RouteTable {
    private let subnet: IPv4Subnet
    /// Longest prefix first.
    private let routes: [IPv4Route]

    init(_ lease: AddressLease) {
        subnet = lease.subnet
        // Of equally long ones the first wins: the link itself.
        var routes = [IPv4Route(to: lease.subnet, through: .any)] + lease.routes
        if let gateway = lease.gateway, let everything = IPv4Subnet(.any, prefixLength: 0) {
            routes.append(IPv4Route(to: everything, through: gateway))
        }
        self.routes = routes.enumerated()
            .sorted {
                ($1.element.destination.prefixLength, $0.offset) < (
                    $0.element.destination.prefixLength, $1.offset
                )
            }
            .map(\.element)
    }

    /// Whose MAC address a packet to `destination` is sent to; nil if there is no way.
    func nextHop(to destination: IPv4Address) -> IPv4Address? {
        guard let route = routes.first(where: { $0.destination.contains(destination) }) else { return nil }
        return route.gateway == .any ? destination : route.gateway
    }

    /// Whether a neighbour may have this address: it is on the link, or it is a router that we were told of.
    func isNeighbor(_ address: IPv4Address) -> Bool {
        nextHop(to: address) == address || routes.contains { $0.gateway == address }
    }

    func isBroadcast(_ address: IPv4Address) -> Bool {
        address == .broadcast || address == subnet.broadcast && subnet.prefixLength < 31
    }
}
