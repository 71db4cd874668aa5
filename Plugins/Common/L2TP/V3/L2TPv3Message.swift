public import Wire

/// A packet of L2TPv3, RFC 3931 §3.2.1, §4.1: over IP behind four zero octets, over UDP without them.
///
///     |T|L|x|x|S|x x x x x x x|  Ver  |             Length            |
///     |                     Control Connection ID                     |
///     |               Ns              |               Nr              |
public struct L2TPv3Header: Equatable, Sendable {
    public static let length = 12
    /// T, L and S set, version 3.
    static let control: UInt16 = 0xc803
    /// What has to be as it is; unknown bits are ignored on receipt.
    private static let mask: UInt16 = 0xc80f

    public var connection: UInt32
    public var ns: UInt16
    public var nr: UInt16

    /// `input` is the message, without the zeros of IP; behind it only AVPs are left.
    public init(parsing input: inout ByteReader) throws(WireError) {
        let total = input.remaining
        guard try input.read(UInt16.self) & Self.mask == Self.control else { throw .badValue }
        guard Int(try input.read(UInt16.self)) == total else { throw .badLength }
        connection = try input.read(UInt32.self)
        ns = try input.read(UInt16.self)
        nr = try input.read(UInt16.self)
    }

    public init(connection: UInt32, ns: UInt16, nr: UInt16) {
        self.connection = connection
        self.ns = ns
        self.nr = nr
    }

    public func serialize(into output: inout [UInt8], bodyLength: Int) {
        output.appendBigEndian(Self.control)
        output.appendBigEndian(UInt16(Self.length + bodyLength))
        output.appendBigEndian(connection)
        output.appendBigEndian(ns)
        output.appendBigEndian(nr)
    }
}

/// What L2TPv3 travels in.
public enum L2TPv3Transport: Sendable {
    /// IP protocol 115.
    case ip
    /// Port 1701.
    case udp

    /// Octets in front of the session id of a data packet: with UDP, flags, version and a reserved field.
    public var dataPrefix: Int { self == .udp ? 4 : 0 }
}

/// Where an established session's frames go.
public struct L2TPv3Session: Equatable, Sendable {
    public let transport: L2TPv3Transport
    /// Of the packets that we get.
    public let localID: UInt32
    public let remoteID: UInt32
    /// 0, 4 or 8 octets that the peer wants to see.
    public let remoteCookie: [UInt8]
    /// Whether four octets of sublayer stand before each frame.
    public let hasSublayer: Bool

    /// Octets in front of a frame.
    public var headerLength: Int {
        transport.dataPrefix + 4 + remoteCookie.count + (hasSublayer ? 4 : 0)
    }

    /// The octets in front of each frame that we send; the sublayer without a sequence number.
    public var header: [UInt8] {
        var octets: [UInt8] = transport == .udp ? [0, 3, 0, 0] : []
        octets.appendBigEndian(remoteID)
        octets += remoteCookie
        if hasSublayer { octets.appendZeros(4) }
        return octets
    }

    /// What stands in front of a frame that we get: we ask for no cookie, as ESP authenticates.
    public var receivedHeaderLength: Int { transport.dataPrefix + 4 + (hasSublayer ? 4 : 0) }
}
