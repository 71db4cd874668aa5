public import Wire

/// An Attribute Value Pair, RFC 2661 §4.1, RFC 3931 §5.1.
///
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |M|H| rsvd  |      Length       |           Vendor ID           |
///     |        Attribute Type         |        Attribute Value...     |
public struct AVP: Equatable, Sendable {
    static let headerLength = 6
    /// Length has ten bits.
    static let maxValue = 1023 - headerLength

    /// Who does not know it must end what the message is about.
    public var isMandatory: Bool
    public var isHidden: Bool
    public var vendor: Vendor
    public var type: AVPType
    public var value: [UInt8]

    public init(_ type: AVPType, _ value: [UInt8], vendor: Vendor = .ietf, isMandatory: Bool = true) {
        self.type = type
        self.value = value
        self.vendor = vendor
        self.isMandatory = isMandatory
        isHidden = false
    }

    public init<T: FixedWidthInteger>(
        _ type: AVPType, number: T, vendor: Vendor = .ietf, isMandatory: Bool = true
    ) {
        var value: [UInt8] = []
        value.appendBigEndian(number)
        self.init(type, value, vendor: vendor, isMandatory: isMandatory)
    }

    public init(parsing input: inout ByteReader) throws(WireError) {
        let flagsAndLength = try input.read(UInt16.self)
        let length = Int(flagsAndLength & 0x03ff)
        guard length >= Self.headerLength else { throw .badLength }
        // Bits that we do not know mean that we do not know the AVP, RFC 2661 §4.1.
        guard flagsAndLength & 0x3c00 == 0 else { throw .badValue }
        var body = try input.split(length - 2)
        isMandatory = flagsAndLength & 0x8000 != 0
        isHidden = flagsAndLength & 0x4000 != 0
        vendor = Vendor(rawValue: try body.read(UInt16.self))
        type = AVPType(rawValue: try body.read(UInt16.self))
        value = body.rest()
    }

    public func serialize(into output: inout [UInt8]) {
        precondition(value.count <= Self.maxValue, "AVP Length is a 10-bit field")
        let flags: UInt16 = (isMandatory ? 0x8000 : 0) | (isHidden ? 0x4000 : 0)
        output.appendBigEndian(flags | UInt16(Self.headerLength + value.count))
        output.appendBigEndian(vendor.rawValue)
        output.appendBigEndian(type.rawValue)
        output += value
    }

    /// A number that fills the value.
    public func number<T: FixedWidthInteger & UnsignedInteger>(_: T.Type = T.self) throws(WireError) -> T {
        guard value.count == MemoryLayout<T>.size else { throw .badLength }
        return value.reduce(0) { $0 << 8 | T($1) }
    }
}

/// SMI network management private enterprise codes.
public struct Vendor: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let ietf = Vendor(rawValue: 0)
    /// Its routers use AVPs of their own where RFC 3931 came later.
    public static let cisco = Vendor(rawValue: 9)
}

/// Attribute types of the IETF, RFC 2661 §4.4, RFC 3931 §5.4.
public struct AVPType: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let messageType = AVPType(rawValue: 0)
    public static let resultCode = AVPType(rawValue: 1)
    public static let protocolVersion = AVPType(rawValue: 2)
    public static let framingCapabilities = AVPType(rawValue: 3)
    public static let hostName = AVPType(rawValue: 7)
    public static let vendorName = AVPType(rawValue: 8)
    public static let assignedTunnelID = AVPType(rawValue: 9)
    public static let receiveWindowSize = AVPType(rawValue: 10)
    public static let challenge = AVPType(rawValue: 11)
    public static let challengeResponse = AVPType(rawValue: 13)
    public static let assignedSessionID = AVPType(rawValue: 14)
    public static let sequencingRequired = AVPType(rawValue: 39)
    public static let randomVector = AVPType(rawValue: 36)
    public static let routerID = AVPType(rawValue: 60)
    public static let assignedControlConnectionID = AVPType(rawValue: 61)
    public static let pseudowireCapabilities = AVPType(rawValue: 62)
    public static let localSessionID = AVPType(rawValue: 63)
    public static let remoteSessionID = AVPType(rawValue: 64)
    public static let assignedCookie = AVPType(rawValue: 65)
    public static let remoteEndID = AVPType(rawValue: 66)
    public static let pseudowireType = AVPType(rawValue: 68)
    public static let l2SpecificSublayer = AVPType(rawValue: 69)
    public static let dataSequencing = AVPType(rawValue: 70)
    public static let circuitStatus = AVPType(rawValue: 71)
}

/// RFC 2661 §3.2, RFC 3931 §3.1.
public struct MessageType: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let SCCRQ = MessageType(rawValue: 1)
    public static let SCCRP = MessageType(rawValue: 2)
    public static let SCCCN = MessageType(rawValue: 3)
    public static let StopCCN = MessageType(rawValue: 4)
    public static let HELLO = MessageType(rawValue: 6)
    public static let OCRQ = MessageType(rawValue: 7)
    public static let ICRQ = MessageType(rawValue: 10)
    public static let ICRP = MessageType(rawValue: 11)
    public static let ICCN = MessageType(rawValue: 12)
    public static let CDN = MessageType(rawValue: 14)
    public static let WEN = MessageType(rawValue: 15)
    public static let SLI = MessageType(rawValue: 16)
    public static let ACK = MessageType(rawValue: 20)

    /// As in the RFC, for transcripts and logs.
    public var name: String {
        switch self {
        case .SCCRQ: "SCCRQ"
        case .SCCRP: "SCCRP"
        case .SCCCN: "SCCCN"
        case .StopCCN: "StopCCN"
        case .HELLO: "HELLO"
        case .OCRQ: "OCRQ"
        case .ICRQ: "ICRQ"
        case .ICRP: "ICRP"
        case .ICCN: "ICCN"
        case .CDN: "CDN"
        case .WEN: "WEN"
        case .SLI: "SLI"
        case .ACK: "ACK"
        default: "message \(rawValue)"
        }
    }
}
