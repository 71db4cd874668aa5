public import Wire

/// A way to a network through a router, as DHCP tells it (RFC 3442).
public struct IPv4Route: Hashable, Sendable {
    public var destination: IPv4Subnet
    /// 0.0.0.0: the destination is on the link itself.
    public var gateway: IPv4Address

    public init(to destination: IPv4Subnet, through gateway: IPv4Address) {
        self.destination = destination
        self.gateway = gateway
    }

    public var isDefault: Bool { destination.prefixLength == 0 }

    /// Reads the value of option 121: for each route the width of the mask, the significant octets of the
    /// destination, and the router. A malformed value throws as a whole.
    static func list(parsing input: inout ByteReader) throws(WireError) -> [IPv4Route] {
        var routes: [IPv4Route] = []
        while input.remaining > 0 {
            let width = Int(try input.read(UInt8.self))
            guard width <= 32 else { throw .badValue }
            let octets = try input.take((width + 7) / 8)
            let bits = octets.reduce(0) { $0 << 8 | UInt32($1) } << UInt32(32 - 8 * octets.count)
            let gateway = try input.readIPv4Address()
            guard let subnet = IPv4Subnet(IPv4Address(bits), prefixLength: width) else { throw .badValue }
            // RFC 3442: bits outside of the mask are to be ignored.
            guard let network = IPv4Subnet(subnet.network, prefixLength: width) else { throw .badValue }
            routes.append(IPv4Route(to: network, through: gateway))
        }
        return routes
    }
}

extension IPv4Route: CustomStringConvertible {
    public var description: String { "\(destination) through \(gateway)" }
}
