import Wire

/// The Challenge-Handshake Authentication Protocol, RFC 1994 §4, with MD5 or as MS-CHAPv2 (RFC 2759).
enum CHAPPacket {
    static let challenge = ControlPacket.Code(rawValue: 1)
    static let response = ControlPacket.Code(rawValue: 2)
    static let success = ControlPacket.Code(rawValue: 3)
    static let failure = ControlPacket.Code(rawValue: 4)

    /// The data of a Challenge or Response: value-size (1) | value | name.
    struct Value: Equatable {
        var value: [UInt8]
        var name: [UInt8]

        init(_ value: [UInt8], name: [UInt8]) {
            self.value = value
            self.name = name
        }

        init(parsing reader: inout ByteReader) throws(WireError) {
            value = try reader.take(Int(try reader.read(UInt8.self)))
            name = reader.rest()
        }

        var octets: [UInt8] { [UInt8(value.count)] + value + name }
    }
}

/// The value of an MS-CHAPv2 Response, RFC 2759 §4.
///
///      peer challenge (16) | zero (8) | NT-Response (24) | flags (1)
struct MSCHAPv2Response: Equatable {
    static let length = 49
    static let challengeLength = 16
    static let ntResponseLength = 24

    var peerChallenge: [UInt8]
    var ntResponse: [UInt8]

    init(peerChallenge: [UInt8], ntResponse: [UInt8]) {
        self.peerChallenge = peerChallenge
        self.ntResponse = ntResponse
    }

    /// Nil for any other length than 49.
    init?(_ value: [UInt8]) {
        guard value.count == Self.length else { return nil }
        peerChallenge = Array(value.prefix(Self.challengeLength))
        ntResponse = Array(value.dropFirst(24).prefix(Self.ntResponseLength))
    }

    var octets: [UInt8] { peerChallenge + [UInt8](repeating: 0, count: 8) + ntResponse + [0] }
}

/// What an MS-CHAPv2 authenticator says at the end, RFC 2759 §5 and §6.
enum MSCHAPv2Message {
    /// `E=`.
    enum ErrorCode: Int {
        case accountDisabled = 647
        case authenticationFailure = 691
    }

    static func success(_ authenticatorResponse: [UInt8]) -> String {
        "S=\(hex(authenticatorResponse)) M=welcome"
    }

    /// With a challenge the peer may try again.
    static func failure(_ code: ErrorCode, retry challenge: [UInt8]?, _ words: String) -> String {
        let zeros = [UInt8](repeating: 0, count: MSCHAPv2Response.challengeLength)
        return "E=\(code.rawValue) R=\(challenge == nil ? 0 : 1) C=\(hex(challenge ?? zeros)) V=3 M=\(words)"
    }

    private static func hex(_ octets: [UInt8]) -> String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined()
    }
}
