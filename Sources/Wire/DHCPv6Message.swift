/// A DHCPv6 message between client and server, RFC 8415 §8. Relay messages have another header and are
/// refused.
///
///     |    msg-type   |               transaction-id                  |
///     |                            options                            |
public struct DHCPv6Message: Equatable, Sendable {
    /// RFC 8415 §7.3. Unknown values are kept.
    public struct MessageType: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let solicit = MessageType(rawValue: 1)
        public static let advertise = MessageType(rawValue: 2)
        public static let request = MessageType(rawValue: 3)
        public static let confirm = MessageType(rawValue: 4)
        public static let renew = MessageType(rawValue: 5)
        public static let rebind = MessageType(rawValue: 6)
        public static let reply = MessageType(rawValue: 7)
        public static let release = MessageType(rawValue: 8)
        public static let decline = MessageType(rawValue: 9)
        public static let informationRequest = MessageType(rawValue: 11)
        static let relayForward = MessageType(rawValue: 12)
        static let relayReply = MessageType(rawValue: 13)
    }

    public static let clientPort: UInt16 = 546
    public static let serverPort: UInt16 = 547
    /// Octets of a DUID, RFC 8415 §11.1.
    public static let maxDUID = 130

    public var type: MessageType
    /// 24 bits.
    public var transactionID: UInt32
    public var options: [DHCPv6Option]

    public init(_ type: MessageType, transactionID: UInt32, options: [DHCPv6Option] = []) {
        self.type = type
        self.transactionID = transactionID & 0xff_ffff
        self.options = options
    }

    public init(parsing input: inout ByteReader) throws(WireError) {
        let word = try input.read(UInt32.self)
        type = MessageType(rawValue: UInt8(word >> 24))
        transactionID = word & 0xff_ffff
        guard type != .relayForward, type != .relayReply else { throw .badValue }
        options = try DHCPv6Option.list(parsing: &input)
    }

    public var bytes: [UInt8] {
        var output: [UInt8] = []
        output.appendBigEndian(UInt32(type.rawValue) << 24 | transactionID)
        options.forEach { $0.serialize(into: &output) }
        return output
    }
}

/// An option of DHCPv6, RFC 8415 §21.1: two octets of code, two of length, the value.
public struct DHCPv6Option: Equatable, Sendable {
    /// Unknown values are kept.
    public struct Code: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        public static let clientIdentifier = Code(rawValue: 1)
        public static let serverIdentifier = Code(rawValue: 2)
        /// IA_NA.
        public static let identityAssociation = Code(rawValue: 3)
        public static let address = Code(rawValue: 5)
        public static let optionRequest = Code(rawValue: 6)
        public static let preference = Code(rawValue: 7)
        public static let elapsedTime = Code(rawValue: 8)
        public static let statusCode = Code(rawValue: 13)
        public static let rapidCommit = Code(rawValue: 14)
        /// RFC 3646.
        public static let nameServers = Code(rawValue: 23)
        public static let domainList = Code(rawValue: 24)
        public static let informationRefreshTime = Code(rawValue: 32)
    }

    public var code: Code
    public var value: [UInt8]

    public init(_ code: Code, _ value: [UInt8]) {
        self.code = code
        self.value = value
    }

    static func list(parsing input: inout ByteReader) throws(WireError) -> [DHCPv6Option] {
        var options: [DHCPv6Option] = []
        while input.remaining > 0 {
            let code = Code(rawValue: try input.read(UInt16.self))
            let length = Int(try input.read(UInt16.self))
            guard length <= input.remaining else { throw .badLength }
            options.append(DHCPv6Option(code, try input.take(length)))
        }
        return options
    }

    func serialize(into output: inout [UInt8]) {
        output.appendBigEndian(code.rawValue)
        output.appendBigEndian(UInt16(value.count))
        output += value
    }
}

