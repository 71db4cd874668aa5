/// An Ethernet II frame, seen in place. `init` checks the length once, so no accessor can fail.
public struct EthernetFrame: ~Escapable {
    public static let headerLength = 14
    @usableFromInline let bytes: RawSpan

    @inlinable @inline(__always) @_lifetime(copy bytes)
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= Self.headerLength else { return nil }
        self.bytes = bytes
    }

    @inlinable public var destination: MACAddress { MACAddress(bytes, at: 0) }
    @inlinable public var source: MACAddress { MACAddress(bytes, at: 6) }
    @inlinable public var etherType: EtherType { EtherType(rawValue: bytes.bigEndian(at: 12)) }

    @inlinable public var payload: RawSpan {
        @_lifetime(copy self)
        get { bytes.extracting(droppingFirst: Self.headerLength) }
    }
}

/// What an Ethernet frame carries (IEEE 802 Numbers). Unknown values are kept.
public struct EtherType: RawRepresentable, Equatable, Sendable {
    public let rawValue: UInt16
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
    @inlinable public static var ipv4: EtherType { EtherType(rawValue: 0x0800) }
    @inlinable public static var arp: EtherType { EtherType(rawValue: 0x0806) }
    @inlinable public static var vlan: EtherType { EtherType(rawValue: 0x8100) }
    /// The outer tag of 802.1ad.
    @inlinable public static var serviceVLAN: EtherType { EtherType(rawValue: 0x88a8) }
    @inlinable public static var ipv6: EtherType { EtherType(rawValue: 0x86dd) }
}
