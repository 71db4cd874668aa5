public import PPP
public import PluginKit
import Wire

extension PeerNetwork {
    /// What we call ourselves towards clients of a network without a router: the dummy address of RFC 7600
    /// §4.8.
    private static let dummyAddress = IPv4Address(0xc000_0008)

    /// What a session's client gets of its network. `ipv6`: what was told of IPv6 before the session opened.
    /// Nil: no IPv4 address.
    public init?(_ parameters: SessionParameters?, ipv6: IPv6Parameters?) {
        guard let parameters, let address = parameters.address.ipv4 else { return nil }
        self.init(
            address: address, own: parameters.gateway?.ipv4 ?? Self.dummyAddress,
            dns: parameters.dns.compactMap(\.ipv4), wins: parameters.wins.compactMap(\.ipv4))
        let identifier = ipv6?.address?.ipv6?.lower
        interfaceIdentifier = identifier == 0 ? nil : identifier
    }
}
