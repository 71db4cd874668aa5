public import Wire

/// The body of a control message: its type, and what else it says.
public struct ControlMessage: Equatable, Sendable {
    /// AVPs of one message; real ones have up to fifteen.
    static let maxAVPs = 64

    public var type: MessageType
    /// Those behind the message type.
    public var avps: [AVP]

    public init(_ type: MessageType, _ avps: [AVP] = []) {
        self.type = type
        self.avps = avps
    }

    /// `input` ends with the message. Nothing in it is an acknowledgement without a message; the caller has
    /// looked.
    public init(parsing input: inout ByteReader) throws(WireError) {
        let first = try AVP(parsing: &input)
        guard first.vendor == .ietf, first.type == .messageType, !first.isHidden else { throw .badValue }
        type = MessageType(rawValue: try first.number())
        avps = []
        while input.remaining > 0 {
            guard avps.count < Self.maxAVPs else { throw .tooDeep }
            avps.append(try AVP(parsing: &input))
        }
    }

    public var body: [UInt8] {
        var octets: [UInt8] = []
        AVP(.messageType, number: type.rawValue).serialize(into: &octets)
        for avp in avps { avp.serialize(into: &octets) }
        return octets
    }

    public func first(_ type: AVPType, _ vendor: Vendor = .ietf) -> AVP? {
        avps.first { $0.type == type && $0.vendor == vendor && !$0.isHidden }
    }

    /// A number that the message has to tell.
    func required<T: FixedWidthInteger & UnsignedInteger>(
        _ type: AVPType, _: T.Type = T.self
    ) throws(WireError) -> T {
        guard let avp = first(type) else { throw .badValue }
        return try avp.number()
    }
}

/// Why a tunnel or session ends: result, error, and words, RFC 2661 §4.4.2.
public struct ResultCode: Equatable, Sendable {
    /// Octets of words that are taken from a peer.
    static let maxText = 200

    public var result: UInt16
    public var error: UInt16
    public var text: String

    public init(_ result: UInt16, error: UInt16 = 0, _ text: String = "") {
        self.result = result
        self.error = error
        self.text = text
    }

    public init(parsing value: [UInt8]) throws(WireError) {
        var input = ByteReader(value.rawSpan)
        result = try input.read(UInt16.self)
        error = input.remaining >= 2 ? try input.read(UInt16.self) : 0
        let words = input.rest().prefix(Self.maxText)
        text = String(decoding: words.filter { $0 >= 0x20 && $0 < 0x7f && $0 != 0x22 }, as: UTF8.self)
    }

    var avp: AVP {
        var value: [UInt8] = []
        value.appendBigEndian(result)
        value.appendBigEndian(error)
        return AVP(.resultCode, value + Array(text.utf8.prefix(Self.maxText)))
    }

    // Of StopCCN.
    public static let clearConnection = ResultCode(1)
    public static let notAuthorized = ResultCode(4)
    public static let shuttingDown = ResultCode(6)
    // Of CDN.
    public static let lostCarrier = ResultCode(1)
    public static let administrative = ResultCode(3)
    public static let temporarilyNoFacilities = ResultCode(4)

    // Error codes behind a result of 2, RFC 2661 §4.4.2.
    public static func unknownMandatory(_ avp: AVP) -> ResultCode {
        ResultCode(2, error: 8, "unknown mandatory AVP \(avp.vendor.rawValue)/\(avp.type.rawValue)")
    }
    public static func wrongValue(_ text: String) -> ResultCode { ResultCode(2, error: 3, text) }
    public static let noResources = ResultCode(2, error: 4, "no resources")
}
