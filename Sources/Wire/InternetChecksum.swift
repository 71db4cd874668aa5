/// The Internet checksum, RFC 1071: the one's complement of the one's complement sum of 16-bit words.
///
/// Pieces are added in order; only the last may have an odd length, as it is padded with a zero octet.
public struct InternetChecksum: Sendable {
    // 32-bit words in a 64-bit sum: no carry is lost below 16 GiB.
    private var sum: UInt64 = 0

    public init() {}

    public mutating func add(_ bytes: RawSpan) {
        let count = bytes.byteCount
        var offset = 0
        while offset &+ 4 <= count {
            sum &+= UInt64(bytes.bigEndian(at: offset, as: UInt32.self))
            offset &+= 4
        }
        if offset &+ 2 <= count {
            sum &+= UInt64(bytes.bigEndian(at: offset, as: UInt16.self))
            offset &+= 2
        }
        if offset < count { sum &+= UInt64(bytes.bigEndian(at: offset, as: UInt8.self)) << 8 }
    }

    public mutating func add(_ word: UInt16) { sum &+= UInt64(word) }

    public mutating func add(_ address: IPv4Address) { sum &+= UInt64(address.bits) }

    /// The pseudo-header of UDP and TCP over IPv4, RFC 768 and RFC 9293 §3.1.
    public mutating func addPseudoHeader(
        from source: IPv4Address, to destination: IPv4Address, carrying: IPProtocol, length: Int
    ) {
        add(source)
        add(destination)
        add(UInt16(carrying.rawValue))
        add(UInt16(truncatingIfNeeded: length))
    }

    /// The pseudo-header over IPv6, RFC 8200 §8.1.
    public mutating func addPseudoHeader(
        from source: IPv6Address, to destination: IPv6Address, carrying: IPProtocol, length: Int
    ) {
        for half in [source.upper, source.lower, destination.upper, destination.lower] {
            sum &+= (half >> 32) &+ (half & 0xffff_ffff)
        }
        sum &+= UInt64(length)
        add(UInt16(carrying.rawValue))
    }

    /// What goes into the checksum field. Over bytes that hold a correct checksum it is zero.
    public var value: UInt16 {
        var folded = sum
        while folded > 0xffff { folded = (folded & 0xffff) &+ (folded >> 16) }
        return ~UInt16(folded)
    }

    public static func of(_ bytes: RawSpan) -> UInt16 {
        var checksum = InternetChecksum()
        checksum.add(bytes)
        return checksum.value
    }

    /// The checksum after one 16-bit word under it changed, RFC 1624 §3, equation 3.
    public static func updated(_ checksum: UInt16, replacing old: UInt16, with new: UInt16) -> UInt16 {
        var sum = UInt32(~checksum) &+ UInt32(~old) &+ UInt32(new)
        sum = (sum & 0xffff) &+ (sum >> 16)
        sum = (sum & 0xffff) &+ (sum >> 16)
        return ~UInt16(sum)
    }

    /// The same for an aligned 32-bit field, such as an address.
    public static func updated(_ checksum: UInt16, replacing old: UInt32, with new: UInt32) -> UInt16 {
        let upper = updated(
            checksum, replacing: UInt16(old >> 16), with: UInt16(new >> 16))
        return updated(
            upper, replacing: UInt16(truncatingIfNeeded: old), with: UInt16(truncatingIfNeeded: new))
    }
}
