public import Wire

/// The header of every message, RFC 2408 §3.1.
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |                       Initiator Cookie (8)                    |
///     |                       Responder Cookie (8)                    |
///     |  Next Payload | MjVer | MnVer | Exchange Type |     Flags     |
///     |                          Message ID                           |
///     |                            Length                             |
public struct ISAKMPHeader: Equatable, Sendable {
    public static let length = 28
    /// Octets of the largest message: a chain of certificates fits.
    public static let maxMessage = 16_384
    /// 1.0
    static let version: UInt8 = 0x10

    public var cookies: Cookies
    public var nextPayload: PayloadType
    public var exchange: ExchangeType
    public var flags: Flags
    public var messageID: UInt32

    public struct Flags: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let encryption = Flags(rawValue: 1)
        public static let commit = Flags(rawValue: 2)
        public static let authenticationOnly = Flags(rawValue: 4)
    }

    public init(
        _ cookies: Cookies, _ exchange: ExchangeType, messageID: UInt32 = 0, flags: Flags = [],
        nextPayload: PayloadType = .none
    ) {
        self.cookies = cookies
        self.exchange = exchange
        self.messageID = messageID
        self.flags = flags
        self.nextPayload = nextPayload
    }

    /// `input` is a whole message: the length in the header must be its own.
    public init(parsing input: inout ByteReader) throws(WireError) {
        let total = input.remaining
        guard total <= Self.maxMessage else { throw .badLength }
        cookies = Cookies(initiator: try input.read(UInt64.self), responder: try input.read(UInt64.self))
        nextPayload = PayloadType(rawValue: try input.read(UInt8.self))
        guard try input.read(UInt8.self) >> 4 == Self.version >> 4 else { throw .badValue }
        exchange = ExchangeType(rawValue: try input.read(UInt8.self))
        flags = Flags(rawValue: try input.read(UInt8.self))
        messageID = try input.read(UInt32.self)
        guard try input.read(UInt32.self) == UInt32(total) else { throw .badLength }
        guard cookies.initiator != 0 else { throw .badValue }
    }

    /// `bodyLength`: octets that follow.
    public func serialize(into output: inout [UInt8], bodyLength: Int) {
        output.appendBigEndian(cookies.initiator)
        output.appendBigEndian(cookies.responder)
        output.append(nextPayload.rawValue)
        output.append(Self.version)
        output.append(exchange.rawValue)
        output.append(flags.rawValue)
        output.appendBigEndian(messageID)
        output.appendBigEndian(UInt32(Self.length + bodyLength))
    }
}

/// Both sides' cookies: the name of an ISAKMP SA. The responder's is zero in the first message.
public struct Cookies: Hashable, Sendable {
    public var initiator: UInt64
    public var responder: UInt64

    public init(initiator: UInt64, responder: UInt64) {
        self.initiator = initiator
        self.responder = responder
    }

    public var octets: [UInt8] {
        var octets: [UInt8] = []
        octets.appendBigEndian(initiator)
        octets.appendBigEndian(responder)
        return octets
    }
}

/// RFC 2408 §3.1, RFC 2409 §4.
public struct ExchangeType: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Main mode.
    public static let identityProtection = ExchangeType(rawValue: 2)
    public static let aggressive = ExchangeType(rawValue: 4)
    public static let informational = ExchangeType(rawValue: 5)
    public static let quickMode = ExchangeType(rawValue: 32)
}
