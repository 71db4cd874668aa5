public import Wire

/// A payload as it stands in a message, RFC 2408 §3.2. What is in it is parsed by the type that it names.
public struct Payload: Equatable, Sendable {
    /// Payloads of one message; real clients send up to twenty (vendor ids).
    public static let maxCount = 64
    static let headerLength = 4
    /// Octets behind the last payload of an encrypted message: racoon adds more than a block needs.
    static let maxPadding = 64
    /// Octets behind the last payload of a message in clear: libreswan fills up to a multiple of four.
    static let maxClearPadding = 3

    public var type: PayloadType
    /// Without the generic header.
    public var body: [UInt8]

    public init(_ type: PayloadType, _ body: [UInt8]) {
        self.type = type
        self.body = body
    }

    /// With the generic header of a payload that `next` follows.
    public func serialize(into output: inout [UInt8], next: PayloadType) {
        precondition(body.count <= Int(UInt16.max) - Self.headerLength, "payload length is a 16-bit field")
        output.append(next.rawValue)
        output.append(0)
        output.appendBigEndian(UInt16(Self.headerLength + body.count))
        output += body
    }

    /// The chain that `first` begins, with at most `padding` octets behind its end.
    public static func chain(
        from first: PayloadType, in input: inout ByteReader, padding: Int = 0
    ) throws(WireError) -> [Payload] {
        var payloads: [Payload] = []
        var type = first
        while type != .none {
            guard payloads.count < maxCount else { throw .tooDeep }
            let next = PayloadType(rawValue: try input.read(UInt8.self))
            _ = try input.read(UInt8.self)
            let length = Int(try input.read(UInt16.self))
            guard length >= headerLength else { throw .badLength }
            payloads.append(Payload(type, try input.take(length - headerLength)))
            type = next
        }
        guard input.remaining <= padding else { throw .badLength }
        return payloads
    }

    public static func serialize(_ payloads: [Payload]) -> [UInt8] {
        var octets: [UInt8] = []
        for (index, payload) in payloads.enumerated() {
            let next = index + 1 < payloads.count ? payloads[index + 1].type : .none
            payload.serialize(into: &octets, next: next)
        }
        return octets
    }
}

/// RFC 2408 §3.1, RFC 3947 §3.2; the private ones are those of its drafts and of IKE fragmentation.
public struct PayloadType: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let none = PayloadType(rawValue: 0)
    public static let securityAssociation = PayloadType(rawValue: 1)
    public static let proposal = PayloadType(rawValue: 2)
    public static let transform = PayloadType(rawValue: 3)
    public static let keyExchange = PayloadType(rawValue: 4)
    public static let identification = PayloadType(rawValue: 5)
    public static let certificate = PayloadType(rawValue: 6)
    public static let certificateRequest = PayloadType(rawValue: 7)
    public static let hash = PayloadType(rawValue: 8)
    public static let signature = PayloadType(rawValue: 9)
    public static let nonce = PayloadType(rawValue: 10)
    public static let notification = PayloadType(rawValue: 11)
    public static let delete = PayloadType(rawValue: 12)
    public static let vendorID = PayloadType(rawValue: 13)
    public static let natDiscovery = PayloadType(rawValue: 20)
    public static let natOriginalAddress = PayloadType(rawValue: 21)
    public static let natDiscoveryDraft = PayloadType(rawValue: 130)
    public static let natOriginalAddressDraft = PayloadType(rawValue: 131)
    public static let fragment = PayloadType(rawValue: 132)
}

extension [Payload] {
    /// The first one of a type.
    func first(_ type: PayloadType) -> [UInt8]? { first { $0.type == type }?.body }

    func all(_ type: PayloadType) -> [[UInt8]] { compactMap { $0.type == type ? $0.body : nil } }

    /// The peer has forgotten what was before, RFC 2407 §4.6.3.3.
    var sayInitialContact: Bool {
        all(.notification).contains { (try? Notification(parsing: $0).type) == .initialContact }
    }

    /// The only one of a type: a second key exchange or nonce is an attack or a bug.
    func only(_ type: PayloadType) throws(WireError) -> [UInt8] {
        let found = all(type)
        guard found.count == 1 else { throw .badValue }
        return found[0]
    }
}
