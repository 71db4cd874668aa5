public import Wire

/// A packet of LCP, IPCP, IPV6CP, PAP or CHAP: all have this shape, RFC 1661 §5.
///
///      code (1) | identifier (1) | length (2) | data
public struct ControlPacket: Equatable, Sendable {
    static let headerLength = 4

    /// Of LCP and the network control protocols; PAP and CHAP have their own. Unknown ones are kept.
    public struct Code: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let configureRequest = Code(rawValue: 1)
        public static let configureAck = Code(rawValue: 2)
        public static let configureNak = Code(rawValue: 3)
        public static let configureReject = Code(rawValue: 4)
        public static let terminateRequest = Code(rawValue: 5)
        public static let terminateAck = Code(rawValue: 6)
        public static let codeReject = Code(rawValue: 7)
        // LCP alone.
        public static let protocolReject = Code(rawValue: 8)
        public static let echoRequest = Code(rawValue: 9)
        public static let echoReply = Code(rawValue: 10)
        public static let discardRequest = Code(rawValue: 11)
        /// RFC 1570 §1.1.
        public static let identification = Code(rawValue: 12)
        public static let timeRemaining = Code(rawValue: 13)
    }

    public var code: Code
    public var identifier: UInt8
    public var data: [UInt8]

    public init(_ code: Code, _ identifier: UInt8, _ data: [UInt8] = []) {
        self.code = code
        self.identifier = identifier
        self.data = data
    }

    /// Octets behind the length are padding.
    public init(parsing reader: inout ByteReader) throws(WireError) {
        code = Code(rawValue: try reader.read(UInt8.self))
        identifier = try reader.read(UInt8.self)
        let length = Int(try reader.read(UInt16.self))
        guard length >= Self.headerLength else { throw .badLength }
        data = try reader.take(length - Self.headerLength)
    }

    public init(parsing bytes: [UInt8]) throws(WireError) {
        var reader = ByteReader(bytes.rawSpan)
        try self.init(parsing: &reader)
    }

    public func serialize(into bytes: inout [UInt8]) {
        bytes.append(code.rawValue)
        bytes.append(identifier)
        bytes.appendBigEndian(UInt16(Self.headerLength + data.count))
        bytes += data
    }

    public var octets: [UInt8] {
        var octets: [UInt8] = []
        serialize(into: &octets)
        return octets
    }
}
