/// How long obtaining an address may take. A VPN client waits for it, so all is shorter than RFC 2131 §4.1
/// and RFC 5227 §1.1 have it for a host that boots.
public struct AddressTiming: Sendable {
    /// After this a session without an address is refused.
    public var giveUp: Duration = .seconds(10)
    /// Until the first retransmission; doubles up to `maxRetransmission`, each varied by an eighth.
    public var firstRetransmission: Duration = .seconds(1)
    public var maxRetransmission: Duration = .seconds(4)
    /// How long after the first offer another server may still offer the wished address.
    public var offerWindow: Duration = .milliseconds(200)
    /// Before a new DHCPDISCOVER after DHCPNAK or DHCPDECLINE.
    public var pause: Duration = .milliseconds(500)
    /// ARP probes before an address is used, and the time after each; zero probes: none.
    public var probes = 2
    public var probeInterval: Duration = .milliseconds(150)

    /// How long a session that has its IPv4 address waits for the IPv6 address that a router has promised.
    public var ipv6Patience: Duration = .milliseconds(1500)

    public init() {}
}
