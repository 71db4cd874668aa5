/// An ICMP or ICMPv6 message, RFC 792 and RFC 4443 §2.1, seen in place.
///
///     |     Type      |     Code      |          Checksum             |
///     |                    Rest of Header (4)                         |
///     |                       Payload                                 |
public struct ICMPMessage: ~Escapable {
    /// Types of ICMP for IPv4; ICMPv6 numbers them otherwise. Unknown values are kept.
    public struct MessageType: RawRepresentable, Equatable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let echoReply = MessageType(rawValue: 0)
        public static let destinationUnreachable = MessageType(rawValue: 3)
        public static let echo = MessageType(rawValue: 8)
        public static let timeExceeded = MessageType(rawValue: 11)
    }

    public static let headerLength = 8

    /// The whole message.
    public let bytes: RawSpan

    @_lifetime(copy bytes)
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= Self.headerLength else { return nil }
        self.bytes = bytes
    }

    public var type: MessageType { MessageType(rawValue: bytes.bigEndian(at: 0)) }
    public var code: UInt8 { bytes.bigEndian(at: 1) }
    public var checksum: UInt16 { bytes.bigEndian(at: 2) }
    /// Of an echo or its reply.
    public var identifier: UInt16 { bytes.bigEndian(at: 4) }
    /// Of an echo or its reply.
    public var sequenceNumber: UInt16 { bytes.bigEndian(at: 6) }

    /// For IPv4 alone: the checksum of ICMPv6 covers a pseudo-header.
    public var hasValidChecksum: Bool { InternetChecksum.of(bytes) == 0 }

    public var payload: RawSpan {
        @_lifetime(copy self)
        get { bytes.extracting(droppingFirst: Self.headerLength) }
    }
}
