public import Wire

/// An address that the DHCP server of a hub has lent.
public struct Lease: Hashable, Sendable {
    public var address: IPv4Address
    /// The client identifier (RFC 2132 §9.14), or what stands for it; at most 255 bytes.
    public var client: [UInt8]
    public var mac: MACAddress
    /// Seconds since 1970.
    public var expires: Int64
    public var hostname: String

    public init(address: IPv4Address, client: [UInt8], mac: MACAddress, expires: Int64, hostname: String) {
        self.address = address
        self.client = client
        self.mac = mac
        self.expires = expires
        self.hostname = hostname
    }
}
