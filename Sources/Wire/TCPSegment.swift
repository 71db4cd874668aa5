/// A TCP segment, RFC 9293 §3.1, seen in place. `init` checks Data Offset against both ends.
///
///     |          Source Port          |       Destination Port        |
///     |                        Sequence Number                        |
///     |                    Acknowledgment Number                      |
///     | Offset| Rsrvd |    Flags      |            Window             |
///     |           Checksum            |         Urgent Pointer        |
///     |                     Options, then data                        |
public struct TCPSegment: ~Escapable {
    public struct Flags: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let fin = Flags(rawValue: 1)
        public static let syn = Flags(rawValue: 2)
        public static let rst = Flags(rawValue: 4)
        public static let psh = Flags(rawValue: 8)
        public static let ack = Flags(rawValue: 16)
        public static let urg = Flags(rawValue: 32)
    }

    public static let minHeaderLength = 20

    private let bytes: RawSpan
    public let headerLength: Int

    @_lifetime(copy bytes)
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= Self.minHeaderLength else { return nil }
        let headerLength = Int(bytes.bigEndian(at: 12, as: UInt8.self) >> 4) * 4
        guard headerLength >= Self.minHeaderLength, headerLength <= bytes.byteCount else { return nil }
        self.bytes = bytes
        self.headerLength = headerLength
    }

    public var sourcePort: UInt16 { bytes.bigEndian(at: 0) }
    public var destinationPort: UInt16 { bytes.bigEndian(at: 2) }
    public var sequenceNumber: UInt32 { bytes.bigEndian(at: 4) }
    public var acknowledgmentNumber: UInt32 { bytes.bigEndian(at: 8) }
    public var flags: Flags { Flags(rawValue: bytes.bigEndian(at: 13)) }
    public var window: UInt16 { bytes.bigEndian(at: 14) }
    public var checksum: UInt16 { bytes.bigEndian(at: 16) }

    public var options: RawSpan {
        @_lifetime(copy self)
        get { bytes.extracting(Self.minHeaderLength..<headerLength) }
    }

    public var payload: RawSpan {
        @_lifetime(copy self)
        get { bytes.extracting(droppingFirst: headerLength) }
    }

    /// The value of the Maximum Segment Size option, RFC 9293 §3.7.1; nil if absent or malformed.
    public var maximumSegmentSize: UInt16? {
        Self.offsetOfMSS(in: options).map { options.bigEndian(at: $0) }
    }

    /// Where the value of the MSS option stands in the option bytes.
    static func offsetOfMSS(in options: RawSpan) -> Int? {
        var offset = 0
        while offset < options.byteCount {
            let kind = options.bigEndian(at: offset, as: UInt8.self)
            if kind == 0 { return nil }
            if kind == 1 {
                offset += 1
                continue
            }
            guard offset + 2 <= options.byteCount else { return nil }
            let length = Int(options.bigEndian(at: offset + 1, as: UInt8.self))
            guard length >= 2, offset + length <= options.byteCount else { return nil }
            if kind == 2 { return length == 4 ? offset + 2 : nil }
            offset += length
        }
        return nil
    }
}
