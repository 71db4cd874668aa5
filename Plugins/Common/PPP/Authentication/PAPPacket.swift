import Wire

/// The Password Authentication Protocol, RFC 1334 §2.
enum PAPPacket {
    static let authenticateRequest = ControlPacket.Code(rawValue: 1)
    static let authenticateAck = ControlPacket.Code(rawValue: 2)
    static let authenticateNak = ControlPacket.Code(rawValue: 3)

    /// The data of an Authenticate-Request: each in front of its length, one octet.
    struct Request: Equatable {
        var name: [UInt8]
        var password: [UInt8]

        init(name: [UInt8], password: [UInt8]) {
            self.name = name
            self.password = password
        }

        init(parsing data: [UInt8]) throws(WireError) {
            var reader = ByteReader(data.rawSpan)
            name = try reader.take(Int(try reader.read(UInt8.self)))
            password = try reader.take(Int(try reader.read(UInt8.self)))
        }

        /// Neither is longer than 255 octets.
        var octets: [UInt8] { [UInt8(name.count)] + name + [UInt8(password.count)] + password }
    }

    /// An Authenticate-Ack or -Nak.
    static func answer(_ code: ControlPacket.Code, _ identifier: UInt8, _ message: String) -> ControlPacket {
        let text = Array(message.utf8.prefix(255))
        return ControlPacket(code, identifier, [UInt8(text.count)] + text)
    }
}
