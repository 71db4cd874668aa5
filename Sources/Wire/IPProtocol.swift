/// What an IP packet carries (IANA Assigned Internet Protocol Numbers). Unknown values are kept.
public struct IPProtocol: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
    @inlinable public static var icmp: IPProtocol { IPProtocol(rawValue: 1) }
    @inlinable public static var tcp: IPProtocol { IPProtocol(rawValue: 6) }
    /// An IPv4 packet in a packet, RFC 2003.
    @inlinable public static var ipv4: IPProtocol { IPProtocol(rawValue: 4) }
    @inlinable public static var udp: IPProtocol { IPProtocol(rawValue: 17) }
    /// RFC 4303.
    @inlinable public static var esp: IPProtocol { IPProtocol(rawValue: 50) }
    /// Ethernet frames in IP packets, RFC 3378.
    @inlinable public static var etherIP: IPProtocol { IPProtocol(rawValue: 97) }
    /// L2TPv3, RFC 3931 §4.1.1.
    @inlinable public static var l2tp: IPProtocol { IPProtocol(rawValue: 115) }
    @inlinable public static var icmpV6: IPProtocol { IPProtocol(rawValue: 58) }
    /// IPv6: nothing follows, RFC 8200 §4.7.
    @inlinable public static var noNextHeader: IPProtocol { IPProtocol(rawValue: 59) }
}
