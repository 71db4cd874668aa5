import Wire

/// The ICMP messages that a router sends of its own, RFC 792: the echo reply and two errors.
enum ICMPMessage {
    static let echoRequest: UInt8 = 8

    /// An error's type and code.
    enum Problem {
        case portUnreachable, timeExceeded

        var typeAndCode: UInt16 {
            switch self {
            case .portUnreachable: 0x0303
            case .timeExceeded: 0x0b00
            }
        }
    }

    /// nil unless `message` is an Echo with a good checksum.
    static func echoReply(to message: RawSpan) -> [UInt8]? {
        guard message.byteCount >= 8, message.bigEndian(at: 0, as: UInt8.self) == echoRequest,
            InternetChecksum.of(message) == 0
        else { return nil }
        var reply: [UInt8] = [0, 0, 0, 0]
        reply.append(message.extracting(droppingFirst: 4))
        return withChecksum(reply)
    }

    /// Quotes the header and eight octets, RFC 792.
    static func error(_ problem: Problem, about packet: borrowing IPv4Packet) -> [UInt8] {
        var message: [UInt8] = []
        message.appendBigEndian(problem.typeAndCode)
        message.appendZeros(6)
        message.append(packet.bytes.extracting(first: min(packet.totalLength, packet.headerLength + 8)))
        return withChecksum(message)
    }

    private static func withChecksum(_ message: [UInt8]) -> [UInt8] {
        var message = message
        let checksum = InternetChecksum.of(message.rawSpan)
        message[2] = UInt8(checksum >> 8)
        message[3] = UInt8(checksum & 0xff)
        return message
    }
}

extension [UInt8] {
    mutating func append(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { unsafe append(contentsOf: $0) }
    }
}
