/// An IPv4 packet, RFC 791 §3.1, seen in place. `init` checks version and both lengths once.
///
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |Version|  IHL  |Type of Service|          Total Length         |
///     |         Identification        |Flags|      Fragment Offset    |
///     |  Time to Live |    Protocol   |         Header Checksum       |
///     |                         Source Address                        |
///     |                      Destination Address                      |
///
/// What follows Total Length (the padding of a short Ethernet frame) is cut off. The header checksum is not
/// judged here, because a switch does not; a router asks `hasValidChecksum`. Fragments are not reassembled.
public struct IPv4Packet: ~Escapable {
    public static let minHeaderLength = 20
    public static let maxLength = 65_535

    /// The whole packet, Total Length octets.
    public let bytes: RawSpan
    public let headerLength: Int

    @inlinable @inline(__always) @_lifetime(copy bytes)
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= Self.minHeaderLength else { return nil }
        let versionAndIHL = bytes.bigEndian(at: 0, as: UInt8.self)
        let headerLength = Int(versionAndIHL & 0x0f) * 4
        let totalLength = Int(bytes.bigEndian(at: 2, as: UInt16.self))
        guard versionAndIHL >> 4 == 4, headerLength >= Self.minHeaderLength, totalLength >= headerLength,
            totalLength <= bytes.byteCount
        else { return nil }
        self.bytes = bytes.extracting(first: totalLength)
        self.headerLength = headerLength
    }

    @inlinable public var totalLength: Int { bytes.byteCount }
    @inlinable public var identification: UInt16 { bytes.bigEndian(at: 4) }
    @inlinable public var dontFragment: Bool { flagsAndOffset & 0x4000 != 0 }
    @inlinable public var moreFragments: Bool { flagsAndOffset & 0x2000 != 0 }
    /// Where this fragment's payload belongs, in octets.
    @inlinable public var fragmentOffset: Int { Int(flagsAndOffset & 0x1fff) * 8 }
    @inlinable public var isFragment: Bool { flagsAndOffset & 0x3fff != 0 }
    @inlinable public var timeToLive: UInt8 { bytes.bigEndian(at: 8) }
    @inlinable public var `protocol`: IPProtocol { IPProtocol(rawValue: bytes.bigEndian(at: 9)) }
    @inlinable public var source: IPv4Address { IPv4Address(bytes.bigEndian(at: 12)) }
    @inlinable public var destination: IPv4Address { IPv4Address(bytes.bigEndian(at: 16)) }

    public var hasValidChecksum: Bool { InternetChecksum.of(bytes.extracting(first: headerLength)) == 0 }

    @inlinable public var payload: RawSpan {
        @_lifetime(copy self)
        get { bytes.extracting(droppingFirst: headerLength) }
    }

    @inlinable var flagsAndOffset: UInt16 { bytes.bigEndian(at: 6) }
}