/// Typed options. One that is malformed is as none.
extension [DHCPv6Option] {
    public subscript(_ code: DHCPv6Option.Code) -> [UInt8]? { first { $0.code == code }?.value }

    public func integer<T: FixedWidthInteger & BitwiseCopyable>(_ code: DHCPv6Option.Code, as _: T.Type) -> T?
    {
        guard let value = self[code], value.count == MemoryLayout<T>.size else { return nil }
        return value.rawSpan.bigEndian(at: 0)
    }

    public func addresses(_ code: DHCPv6Option.Code) -> [IPv6Address] {
        guard let value = self[code], value.count % 16 == 0 else { return [] }
        return stride(from: 0, to: value.count, by: 16).map { IPv6Address(value.rawSpan, at: $0) }
    }

    public var domains: [String] { self[.domainList].map { DomainNames.parse($0.rawSpan) } ?? [] }

    /// RFC 8415 §21.13: none is success.
    public var status: UInt16 {
        guard let value = self[.statusCode], value.count >= 2 else { return 0 }
        return value.rawSpan.bigEndian(at: 0)
    }
}

/// IA_NA with its addresses, RFC 8415 §21.4 and §21.6. Times are seconds.
public struct DHCPv6Association: Equatable, Sendable {
    public struct Address: Equatable, Sendable {
        public var address: IPv6Address
        public var preferredLifetime: UInt32
        public var validLifetime: UInt32

        public init(_ address: IPv6Address, preferredLifetime: UInt32, validLifetime: UInt32) {
            self.address = address
            self.preferredLifetime = preferredLifetime
            self.validLifetime = validLifetime
        }
    }

    public var id: UInt32
    public var t1: UInt32
    public var t2: UInt32
    public var addresses: [Address]
    /// RFC 8415 §21.13; 0 is success, and not said.
    public var status: UInt16

    public init(
        id: UInt32, t1: UInt32 = 0, t2: UInt32 = 0, addresses: [Address] = [], status: UInt16 = 0
    ) {
        self.status = status
        self.id = id
        self.t1 = t1
        self.t2 = t2
        self.addresses = addresses
    }

    /// The value of option IA_NA. T1 behind T2 makes it invalid, §21.4; so do an address that is preferred
    /// for longer than it is valid, or has a status of its own: it is left out.
    public init(parsing value: [UInt8]) throws(WireError) {
        var reader = ByteReader(value.rawSpan)
        id = try reader.read(UInt32.self)
        t1 = try reader.read(UInt32.self)
        t2 = try reader.read(UInt32.self)
        guard t1 <= t2 || t2 == 0 else { throw .badValue }
        addresses = []
        status = 0
        for option in try DHCPv6Option.list(parsing: &reader) {
            switch option.code {
            case .address: if let address = try Self.address(option.value) { addresses.append(address) }
            case .statusCode: status = [option].status
            default: break
            }
        }
    }

    private static func address(_ value: [UInt8]) throws(WireError) -> Address? {
        var reader = ByteReader(value.rawSpan)
        let address = try reader.readIPv6Address()
        let preferred = try reader.read(UInt32.self)
        let valid = try reader.read(UInt32.self)
        guard try DHCPv6Option.list(parsing: &reader).status == 0, preferred <= valid else { return nil }
        return Address(address, preferredLifetime: preferred, validLifetime: valid)
    }

    public var option: DHCPv6Option {
        var value: [UInt8] = []
        for number in [id, t1, t2] { value.appendBigEndian(number) }
        for address in addresses {
            var inner: [UInt8] = []
            inner.append(address.address)
            inner.appendBigEndian(address.preferredLifetime)
            inner.appendBigEndian(address.validLifetime)
            DHCPv6Option(.address, inner).serialize(into: &value)
        }
        if status != 0 {
            var inner: [UInt8] = []
            inner.appendBigEndian(status)
            DHCPv6Option(.statusCode, inner).serialize(into: &value)
        }
        return DHCPv6Option(.identityAssociation, value)
    }
}
