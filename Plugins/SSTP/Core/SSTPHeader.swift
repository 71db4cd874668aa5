public import Wire

/// What every SSTP packet begins with, MS-SSTP §2.2.1.
///
///      version (1), 0x10 | reserved (7 bits), C | reserved (4 bits), length (12 bits) of the whole packet
public enum SSTPHeader: Equatable, Sendable {
    public static let length = 4
    /// Octets of the longest packet.
    public static let maxPacket = 0xfff
    static let version: UInt8 = 0x10

    /// More octets are needed.
    case incomplete
    /// Nobody can tell where the next packet would begin: the stream is to be cut off without a word,
    /// §3.1.5.1.
    case broken
    /// The first `length` octets are a packet.
    case packet(isControl: Bool, length: Int)

    @inlinable public init(_ octets: RawSpan) {
        guard octets.byteCount >= SSTPHeader.length else {
            self =
                octets.byteCount > 0 && octets.bigEndian(at: 0, as: UInt8.self) != 0x10
                ? .broken : .incomplete
            return
        }
        let word = octets.bigEndian(at: 0, as: UInt32.self)
        let length = Int(word & 0xfff)
        guard word >> 24 == 0x10, length > SSTPHeader.length else {
            self = .broken
            return
        }
        self =
            length <= octets.byteCount ? .packet(isControl: word >> 16 & 1 == 1, length: length) : .incomplete
    }

    /// The four octets in front of a packet of `length`, header included.
    @inlinable public static func word(isControl: Bool, length: Int) -> UInt32 {
        precondition(length <= maxPacket, "a packet has 4095 octets at most")
        return 0x1000_0000 | (isControl ? 0x0001_0000 : 0) | UInt32(length)
    }
}
