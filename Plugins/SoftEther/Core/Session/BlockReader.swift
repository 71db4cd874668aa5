import Wire

/// What stands in an established connection's octets: numbers of blocks, blocks that carry a frame each, and
/// keep-alives.
///
///     | N (4) | N times: length (4), octets |
///     | 0xffffffff | length (4) | octets |        keep-alive
///
/// Reads in place, and remembers between two reads only how many blocks were announced and have not come.
public struct BlockReader: Equatable, Sendable {
    public static let maxBlock = 3200
    public static let maxKeepAlive = 512
    /// Blocks that a peer may announce at once; real ones announce what their queues hold.
    public static let maxAnnounced = 65_536
    static let keepAlive: UInt32 = 0xffff_ffff

    public enum Item: Equatable, Sendable {
        /// A block's octets.
        case block(Range<Int>)
        /// Octets that are no block.
        case other
        /// The next thing is not there as a whole.
        case incomplete
        /// The peer has broken the protocol.
        case broken
    }

    var announced: UInt32 = 0

    public init() {}

    /// What stands at `position`, which moves behind it.
    @inline(__always)
    public mutating func next(in bytes: RawSpan, at position: inout Int) -> Item {
        guard bytes.byteCount - position >= 4 else { return .incomplete }
        let number = bytes.bigEndian(at: position, as: UInt32.self)
        guard announced > 0 else { return head(number, in: bytes, at: &position) }
        guard number <= Self.maxBlock else { return .broken }
        let start = position + 4
        guard bytes.byteCount - start >= Int(number) else { return .incomplete }
        announced -= 1
        position = start + Int(number)
        return .block(start..<position)
    }

    private mutating func head(_ number: UInt32, in bytes: RawSpan, at position: inout Int) -> Item {
        guard number == Self.keepAlive else {
            guard number <= Self.maxAnnounced else { return .broken }
            announced = number
            position += 4
            return .other
        }
        guard bytes.byteCount - position >= 8 else { return .incomplete }
        let length = bytes.bigEndian(at: position + 4, as: UInt32.self)
        guard length <= Self.maxKeepAlive else { return .broken }
        guard bytes.byteCount - position - 8 >= Int(length) else { return .incomplete }
        position += 8 + Int(length)
        return .other
    }
}

/// What sending puts around frames.
public enum Block {
    /// In front of each frame: its length.
    public static let headLength = 4
    /// Octets of a frame that is passed on: more than Ethernet needs, with two VLAN tags.
    public static let frameLengths = 14...1600

    /// `octets` random octets with the mark of a keep-alive.
    static func keepAlive(_ octets: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendBigEndian(BlockReader.keepAlive)
        bytes.appendBigEndian(UInt32(octets.count))
        return bytes + octets
    }
}
