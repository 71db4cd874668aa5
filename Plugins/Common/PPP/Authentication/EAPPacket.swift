import Wire

/// The Extensible Authentication Protocol, RFC 3748 §4. Requests and Responses have a type, Success and
/// Failure have not.
struct EAPPacket: Equatable {
    struct Code: RawRepresentable, Hashable {
        let rawValue: UInt8
        static let request = Code(rawValue: 1)
        static let response = Code(rawValue: 2)
        static let success = Code(rawValue: 3)
        static let failure = Code(rawValue: 4)
    }

    struct Method: RawRepresentable, Hashable {
        let rawValue: UInt8
        static let identity = Method(rawValue: 1)
        static let notification = Method(rawValue: 2)
        /// The data is what the peer would rather do.
        static let nak = Method(rawValue: 3)
        static let tls = Method(rawValue: 13)
        static let msCHAPv2 = Method(rawValue: 26)
    }

    private static let headerLength = 4

    var code: Code
    var identifier: UInt8
    /// Nil in Success and Failure.
    var method: Method?
    var data: [UInt8]

    init(_ code: Code, _ identifier: UInt8, _ method: Method? = nil, _ data: [UInt8] = []) {
        self.code = code
        self.identifier = identifier
        self.method = method
        self.data = data
    }

    /// Octets behind the length are padding.
    init(parsing bytes: [UInt8]) throws(WireError) {
        let packet = try ControlPacket(parsing: bytes)
        code = Code(rawValue: packet.code.rawValue)
        identifier = packet.identifier
        guard code == .request || code == .response else {
            method = nil
            data = []
            return
        }
        guard let type = packet.data.first else { throw .truncated }
        method = Method(rawValue: type)
        data = Array(packet.data.dropFirst())
    }

    var octets: [UInt8] {
        let content = (method.map { [$0.rawValue] } ?? []) + data
        return ControlPacket(ControlPacket.Code(rawValue: code.rawValue), identifier, content).octets
    }
}

/// MS-CHAPv2 within EAP, MS-CHAP §2.2. The success and failure that a peer says are an OpCode alone.
///
///      OpCode (1) | MS-CHAPv2-ID (1) | MS-Length (2) | data
struct EAPMSCHAPv2Packet: Equatable {
    /// The codes of MS-CHAPv2 itself.
    typealias OpCode = ControlPacket.Code

    var opCode: OpCode
    var identifier: UInt8
    var data: [UInt8]

    init(_ opCode: OpCode, _ identifier: UInt8, _ data: [UInt8] = []) {
        self.opCode = opCode
        self.identifier = identifier
        self.data = data
    }

    init(parsing bytes: [UInt8]) throws(WireError) {
        if bytes.count == 1 {
            self.init(OpCode(rawValue: bytes[0]), 0)
        } else {
            let packet = try ControlPacket(parsing: bytes)
            self.init(packet.code, packet.identifier, packet.data)
        }
    }

    var octets: [UInt8] { ControlPacket(opCode, identifier, data).octets }
}
