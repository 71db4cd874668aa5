/// A DHCPv4 message on Ethernet, RFC 2131 §2. Plain BOOTP (no message type) is refused.
///
///     |     op (1)    |   htype (1)   |   hlen (1)    |   hops (1)    |
///     |                            xid (4)                            |
///     |           secs (2)            |           flags (2)           |
///     |  ciaddr (4)  |  yiaddr (4)  |  siaddr (4)  |  giaddr (4)      |
///     |  chaddr (16)  |  sname (64)  |  file (128)  |  options         |
///
/// An overloaded sname or file is read as options once and is not given as text then; an overload that stands
/// inside one is not followed. Options are split and joined as RFC 3396 says. Nothing is overloaded on
/// sending.
public struct DHCPMessage: Equatable, Sendable {
    public enum Operation: UInt8, Sendable {
        case bootRequest = 1
        case bootReply = 2
    }

    /// Option 53, RFC 2132 §9.6. Unknown values are kept.
    public struct MessageType: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let discover = MessageType(rawValue: 1)
        public static let offer = MessageType(rawValue: 2)
        public static let request = MessageType(rawValue: 3)
        public static let decline = MessageType(rawValue: 4)
        public static let ack = MessageType(rawValue: 5)
        public static let nak = MessageType(rawValue: 6)
        public static let release = MessageType(rawValue: 7)
        public static let inform = MessageType(rawValue: 8)
    }

    public static let clientPort: UInt16 = 68
    public static let serverPort: UInt16 = 67
    /// BOOTP relays and some servers drop shorter ones, RFC 1542 §2.1.
    public static let minLength = 300
    static let magicCookie: UInt32 = 0x6382_5363

    public var op: Operation
    public var type: MessageType
    public var xid: UInt32
    public var chaddr: MACAddress
    public var hops: UInt8 = 0
    public var secs: UInt16 = 0
    /// The B flag: the client cannot take unicast before it has an address.
    public var isBroadcast = false
    public var ciaddr = IPv4Address.any
    public var yiaddr = IPv4Address.any
    public var siaddr = IPv4Address.any
    public var giaddr = IPv4Address.any
    /// At most 64 octets, without the padding NULs; empty where overloaded.
    public var sname: [UInt8] = []
    /// At most 128 octets, without the padding NULs; empty where overloaded.
    public var file: [UInt8] = []
    public var options = DHCPOptions()

    public init(_ op: Operation, _ type: MessageType, xid: UInt32, chaddr: MACAddress) {
        self.op = op
        self.type = type
        self.xid = xid
        self.chaddr = chaddr
    }
}

extension DHCPMessage {
    public init(parsing input: inout ByteReader) throws(WireError) {
        let op = Operation(rawValue: try input.read(UInt8.self))
        let hardware = try input.read(UInt16.self)
        let hops = try input.read(UInt8.self)
        let xid = try input.read(UInt32.self)
        let secs = try input.read(UInt16.self)
        let flags = try input.read(UInt16.self)
        let ciaddr = try input.readIPv4Address()
        let yiaddr = try input.readIPv4Address()
        let siaddr = try input.readIPv4Address()
        let giaddr = try input.readIPv4Address()
        let chaddr = try input.readMACAddress()
        _ = try input.split(10)
        var sname = try input.split(64)
        var file = try input.split(128)
        guard try input.read(UInt32.self) == Self.magicCookie, let op else { throw .badValue }
        guard hardware == 0x0106 else { throw .badLength }  // htype Ethernet, hlen 6

        var options = DHCPOptions()
        try options.parse(&input)
        let overloaded = try Self.overload(of: options)
        // RFC 3396 §5: the parts of an option are joined in the order options, file, sname.
        if overloaded & 1 != 0 { try options.parse(&file) }
        if overloaded & 2 != 0 { try options.parse(&sname) }
        options[.overload] = nil
        guard let type = options.integer(.messageType, as: UInt8.self) else { throw .badValue }
        options[.messageType] = nil

        self.init(op, MessageType(rawValue: type), xid: xid, chaddr: chaddr)
        self.hops = hops
        self.secs = secs
        self.isBroadcast = flags & 0x8000 != 0
        self.ciaddr = ciaddr
        self.yiaddr = yiaddr
        self.siaddr = siaddr
        self.giaddr = giaddr
        if overloaded & 1 == 0 { self.file = Self.untilNUL(&file) }
        if overloaded & 2 == 0 { self.sname = Self.untilNUL(&sname) }
        self.options = options
    }

    /// Zero, or the value of option 52: 1 file, 2 sname, 3 both.
    private static func overload(of options: DHCPOptions) throws(WireError) -> UInt8 {
        guard options[.overload] != nil else { return 0 }
        guard let value = options.integer(.overload, as: UInt8.self) else { throw .badLength }
        guard (1...3).contains(value) else { throw .badValue }
        return value
    }

    private static func untilNUL(_ field: inout ByteReader) -> [UInt8] {
        Array(field.rest().prefix { $0 != 0 })
    }

    public func serialize(into output: inout [UInt8]) {
        precondition(sname.count <= 64 && file.count <= 128, "sname and file have fixed sizes")
        let start = output.count
        output.reserveCapacity(start + Self.minLength)
        output += [op.rawValue, 1, 6, hops]
        output.appendBigEndian(xid)
        output.appendBigEndian(secs)
        output.appendBigEndian((isBroadcast ? 0x8000 : 0) as UInt16)
        for address in [ciaddr, yiaddr, siaddr, giaddr] { output.appendBigEndian(address.bits) }
        output.append(chaddr)
        output.appendZeros(10)
        output += sname
        output.appendZeros(64 - sname.count)
        output += file
        output.appendZeros(128 - file.count)
        output.appendBigEndian(Self.magicCookie)
        output += [DHCPOptionCode.messageType.rawValue, 1, type.rawValue]
        options.serialize(into: &output)
        output.append(DHCPOptionCode.end.rawValue)
        output.appendZeros(max(0, start + Self.minLength - output.count))
    }

    public var bytes: [UInt8] {
        var output: [UInt8] = []
        serialize(into: &output)
        return output
    }
}
