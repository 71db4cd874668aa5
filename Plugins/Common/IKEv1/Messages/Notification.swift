public import Wire

/// Something the other side should know, RFC 2408 §3.14.
public struct Notification: Equatable, Sendable {
    public var protocolID: ProtocolID
    public var type: NotifyType
    public var spi: [UInt8]
    public var data: [UInt8]

    public init(_ type: NotifyType, _ protocolID: ProtocolID, spi: [UInt8] = [], data: [UInt8] = []) {
        self.type = type
        self.protocolID = protocolID
        self.spi = spi
        self.data = data
    }

    public init(parsing body: [UInt8]) throws(WireError) {
        var input = ByteReader(body.rawSpan)
        // Zero is ISAKMP's own; some send it with DPD.
        guard try input.read(UInt32.self) <= DOI.ipsec else { throw .badValue }
        protocolID = ProtocolID(rawValue: try input.read(UInt8.self))
        let spiLength = Int(try input.read(UInt8.self))
        type = NotifyType(rawValue: try input.read(UInt16.self))
        spi = try input.take(spiLength)
        data = input.rest()
    }

    public var body: [UInt8] {
        var octets: [UInt8] = []
        octets.appendBigEndian(DOI.ipsec)
        octets.append(protocolID.rawValue)
        octets.append(UInt8(spi.count))
        octets.appendBigEndian(type.rawValue)
        return octets + spi + data
    }
}

/// RFC 2408 §3.14.1, RFC 2407 §4.6.3, RFC 3706 §5. Errors go on the wire and into the log.
public struct NotifyType: RawRepresentable, Hashable, Sendable, Error {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let invalidPayloadType = NotifyType(rawValue: 1)
    public static let invalidExchangeType = NotifyType(rawValue: 7)
    public static let invalidSPI = NotifyType(rawValue: 11)
    public static let noProposalChosen = NotifyType(rawValue: 14)
    public static let payloadMalformed = NotifyType(rawValue: 16)
    public static let invalidKeyInformation = NotifyType(rawValue: 17)
    public static let invalidIDInformation = NotifyType(rawValue: 18)
    public static let invalidHashInformation = NotifyType(rawValue: 23)
    public static let authenticationFailed = NotifyType(rawValue: 24)
    public static let invalidSignature = NotifyType(rawValue: 25)
    public static let responderLifetime = NotifyType(rawValue: 24576)
    public static let replayStatus = NotifyType(rawValue: 24577)
    public static let initialContact = NotifyType(rawValue: 24578)
    public static let areYouThere = NotifyType(rawValue: 36136)
    public static let areYouThereAcknowledged = NotifyType(rawValue: 36137)
}

/// SAs that are gone on the other side, RFC 2408 §3.15.
public struct Deletion: Equatable, Sendable {
    static let maxCount = 256

    public var protocolID: ProtocolID
    /// Of equal length: both cookies (16 octets), or SPIs of 4.
    public var spis: [[UInt8]]

    public init(_ protocolID: ProtocolID, _ spis: [[UInt8]]) {
        self.protocolID = protocolID
        self.spis = spis
    }

    public init(parsing body: [UInt8]) throws(WireError) {
        var input = ByteReader(body.rawSpan)
        guard try input.read(UInt32.self) == DOI.ipsec else { throw .badValue }
        protocolID = ProtocolID(rawValue: try input.read(UInt8.self))
        let length = Int(try input.read(UInt8.self))
        let count = Int(try input.read(UInt16.self))
        guard length > 0, count <= Self.maxCount, input.remaining == length * count else { throw .badLength }
        spis = []
        for _ in 0..<count { spis.append(try input.take(length)) }
    }

    public var body: [UInt8] {
        var octets: [UInt8] = []
        octets.appendBigEndian(DOI.ipsec)
        octets.append(protocolID.rawValue)
        octets.append(UInt8(spis.first?.count ?? 0))
        octets.appendBigEndian(UInt16(spis.count))
        return octets + spis.joined()
    }
}
