public import Wire

/// What a layer-3 client has of IPv6 on its hub, at one moment.
public struct IPv6Network: Equatable, Sendable {
    public struct Address: Equatable, Sendable {
        public var address: IPv6Address
        /// Of the prefix around it that is on the hub: 64 as a rule, 128 where none is known.
        public var prefixLength: Int

        public init(_ address: IPv6Address, prefixLength: Int) {
            self.address = address
            self.prefixLength = prefixLength
        }
    }

    /// The client's, the one to be used for something new first. On a link of its own: those that it has
    /// shown.
    public var addresses: [Address] = []
    /// The best default router's link-local address on the hub; nil: only the hub's own prefixes can be
    /// reached.
    public var router: IPv6Address?
    /// Prefixes whose hosts are on the hub itself.
    public var prefixes: [IPv6Prefix] = []
    public var dns: [IPv6Address] = []
    /// Search list; letters, digits, dots, hyphens and underscores alone.
    public var domains: [String] = []
    /// Of the hub's segment, if a router told it.
    public var mtu: Int?

    public init() {}
}

/// A point-to-point link behind the converter, on which the client forms its IPv6 addresses itself: PPP with
/// IPV6CP, RFC 5072.
public struct IPv6Link: Equatable, Sendable {
    /// The interface identifiers of this end and of the client's.
    public var own: UInt64
    public var peer: UInt64
    /// The largest packet that the link carries.
    public var mtu: Int
    /// Whether the client may use other interface identifiers than `peer` within the hub's prefixes, as
    /// privacy addresses are (RFC 8981).
    public var mayChoose: Bool
    /// Addresses at once.
    public var maxAddresses: Int

    public init(own: UInt64, peer: UInt64, mtu: Int, mayChoose: Bool = true, maxAddresses: Int = 16) {
        self.own = own
        self.peer = peer
        self.mtu = mtu
        self.mayChoose = mayChoose
        self.maxAddresses = maxAddresses
    }
}
