/// An ICMP echo or its reply over IPv4, RFC 792 page 14, with its checksum.
public struct ICMPEcho: Equatable, Sendable {
    public var isReply: Bool
    public var identifier: UInt16
    public var sequenceNumber: UInt16
    public var payload: [UInt8]

    public init(isReply: Bool, identifier: UInt16, sequenceNumber: UInt16, payload: [UInt8]) {
        self.isReply = isReply
        self.identifier = identifier
        self.sequenceNumber = sequenceNumber
        self.payload = payload
    }

    /// The answer to this echo.
    public var reply: ICMPEcho {
        ICMPEcho(isReply: true, identifier: identifier, sequenceNumber: sequenceNumber, payload: payload)
    }
}

extension ICMPEcho {
    /// Reads all that is left; a wrong checksum is `badValue`.
    public init(parsing input: inout ByteReader) throws(WireError) {
        let bytes = input.rest()
        guard let message = ICMPMessage(bytes.rawSpan) else { throw .truncated }
        guard message.type == .echo || message.type == .echoReply, message.code == 0, message.hasValidChecksum
        else { throw .badValue }
        isReply = message.type == .echoReply
        identifier = message.identifier
        sequenceNumber = message.sequenceNumber
        payload = Array(bytes.dropFirst(ICMPMessage.headerLength))
    }

    public func serialize(into output: inout [UInt8]) {
        let start = output.count
        let type: ICMPMessage.MessageType = isReply ? .echoReply : .echo
        output += [type.rawValue, 0, 0, 0]
        output.appendBigEndian(identifier)
        output.appendBigEndian(sequenceNumber)
        output += payload
        let checksum = InternetChecksum.of(output.rawSpan.extracting(droppingFirst: start))
        output[start + 2] = UInt8(checksum >> 8)
        output[start + 3] = UInt8(checksum & 0xff)
    }
}
