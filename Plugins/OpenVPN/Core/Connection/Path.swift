public import Wire

/// The way to a client: the handle by which the host knows the socket or stream, and both ends' addresses.
public struct Path: Hashable, Sendable {
    public enum Transport: UInt8, Sendable {
        /// One packet per datagram.
        case datagram
        /// Packets behind 16-bit lengths, see `StreamFraming`.
        case stream
    }

    public let transport: Transport
    /// Of the listener, or of the stream.
    public let handle: UInt64
    public let remote: TransportAddress
    /// Where the client's packets arrive, and ours shall leave from.
    public let local: TransportAddress?

    public init(
        _ transport: Transport, handle: UInt64, remote: TransportAddress, local: TransportAddress? = nil
    ) {
        self.transport = transport
        self.handle = handle
        self.remote = remote
        self.local = local
    }
}

/// Where we are in time: on the monotonic clock, by which everything is measured, and on the wall, by which
/// packets of different runs of a peer are told apart.
public struct Moment: Sendable {
    public var now: Instant
    /// Since 1970-01-01 UTC.
    public var wallSeconds: UInt32

    public init(_ now: Instant, wallSeconds: UInt32) {
        self.now = now
        self.wallSeconds = wallSeconds
    }
}

/// Names a connection for as long as the process lives; never used twice. The low half is its place in the
/// table.
public struct ConnectionID: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    init(generation: UInt32, index: Int) { rawValue = UInt64(generation) << 32 | UInt64(index) }

    /// Smaller than the server's bound on connections, and used again when the connection is gone.
    public var index: Int { Int(rawValue & 0xffff_ffff) }

    public var description: String { String(rawValue, radix: 16) }
}

/// OpenVPN over a byte stream: each packet behind its length.
///
///     +------------+------------- - -
///     | length (2) | packet
///     +------------+------------- - -
public enum StreamFraming: Equatable, Sendable {
    public static let headerLength = 2
    /// Octets of the largest packet: a jumbo frame with encapsulation. What says more is not OpenVPN.
    public static let maxPacket = 10_000

    /// Fewer octets than a packet.
    case incomplete
    /// A packet of this many octets stands behind the two of its length.
    case packet(Int)
    /// Not OpenVPN (any more); the stream has to end.
    case broken

    /// Looks at the front of what has arrived.
    public init(_ bytes: RawSpan) {
        guard bytes.byteCount >= Self.headerLength else {
            self = .incomplete
            return
        }
        let length = Int(bytes.bigEndian(at: 0, as: UInt16.self))
        if length == 0 || length > Self.maxPacket {
            self = .broken
        } else {
            self = bytes.byteCount >= Self.headerLength + length ? .packet(length) : .incomplete
        }
    }

    /// Whether a new stream's first octets are a client's first packet. For sharing a port with other
    /// protocols. Nil until it is whole, since from then on a connection's own limits bound the stream.
    public static func isClientReset(_ bytes: RawSpan) -> Bool? {
        guard bytes.byteCount > headerLength else { return nil }
        let length = Int(bytes.bigEndian(at: 0, as: UInt16.self))
        let first = bytes.bigEndian(at: headerLength, as: UInt8.self)
        guard length >= ControlHead.length, length <= ControlPacket.maxReceived else { return false }
        guard Opcode(firstOctet: first)?.isClientReset == true, first & 7 == 0 else { return false }
        return bytes.byteCount >= headerLength + length ? true : nil
    }

    static func frame(_ packet: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(headerLength + packet.count)
        bytes.appendBigEndian(UInt16(packet.count))
        return bytes + packet
    }
}
