import Wire

/// A control packet, MS-SSTP §2.2.2, and its attributes, §2.2.4.
///
///      header (4) | message type (2) | number of attributes (2) | attributes
struct ControlMessage: Equatable, Sendable {
    struct MessageType: RawRepresentable, Hashable, Sendable {
        let rawValue: UInt16
        static let callConnectRequest = MessageType(rawValue: 1)
        static let callConnectAck = MessageType(rawValue: 2)
        static let callConnectNak = MessageType(rawValue: 3)
        static let callConnected = MessageType(rawValue: 4)
        static let callAbort = MessageType(rawValue: 5)
        static let callDisconnect = MessageType(rawValue: 6)
        static let callDisconnectAck = MessageType(rawValue: 7)
        static let echoRequest = MessageType(rawValue: 8)
        static let echoResponse = MessageType(rawValue: 9)
    }

    /// reserved (1) | id (1) | reserved (4 bits), length (12 bits) | value
    struct Attribute: Hashable, Sendable {
        struct ID: RawRepresentable, Hashable, Sendable {
            let rawValue: UInt8
            /// In a Status Info: no attribute is meant.
            static let none = ID(rawValue: 0)
            static let encapsulatedProtocol = ID(rawValue: 1)
            static let statusInfo = ID(rawValue: 2)
            static let cryptoBinding = ID(rawValue: 3)
            static let cryptoBindingRequest = ID(rawValue: 4)
        }

        static let headerLength = 4

        var id: ID
        var value: [UInt8]
    }

    static let headerLength = 8
    /// More than any message has.
    static let maxAttributes = 16
    /// SSTP_ENCAPSULATED_PROTOCOL_PPP.
    static let ppp: UInt16 = 1

    var type: MessageType
    var attributes: [Attribute]

    init(_ type: MessageType, _ attributes: [Attribute] = []) {
        self.type = type
        self.attributes = attributes
    }

    /// A whole packet, its header included, whose length has been looked at.
    init(parsing packet: RawSpan) throws(WireError) {
        var reader = ByteReader(packet)
        _ = try reader.read(UInt32.self)
        type = MessageType(rawValue: try reader.read(UInt16.self))
        let count = Int(try reader.read(UInt16.self))
        guard count <= Self.maxAttributes else { throw .badLength }
        attributes = []
        for _ in 0..<count { attributes.append(try Attribute(parsing: &reader)) }
        guard reader.remaining == 0 else { throw .badLength }
    }

    var octets: [UInt8] {
        var content: [UInt8] = []
        content.appendBigEndian(type.rawValue)
        content.appendBigEndian(UInt16(attributes.count))
        for attribute in attributes { attribute.serialize(into: &content) }
        var octets: [UInt8] = []
        octets.appendBigEndian(
            SSTPHeader.word(isControl: true, length: SSTPHeader.length + content.count))
        return octets + content
    }

    subscript(id: Attribute.ID) -> Attribute? { attributes.first { $0.id == id } }
}

extension ControlMessage.Attribute {
    init(parsing reader: inout ByteReader) throws(WireError) {
        _ = try reader.read(UInt8.self)
        id = ID(rawValue: try reader.read(UInt8.self))
        let length = Int(try reader.read(UInt16.self) & 0xfff)
        guard length >= Self.headerLength else { throw .badLength }
        value = try reader.take(length - Self.headerLength)
    }

    func serialize(into bytes: inout [UInt8]) {
        bytes += [0, id.rawValue]
        bytes.appendBigEndian(UInt16(Self.headerLength + value.count))
        bytes += value
    }
}

/// What is wrong, MS-SSTP §2.2.8. Goes on the wire and into the log.
public enum Status: UInt32, Sendable {
    case noError = 0
    case duplicateAttribute = 1
    case unrecognizedAttribute = 2
    case invalidAttributeValueLength = 3
    case valueNotSupported = 4
    case unacceptedFrameReceived = 5
    case retryCountExceeded = 6
    case invalidFrameReceived = 7
    case negotiationTimeout = 8
    case attributeNotSupportedInMessage = 9
    case requiredAttributeMissing = 10
    case statusInfoNotSupportedInMessage = 11
}

/// The Status Info attribute, MS-SSTP §2.2.8.
///
///      reserved (3) | id of the attribute that is meant (1) | status (4)
struct StatusInfo: Equatable, Sendable {
    var id: ControlMessage.Attribute.ID
    var status: Status

    var attribute: ControlMessage.Attribute {
        var value: [UInt8] = [0, 0, 0, id.rawValue]
        value.appendBigEndian(status.rawValue)
        return ControlMessage.Attribute(id: .statusInfo, value: value)
    }

    /// The number that an attribute states; nil where it is too short to state one.
    static func number(in attribute: ControlMessage.Attribute) -> UInt32? {
        attribute.value.count >= 8 ? attribute.value.rawSpan.bigEndian(at: 4) : nil
    }
}
