/// What an IP packet carries (IANA Assigned Internet Protocol Numbers). Unknown values are kept.
public struct IPProtocol: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
    @inlinable public static var icmp: IPProtocol { IPProtocol(rawValue: 1) }
    @inlinable public static var tcp: IPProtocol { IPProtocol(rawValue: 6) }
    @inlinable public static var udp: IPProtocol { IPProtocol(rawValue: 17) }
    @inlinable public static var icmpV6: IPProtocol { IPProtocol(rawValue: 58) }
    /// IPv6: nothing follows, RFC 8200 §4.7.
    @inlinable public static var noNextHeader: IPProtocol { IPProtocol(rawValue: 59) }
}
