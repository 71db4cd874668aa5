public import Wire

/// What the owner of a DHCP server keeps of one address, so that clients find theirs again after a restart.
/// A record replaces the one of the same address; there are never more than the pool has addresses.
public struct LeaseRecord: Equatable, Sendable {
    /// The raw values are kept on disk.
    public enum State: UInt8, Sendable, CaseIterable {
        case bound = 1
        /// Given back, but remembered for the same client.
        case released = 2
        /// A client found it in use by somebody else; lent to nobody until it expires.
        case declined = 3
    }

    public var address: IPv4Address
    public var state: State
    /// Seconds since 1970-01-01 UTC.
    public var expiresAt: Int64
    public var client: DHCPClient

    public init(address: IPv4Address, state: State, expiresAt: Int64, client: DHCPClient) {
        self.address = address
        self.state = state
        self.expiresAt = expiresAt
        self.client = client
    }
}
