public import Wire

/// A Security Association payload: proposals to choose from, or the one that was chosen. RFC 2408 §3.4-3.6.
public struct SAPayload: Equatable, Sendable {
    /// SIT_IDENTITY_ONLY, RFC 2407 §4.2.1.
    static let situation: UInt32 = 1

    public var proposals: [Proposal]

    public init(_ proposals: [Proposal]) { self.proposals = proposals }

    public init(parsing body: [UInt8]) throws(WireError) {
        var input = ByteReader(body.rawSpan)
        guard try input.read(UInt32.self) == DOI.ipsec, try input.read(UInt32.self) == Self.situation else {
            throw .badValue
        }
        proposals = []
        var hasMore = true
        while hasMore {
            guard proposals.count < Proposal.maxCount else { throw .tooDeep }
            var item = try SubPayload(parsing: &input, .proposal)
            hasMore = item.hasMore
            proposals.append(try Proposal(parsing: &item.body))
        }
        guard input.remaining == 0 else { throw .badLength }
    }

    public var body: [UInt8] {
        var octets: [UInt8] = []
        octets.appendBigEndian(DOI.ipsec)
        octets.appendBigEndian(Self.situation)
        for (index, proposal) in proposals.enumerated() {
            let next: PayloadType = index + 1 < proposals.count ? .proposal : .none
            Payload(.proposal, proposal.body).serialize(into: &octets, next: next)
        }
        return octets
    }
}

/// Domains of interpretation, RFC 2407 §6.1: the one that there is.
enum DOI {
    static let ipsec: UInt32 = 1
}

/// What SAs are for, RFC 2407 §4.4.1.
public struct ProtocolID: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let isakmp = ProtocolID(rawValue: 1)
    public static let ah = ProtocolID(rawValue: 2)
    public static let esp = ProtocolID(rawValue: 3)
    public static let ipcomp = ProtocolID(rawValue: 4)
}

/// One protocol of an offer. Proposals of the same number belong together: all of them or none.
public struct Proposal: Equatable, Sendable {
    public static let maxCount = 32

    public var number: UInt8
    public var protocolID: ProtocolID
    public var spi: [UInt8]
    public var transforms: [Transform]

    public init(number: UInt8, _ protocolID: ProtocolID, spi: [UInt8] = [], _ transforms: [Transform]) {
        self.number = number
        self.protocolID = protocolID
        self.spi = spi
        self.transforms = transforms
    }

    init(parsing input: inout ByteReader) throws(WireError) {
        number = try input.read(UInt8.self)
        protocolID = ProtocolID(rawValue: try input.read(UInt8.self))
        let spiLength = Int(try input.read(UInt8.self))
        let count = Int(try input.read(UInt8.self))
        spi = try input.take(spiLength)
        transforms = []
        for index in 0..<count {
            var item = try SubPayload(parsing: &input, .transform)
            // Some write "last" wrongly; the count is what RFC 2408 §3.5 lets us rely on.
            guard item.hasMore || index == count - 1 else { throw .badValue }
            transforms.append(try Transform(parsing: &item.body))
        }
        guard input.remaining == 0, !transforms.isEmpty else { throw .badLength }
    }

    var body: [UInt8] {
        var octets = [number, protocolID.rawValue, UInt8(spi.count), UInt8(transforms.count)] + spi
        for (index, transform) in transforms.enumerated() {
            let next: PayloadType = index + 1 < transforms.count ? .transform : .none
            Payload(.transform, transform.body).serialize(into: &octets, next: next)
        }
        return octets
    }
}

/// One way to do it, with its attributes.
public struct Transform: Equatable, Sendable {
    static let maxAttributes = 32

    public var number: UInt8
    /// KEY_IKE in phase 1, the cipher in phase 2.
    public var id: UInt8
    public var attributes: [Attribute]

    public init(number: UInt8, id: UInt8, _ attributes: [Attribute]) {
        self.number = number
        self.id = id
        self.attributes = attributes
    }

    init(parsing input: inout ByteReader) throws(WireError) {
        number = try input.read(UInt8.self)
        id = try input.read(UInt8.self)
        _ = try input.read(UInt16.self)
        attributes = []
        while input.remaining > 0 {
            guard attributes.count < Self.maxAttributes else { throw .tooDeep }
            attributes.append(try Attribute(parsing: &input))
        }
    }

    var body: [UInt8] {
        var octets: [UInt8] = [number, id, 0, 0]
        for attribute in attributes { attribute.serialize(into: &octets) }
        return octets
    }

    /// The number that an attribute holds; nil: it is missing, or no number of 32 bits.
    public func number(_ type: UInt16) -> UInt32? { attributes.first { $0.type == type }?.number }
}

/// Type and value, RFC 2408 §3.3: a value of two octets in place of the length, or as many as that says.
public struct Attribute: Equatable, Sendable {
    static let isShort: UInt16 = 0x8000

    public var type: UInt16
    public var value: [UInt8]
    /// Whether it travels, or came, with its length.
    public var hasLength: Bool

    public init(_ type: UInt16, _ number: UInt16) {
        self.type = type
        value = [UInt8(number >> 8), UInt8(number & 0xff)]
        hasLength = false
    }

    /// A number of four octets.
    public init(_ type: UInt16, long number: UInt32) {
        self.type = type
        value = []
        value.appendBigEndian(number)
        hasLength = true
    }

    init(parsing input: inout ByteReader) throws(WireError) {
        let format = try input.read(UInt16.self)
        type = format & ~Self.isShort
        hasLength = format & Self.isShort == 0
        let length = hasLength ? Int(try input.read(UInt16.self)) : 2
        value = try input.take(length)
    }

    func serialize(into output: inout [UInt8]) {
        output.appendBigEndian(hasLength ? type : type | Self.isShort)
        if hasLength { output.appendBigEndian(UInt16(value.count)) }
        output += value
    }

    var number: UInt32? {
        guard !value.isEmpty, value.count <= 4 else { return nil }
        return value.reduce(0) { $0 << 8 | UInt32($1) }
    }
}

/// A proposal or transform in its list: "next" says that one more of the kind follows, or none.
private struct SubPayload: ~Escapable {
    let hasMore: Bool
    var body: ByteReader

    @_lifetime(copy input)
    init(parsing input: inout ByteReader, _ type: PayloadType) throws(WireError) {
        let next = PayloadType(rawValue: try input.read(UInt8.self))
        guard next == .none || next == type else { throw .badValue }
        _ = try input.read(UInt8.self)
        let length = Int(try input.read(UInt16.self))
        guard length >= Payload.headerLength else { throw .badLength }
        hasMore = next == type
        body = try input.split(length - Payload.headerLength)
    }
}
