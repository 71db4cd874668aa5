import OpenSSL
import Wire

/// A datagram of UDP acceleration, version 2: one Ethernet frame, or none, sealed by ChaCha20-Poly1305.
///
///     | nonce (12) | sealed: cookie (4) | tick (8) | peer's tick (8) | size (2) | flag (1) | frame | tag
/// (16) |
///
/// The cookie is the receiver's. Ticks are milliseconds since whatever the sender likes. Behind the frame
/// there may be padding.
public enum AccelerationPacket {
    public static let nonceLength = AEADAlgorithm.nonceLength
    public static let headerLength = 23
    public static let tagLength = AEADAlgorithm.tagLength
    /// What stands in front of the frame, and behind it.
    public static let headroom = nonceLength + headerLength
    public static let overhead = headroom + tagLength
    /// The largest IP packet that goes whole through a path of 1,454 octets, as PPPoE often leaves: without
    /// the outer IPv4 and UDP headers, ours, and the frame's Ethernet header.
    public static let mtu = 1454 - 28 - overhead - 14
    static let maxFrame = Block.frameLengths.upperBound
    static let maxPadding = 31

    struct Header: Equatable {
        var cookie: UInt32
        var tick: UInt64
        var peerTick: UInt64
        var size: UInt16
        var isCompressed: Bool

        /// `bytes` are `headerLength` at least.
        init(_ bytes: RawSpan) {
            cookie = bytes.bigEndian(at: 0)
            tick = bytes.bigEndian(at: 4)
            peerTick = bytes.bigEndian(at: 12)
            size = bytes.bigEndian(at: 20)
            isCompressed = bytes.bigEndian(at: 22, as: UInt8.self) != 0
        }

        init(cookie: UInt32, tick: UInt64, peerTick: UInt64, size: Int) {
            self.cookie = cookie
            self.tick = tick
            self.peerTick = peerTick
            self.size = UInt16(size)
            isCompressed = false
        }

        /// From `offset` on there are `headerLength` octets at least.
        func write(to bytes: inout MutableRawSpan, at offset: Int) {
            bytes.storeBytes(of: cookie.bigEndian, toByteOffset: offset, as: UInt32.self)
            bytes.storeBytes(of: tick.bigEndian, toByteOffset: offset + 4, as: UInt64.self)
            bytes.storeBytes(of: peerTick.bigEndian, toByteOffset: offset + 12, as: UInt64.self)
            bytes.storeBytes(of: size.bigEndian, toByteOffset: offset + 20, as: UInt16.self)
            bytes.storeBytes(of: isCompressed ? 1 : 0, toByteOffset: offset + 22, as: UInt8.self)
        }
    }
}
