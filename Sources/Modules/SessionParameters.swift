import LayerConverter
import PluginABI
import Wire

/// A lease in the form that crosses the ABI.
struct SessionParameters {
    private let lease: AddressLease

    init(_ lease: AddressLease) { self.lease = lease }

    /// Lends the struct for the length of the call.
    func withABI(_ body: (UnsafePointer<pa_session_parameters_v1>) -> Void) {
        let dns = lease.dns.map(pa_address_v1.init)
        let wins = lease.wins.map(pa_address_v1.init)
        let routes = lease.routes.map(pa_route_v1.init)
        let domain = lease.domain.map(CText.init)
        unsafe dns.withUnsafeBufferPointer { dns in
            unsafe wins.withUnsafeBufferPointer { wins in
                unsafe routes.withUnsafeBufferPointer { routes in
                    var raw = unsafe pa_session_parameters_v1()
                    unsafe raw.size = UInt32(MemoryLayout<pa_session_parameters_v1>.size)
                    unsafe raw.prefix = UInt32(lease.subnet.prefixLength)
                    unsafe raw.address = pa_address_v1(lease.address)
                    unsafe raw.gateway = lease.gateway.map(pa_address_v1.init) ?? pa_address_v1()
                    unsafe (raw.dns, raw.dns_count) = (dns.baseAddress, UInt32(dns.count))
                    unsafe (raw.wins, raw.wins_count) = (wins.baseAddress, UInt32(wins.count))
                    unsafe (raw.routes, raw.route_count) = (routes.baseAddress, UInt32(routes.count))
                    unsafe raw.lease_seconds =
                        lease.duration.map { UInt32(clamping: $0.components.seconds) } ?? 0
                    unsafe raw.mtu = UInt32(clamping: lease.mtu ?? 0)
                    unsafe raw.domain = domain.map { unsafe UnsafePointer($0.start) }
                    unsafe body(&raw)
                }
            }
        }
        withExtendedLifetime(domain) {}
    }
}

/// A session's IPv6 in the form that crosses the ABI.
struct IPv6Parameters {
    private let network: IPv6Network

    init(_ network: IPv6Network) { self.network = network }

    /// Lends the struct for the length of the call.
    func withABI(_ body: (UnsafePointer<pa_ipv6_parameters_v1>) -> Void) {
        let dns = network.dns.map(pa_address_v1.init)
        let routes = network.prefixes.map(pa_route_v1.init)
        let domain = network.domains.first.map(CText.init)
        unsafe dns.withUnsafeBufferPointer { dns in
            unsafe routes.withUnsafeBufferPointer { routes in
                var raw = unsafe pa_ipv6_parameters_v1()
                unsafe raw.size = UInt32(MemoryLayout<pa_ipv6_parameters_v1>.size)
                unsafe raw.prefix = UInt32(network.addresses.first?.prefixLength ?? 0)
                unsafe raw.address =
                    network.addresses.first.map { pa_address_v1($0.address) } ?? pa_address_v1()
                unsafe raw.gateway = network.router.map(pa_address_v1.init) ?? pa_address_v1()
                unsafe (raw.dns, raw.dns_count) = (dns.baseAddress, UInt32(dns.count))
                unsafe (raw.routes, raw.route_count) = (routes.baseAddress, UInt32(routes.count))
                unsafe raw.mtu = UInt32(clamping: network.mtu ?? 0)
                unsafe raw.domain = domain.map { unsafe UnsafePointer($0.start) }
                unsafe body(&raw)
            }
        }
        withExtendedLifetime(domain) {}
    }
}

extension pa_address_v1 {
    fileprivate init(_ address: IPv6Address) {
        self.init()
        family = UInt8(PA_FAMILY_IPV6)
        unsafe withUnsafeMutableBytes(of: &octets) { octets in
            unsafe octets.storeBytes(of: address.upper.bigEndian, as: UInt64.self)
            unsafe octets.storeBytes(of: address.lower.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
    }

    fileprivate init(_ address: IPv4Address) {
        self.init()
        family = UInt8(PA_FAMILY_IPV4)
        (octets.0, octets.1, octets.2, octets.3) = address.octetTuple
    }
}

extension pa_route_v1 {
    fileprivate init(_ route: IPv4Route) {
        self.init()
        family = UInt8(PA_FAMILY_IPV4)
        prefix = UInt8(route.destination.prefixLength)
        (network.0, network.1, network.2, network.3) = route.destination.network.octetTuple
        (gateway.0, gateway.1, gateway.2, gateway.3) = route.gateway.octetTuple
    }

    fileprivate init(_ prefix: IPv6Prefix) {
        self.init()
        family = UInt8(PA_FAMILY_IPV6)
        self.prefix = UInt8(prefix.length)
        network = pa_address_v1(prefix.network).octets
    }
}

extension IPv4Address {
    /// In the order of transmission.
    fileprivate var octetTuple: (UInt8, UInt8, UInt8, UInt8) {
        (
            UInt8(truncatingIfNeeded: bits >> 24), UInt8(truncatingIfNeeded: bits >> 16),
            UInt8(truncatingIfNeeded: bits >> 8), UInt8(truncatingIfNeeded: bits)
        )
    }
}
