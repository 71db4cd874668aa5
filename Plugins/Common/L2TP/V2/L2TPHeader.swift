public import Wire

/// The header of a packet of L2TPv2, RFC 2661 §3.1. In a control message length and numbers are there, offset
/// and priority are not.
///
///     |T|L|x|x|S|x|O|P|x|x|x|x|  Ver  |          Length (opt)         |
///     |           Tunnel ID           |           Session ID          |
///     |             Ns (opt)          |             Nr (opt)          |
///     |      Offset Size (opt)        |    Offset pad... (opt)
public struct L2TPHeader: Equatable, Sendable {
    public static let controlLength = 12
    /// Of the packets with PPP frames that we send, at most: flags, both ids, and numbers.
    public static let maxDataLength = 10
    /// Where Ns stands in them, if it does.
    public static let numbersOffset = 6

    private static let isControlFlag: UInt16 = 0x8000
    private static let hasLengthFlag: UInt16 = 0x4000
    private static let hasNumbersFlag: UInt16 = 0x0800
    private static let hasOffsetFlag: UInt16 = 0x0200
    private static let hasPriorityFlag: UInt16 = 0x0100
    private static let version: UInt16 = 2

    public var isControl: Bool
    public var tunnel: UInt16
    public var session: UInt16
    /// Nil in data without sequence numbers.
    public var numbers: Numbers?
    /// Octets of the packet that was parsed, without what stands behind the length that it names.
    public private(set) var packetLength = 0

    public struct Numbers: Equatable, Sendable {
        public var ns: UInt16
        public var nr: UInt16
    }

    public init(isControl: Bool, tunnel: UInt16, session: UInt16, numbers: Numbers?) {
        self.isControl = isControl
        self.tunnel = tunnel
        self.session = session
        self.numbers = numbers
    }

    /// `input` is a whole packet; behind the header only AVPs, or a PPP frame, are left. What stands behind
    /// the length that it names is cut off.
    public init(parsing input: inout ByteReader) throws(WireError) {
        packetLength = input.remaining
        let flags = try input.read(UInt16.self)
        guard flags & 0x000f == Self.version else { throw .badValue }
        isControl = flags & Self.isControlFlag != 0
        if isControl {
            let required = Self.hasLengthFlag | Self.hasNumbersFlag
            guard flags & required == required, flags & (Self.hasOffsetFlag | Self.hasPriorityFlag) == 0
            else { throw .badValue }
        }
        if flags & Self.hasLengthFlag != 0 {
            let length = Int(try input.read(UInt16.self))
            guard length <= packetLength, length >= 4 else { throw .badLength }
            packetLength = length
            input = try input.split(length - 4)
        }
        tunnel = try input.read(UInt16.self)
        session = try input.read(UInt16.self)
        numbers = nil
        if flags & Self.hasNumbersFlag != 0 {
            numbers = Numbers(ns: try input.read(UInt16.self), nr: try input.read(UInt16.self))
        }
        if flags & Self.hasOffsetFlag != 0 {
            let offset = Int(try input.read(UInt16.self))
            _ = try input.split(offset)
        }
    }

    /// Of a control message.
    public func serialize(into output: inout [UInt8], bodyLength: Int) {
        output.appendBigEndian(
            Self.isControlFlag | Self.hasLengthFlag | Self.hasNumbersFlag | Self.version)
        output.appendBigEndian(UInt16(Self.controlLength + bodyLength))
        output.appendBigEndian(tunnel)
        output.appendBigEndian(session)
        output.appendBigEndian(numbers?.ns ?? 0)
        output.appendBigEndian(numbers?.nr ?? 0)
    }

    /// What stands in front of a PPP frame that we send; `ns` where the LAC wants numbers.
    public static func data(tunnel: UInt16, session: UInt16, ns: UInt16? = nil) -> [UInt8] {
        var octets: [UInt8] = []
        octets.appendBigEndian(ns == nil ? version : version | hasNumbersFlag)
        octets.appendBigEndian(tunnel)
        octets.appendBigEndian(session)
        guard let ns else { return octets }
        octets.appendBigEndian(ns)
        // Nr is reserved in data.
        octets.appendBigEndian(UInt16(0))
        return octets
    }

    /// Whether a packet from port 1701 is of this version; nil: it is too short to say.
    public static func isSpoken(in packet: RawSpan) -> Bool? {
        packet.byteCount < 2 ? nil : packet.bigEndian(at: 0, as: UInt16.self) & 0x000f == version
    }
}
