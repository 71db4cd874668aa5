/// What an IP packet carries (IANA Assigned Internet Protocol Numbers). Unknown values are kept.
public struct IPProtocol: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let icmp = IPProtocol(rawValue: 1)
    public static let tcp = IPProtocol(rawValue: 6)
    public static let udp = IPProtocol(rawValue: 17)
    public static let icmpV6 = IPProtocol(rawValue: 58)
    /// IPv6: nothing follows, RFC 8200 §4.7.
    public static let noNextHeader = IPProtocol(rawValue: 59)
}
