public import Wire

/// What stands in front of the payload of a PPP frame, RFC 1661 §2 and RFC 1662 §3.1, without HDLC's flags,
/// escapes and checksum: SSTP and L2TP have no use for them.
///
///      0xff 0x03 | protocol, one or two octets | payload
///
/// Address and control may be missing (RFC 1661 §6.6), and a protocol below 256 may have one octet (§6.5).
/// Both are read from whomever, as they can be told from each other.
public struct PPPHeader: Equatable, Sendable {
    /// Octets of the longest header.
    public static let maxLength = 4

    public let `protocol`: PPPProtocol
    /// Octets, that is where the payload begins.
    public let length: Int

    /// Nil where the frame is too short for it or has a number that cannot be a protocol's: its first octet
    /// is even and its last odd.
    @inlinable public init?(_ frame: RawSpan) {
        var length = 0
        if frame.byteCount >= 2, frame.bigEndian(at: 0, as: UInt16.self) == 0xff03 { length = 2 }
        guard frame.byteCount > length else { return nil }
        let first = frame.bigEndian(at: length, as: UInt8.self)
        if first & 1 == 1 {
            self.protocol = PPPProtocol(rawValue: UInt16(first))
            self.length = length + 1
            return
        }
        guard frame.byteCount >= length + 2 else { return nil }
        let number = frame.bigEndian(at: length, as: UInt16.self)
        guard number & 1 == 1 else { return nil }
        self.protocol = PPPProtocol(rawValue: number)
        self.length = length + 2
    }

    /// The last octet of the header in front of an IP packet that begins with `first`: the numbers of both
    /// protocols are below 256.
    @inlinable public static func lastOctet(before first: UInt8) -> UInt8 { isIPv6(first) ? 0x57 : 0x21 }

    @inlinable public static func isIPv6(_ first: UInt8) -> Bool { first >> 4 == 6 }

    /// A frame that nothing in it is left out of, as LCP's always are.
    public static func frame(_ protocol: PPPProtocol, _ payload: [UInt8]) -> [UInt8] {
        var frame: [UInt8] = [0xff, 0x03]
        frame.reserveCapacity(maxLength + payload.count)
        frame.appendBigEndian(`protocol`.rawValue)
        return frame + payload
    }
}
