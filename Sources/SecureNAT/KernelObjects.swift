import Wire

/// What a hub's kernel NAT is called in the kernel, and its rules. Any text may name a hub, so its hash does.
struct KernelObjects: Equatable, Sendable {
    /// No other interface of the host begins with it.
    static let interfacePrefix = "phn"

    let interface: String
    let table: String

    init(hub: String) {
        let hash = String(Self.hash(hub) >> 32, radix: 16)
        let padded = String(repeating: "0", count: 8 - hash.count) + hash
        interface = Self.interfacePrefix + padded
        table = "polyhub_" + padded
    }

    /// FNV-1a.
    static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }

    /// One transaction: what a crash left is replaced. Clients reach neither other hubs nor the host by the
    /// router's address, nobody reaches the clients unasked, and a source outside of the network goes
    /// nowhere.
    func install(_ network: IPv4Subnet) -> String {
        let subnet = "\(network.network)/\(network.prefixLength)"
        return remove + """
            table ip \(table) {
                chain forward {
                    type filter hook forward priority filter; policy accept;
                    iifname "\(interface)" ip saddr != \(subnet) counter drop
                    iifname "\(interface)" ip daddr { 127.0.0.0/8, 169.254.0.0/16 } counter drop
                    iifname "\(interface)" oifname "\(Self.interfacePrefix)*" counter drop
                    oifname "\(interface)" ct state != { established, related } counter drop
                }
                chain input {
                    type filter hook input priority filter; policy accept;
                    iifname "\(interface)" udp dport 67 accept
                    iifname "\(interface)" ip daddr \(network.address) ip protocol != icmp counter reject
                }
                chain postrouting {
                    type nat hook postrouting priority srcnat; policy accept;
                    ip saddr \(subnet) oifname != "\(interface)" masquerade
                }
            }

            """
    }

    /// Works whether or not the table is there.
    var remove: String { "table ip \(table)\ndelete table ip \(table)\n" }
}
