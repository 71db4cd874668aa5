public import Wire

/// An IPv4 address that a session may use, and everything that came with it: from a DHCP server or from the
/// user's record.
public struct AddressLease: Equatable, Sendable {
    /// Name servers of a kind that are kept; more are left out.
    public static let maxServers = 8
    /// Classless routes that are kept; more are left out.
    public static let maxRoutes = 64
    /// A shorter lease is taken as this long, so that a server cannot keep us busy.
    static let minDuration: Duration = .seconds(5)
    /// RFC 2131 demands option 51 in each DHCPACK; where it is missing this is meant.
    static let defaultDuration: Duration = .seconds(3600)

    /// The address with the length of its network's prefix.
    public var subnet: IPv4Subnet
    public var gateway: IPv4Address?
    public var dns: [IPv4Address] = []
    public var wins: [IPv4Address] = []
    /// Letters, digits, dots, hyphens and underscores alone, so that it is safe in any protocol's text.
    public var domain: String?
    /// Without the default route, which is `gateway`.
    public var routes: [IPv4Route] = []
    /// Of the hub's segment, if the server told it.
    public var mtu: Int?
    /// Who leased it; nil if it stands in the user's record.
    public var server: IPv4Address?
    /// nil: for ever.
    public var duration: Duration?
    /// T1 and T2 of RFC 2131 §4.4.5, from `obtainedAt`; nil if the lease never ends.
    public var renewalTime: Duration?
    public var rebindingTime: Duration?
    public var obtainedAt = Instant(nanoseconds: 0)

    public var address: IPv4Address { subnet.address }

    /// An address from the user's record, for ever.
    public init(fixed subnet: IPv4Subnet, gateway: IPv4Address?) {
        self.subnet = subnet
        self.gateway = gateway
    }

    /// When the address must no longer be used.
    public var expiry: Instant? { duration.map { obtainedAt + $0 } }
}

extension AddressLease {
    /// What a DHCPOFFER or DHCPACK grants; nil if no host could use it.
    init?(_ message: DHCPMessage, at now: Instant) {
        let options = message.options
        guard let server = options.address(.serverIdentifier), server.isHostAddress,
            let subnet = Self.subnet(of: message)
        else { return nil }
        self.init(fixed: subnet, gateway: nil)
        self.server = server
        obtainedAt = now
        setRoutes(options)
        dns = Array(options.addresses(.domainNameServer).filter(\.isHostAddress).prefix(Self.maxServers))
        wins = Array(options.addresses(.netBIOSNameServer).filter(\.isHostAddress).prefix(Self.maxServers))
        domain = options.text(.domainName).flatMap { Self.isDomain($0) ? $0 : nil }
        // RFC 2132 §5.1: not below 68, which every link carries.
        mtu = options.integer(.interfaceMTU, as: UInt16.self).flatMap { $0 >= 68 ? Int($0) : nil }
        setTimes(options)
    }

    private static func subnet(of message: DHCPMessage) -> IPv4Subnet? {
        let address = message.yiaddr
        guard address.isHostAddress else { return nil }
        guard message.options[.subnetMask] != nil else {
            return IPv4Subnet(address, prefixLength: classfulPrefixLength(of: address))
        }
        guard let mask = message.options.address(.subnetMask), let subnet = IPv4Subnet(address, mask: mask),
            subnet.prefixLength > 0
        else { return nil }
        // RFC 3021: in a network of two addresses both are hosts.
        let namesAHost = address != subnet.network && address != subnet.broadcast
        return subnet.prefixLength >= 31 || namesAHost ? subnet : nil
    }

    /// What a host infers without a mask, RFC 950 §2.1.
    private static func classfulPrefixLength(of address: IPv4Address) -> Int {
        if address.bits >> 31 == 0 { return 8 }
        return address.bits >> 30 == 0b10 ? 16 : 24
    }

    /// Where classless routes are told, the router option is ignored: RFC 3442.
    private mutating func setRoutes(_ options: DHCPOptions) {
        if let value = options[.classlessStaticRoutes], !value.isEmpty {
            var reader = ByteReader(value.rawSpan)
            if let all = try? IPv4Route.list(parsing: &reader) {
                gateway = all.first { $0.isDefault && $0.gateway.isHostAddress }?.gateway
                routes = Array(all.filter { !$0.isDefault }.prefix(Self.maxRoutes))
                return
            }
        }
        gateway = options.addresses(.router).first { $0.isHostAddress }
    }

    private mutating func setTimes(_ options: DHCPOptions) {
        let told = options.duration(.leaseTime) ?? Self.defaultDuration
        if told == .seconds(Int64(UInt32.max)) { return }  // infinity, RFC 2131 §3.3
        let duration = max(told, Self.minDuration)
        let t1 = options.duration(.renewalTime) ?? duration / 2
        let t2 = options.duration(.rebindingTime) ?? duration * 7 / 8
        let isOrdered = t1 > .zero && t1 < t2 && t2 < duration
        self.duration = duration
        renewalTime = isOrdered ? t1 : duration / 2
        rebindingTime = isOrdered ? t2 : duration * 7 / 8
    }

    private static func isDomain(_ text: String) -> Bool {
        text.utf8.count <= 253
            && text.utf8.allSatisfy { octet in
                switch octet {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f: true
                case _: false
                }
            }
    }
}
