public import Wire

/// A piece of a message that is too long for the path, MS-IKEE §2.2.4. The header in front of it is that of
/// the message, but for next payload and length.
///
///     | Next Payload (0) | reserved | Payload Length | Fragment ID (2) | Number (1) | Flags (1) | octets
public struct Fragment: Equatable, Sendable {
    static let isLastFlag: UInt8 = 1

    public var id: UInt16
    /// From one.
    public var number: UInt8
    public var isLast: Bool
    public var octets: [UInt8]

    public init(id: UInt16, number: UInt8, isLast: Bool, octets: [UInt8]) {
        self.id = id
        self.number = number
        self.isLast = isLast
        self.octets = octets
    }

    public init(parsing body: [UInt8]) throws(WireError) {
        var input = ByteReader(body.rawSpan)
        id = try input.read(UInt16.self)
        number = try input.read(UInt8.self)
        isLast = try input.read(UInt8.self) & Self.isLastFlag != 0
        octets = input.rest()
        guard number > 0, !octets.isEmpty else { throw .badValue }
    }

    public var body: [UInt8] {
        var head: [UInt8] = []
        head.appendBigEndian(id)
        return head + [number, isLast ? Self.isLastFlag : 0] + octets
    }

    /// `message` in pieces that fit datagrams of `limit` octets.
    static func pieces(of message: [UInt8], header: ISAKMPHeader, id: UInt16, limit: Int) -> [[UInt8]] {
        let room = limit - ISAKMPHeader.length - Payload.headerLength - 4
        var head = header
        head.nextPayload = .fragment
        var pieces: [[UInt8]] = []
        var start = 0
        while start < message.count {
            let end = min(start + room, message.count)
            let fragment = Fragment(
                id: id, number: UInt8(truncatingIfNeeded: pieces.count + 1), isLast: end == message.count,
                octets: Array(message[start..<end]))
            let body = Payload.serialize([Payload(.fragment, fragment.body)])
            var octets: [UInt8] = []
            head.serialize(into: &octets, bodyLength: body.count)
            pieces.append(octets + body)
            start = end
        }
        return pieces
    }
}

/// Puts one message together again. One at a time: fragments of another message take its place.
struct Reassembly {
    static let maxFragments = 32

    var id: UInt16 = 0
    var pieces: [UInt8: [UInt8]] = [:]
    var last: UInt8?

    /// The whole message with the last missing piece, else nil.
    mutating func add(_ fragment: Fragment) -> [UInt8]? {
        if fragment.id != id || pieces.isEmpty {
            id = fragment.id
            pieces = [:]
            last = nil
        }
        guard Int(fragment.number) <= Self.maxFragments, pieces[fragment.number] == nil else { return nil }
        let held = pieces.values.reduce(0) { $0 + $1.count }
        guard held + fragment.octets.count <= ISAKMPHeader.maxMessage else { return nil }
        pieces[fragment.number] = fragment.octets
        if fragment.isLast { last = fragment.number }
        guard let last, pieces.count == Int(last) else { return nil }
        var message: [UInt8] = []
        for number in 1...last {
            guard let piece = pieces[number] else { return nil }
            message += piece
        }
        pieces = [:]
        return message
    }
}
