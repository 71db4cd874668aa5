/// A UDP datagram, RFC 768, seen in place. `init` checks Length against both ends.
///
///     |          Source Port          |        Destination Port       |
///     |             Length            |            Checksum           |
///
/// What follows Length is cut off.
public struct UDPDatagram: ~Escapable {
    public static let headerLength = 8
    @usableFromInline let bytes: RawSpan

    @inlinable @_lifetime(copy bytes)
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= Self.headerLength else { return nil }
        let length = Int(bytes.bigEndian(at: 4, as: UInt16.self))
        guard length >= Self.headerLength, length <= bytes.byteCount else { return nil }
        self.bytes = bytes.extracting(first: length)
    }

    @inlinable public var sourcePort: UInt16 { bytes.bigEndian(at: 0) }
    @inlinable public var destinationPort: UInt16 { bytes.bigEndian(at: 2) }
    /// Zero over IPv4 says that the sender computed none.
    @inlinable public var checksum: UInt16 { bytes.bigEndian(at: 6) }

    @inlinable public var payload: RawSpan {
        @_lifetime(copy self)
        get { bytes.extracting(droppingFirst: Self.headerLength) }
    }

    /// True too if there is no checksum.
    public func hasValidChecksum(from source: IPv4Address, to destination: IPv4Address) -> Bool {
        if checksum == 0 { return true }
        var sum = InternetChecksum()
        sum.addPseudoHeader(from: source, to: destination, carrying: .udp, length: bytes.byteCount)
        sum.add(bytes)
        return sum.value == 0
    }

    /// Over IPv6, which knows no datagrams without a checksum, RFC 8200 §8.1.
    public func hasValidChecksum(from source: IPv6Address, to destination: IPv6Address) -> Bool {
        guard checksum != 0 else { return false }
        var sum = InternetChecksum()
        sum.addPseudoHeader(from: source, to: destination, carrying: .udp, length: bytes.byteCount)
        sum.add(bytes)
        return sum.value == 0
    }
}
