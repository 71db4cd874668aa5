/// An Ethernet II frame, seen in place. `init` checks the length once, so no accessor can fail.
public struct EthernetFrame: ~Escapable {
    public static let headerLength = 14
    let bytes: RawSpan

    @_lifetime(copy bytes)
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= Self.headerLength else { return nil }
        self.bytes = bytes
    }

    public var destination: MACAddress { MACAddress(bytes, at: 0) }
    public var source: MACAddress { MACAddress(bytes, at: 6) }
    public var etherType: EtherType { EtherType(rawValue: bytes.bigEndian(at: 12)) }

    public var payload: RawSpan {
        @_lifetime(copy self)
        get { bytes.extracting(droppingFirst: Self.headerLength) }
    }
}

/// What an Ethernet frame carries (IEEE 802 Numbers). Unknown values are kept.
public struct EtherType: RawRepresentable, Equatable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    public static let ipv4 = EtherType(rawValue: 0x0800)
    public static let arp = EtherType(rawValue: 0x0806)
    public static let vlan = EtherType(rawValue: 0x8100)
    /// The outer tag of 802.1ad.
    public static let serviceVLAN = EtherType(rawValue: 0x88a8)
    public static let ipv6 = EtherType(rawValue: 0x86dd)
}
