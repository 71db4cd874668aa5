/// An IPv6 packet, RFC 8200 §3, seen in place. `init` checks version and length once.
///
///     |Version| Traffic Class |           Flow Label                  |
///     |         Payload Length        |  Next Header  |   Hop Limit   |
///     |                    Source Address (16)                        |
///     |                  Destination Address (16)                     |
///
/// What follows Payload Length is cut off. Jumbograms (RFC 2675) are not read, fragments not reassembled.
public struct IPv6Packet: ~Escapable {
    public static let headerLength = 40
    /// What every link has to carry, RFC 8200 §5.
    public static let minMTU = 1280
    /// How many extension headers `upperLayer` walks before it gives up.
    public static let maxExtensionHeaders = 8

    /// The whole packet.
    public let bytes: RawSpan

    @_lifetime(copy bytes)
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= Self.headerLength, bytes.bigEndian(at: 0, as: UInt8.self) >> 4 == 6 else {
            return nil
        }
        let length = Self.headerLength + Int(bytes.bigEndian(at: 4, as: UInt16.self))
        guard length <= bytes.byteCount else { return nil }
        self.bytes = bytes.extracting(first: length)
    }

    public var nextHeader: IPProtocol { IPProtocol(rawValue: bytes.bigEndian(at: 6)) }
    public var hopLimit: UInt8 { bytes.bigEndian(at: 7) }
    public var source: IPv6Address { IPv6Address(bytes, at: 8) }
    public var destination: IPv6Address { IPv6Address(bytes, at: 24) }

    /// What follows the fixed header: extension headers and payload.
    public var payload: RawSpan {
        @_lifetime(copy self)
        get { bytes.extracting(droppingFirst: Self.headerLength) }
    }
}

extension IPv6Packet {
    /// What stands behind the extension headers.
    public struct UpperLayer: Equatable, Sendable {
        public var `protocol`: IPProtocol
        /// From the packet's first octet; at most its length.
        public var offset: Int
        /// In octets, from a Fragment header. If it is not zero, the protocol's own header is in another
        /// packet.
        public var fragmentOffset = 0
        public var isFragment = false
    }

    /// Walks the extension headers, RFC 8200 §4. Throws `truncated` where one does not fit into the packet
    /// and `tooDeep` where there are more than `maxExtensionHeaders`. ESP and unknown headers end the walk.
    public func upperLayer() throws(WireError) -> UpperLayer {
        var found = UpperLayer(protocol: nextHeader, offset: Self.headerLength)
        for _ in 0...Self.maxExtensionHeaders {
            guard let header = ExtensionHeader(rawValue: found.protocol.rawValue) else { return found }
            guard found.offset + 8 <= bytes.byteCount else { throw .truncated }
            let lengthField = Int(bytes.bigEndian(at: found.offset + 1, as: UInt8.self))
            if header == .fragment {
                let field = bytes.bigEndian(at: found.offset + 2, as: UInt16.self)
                found.isFragment = true
                found.fragmentOffset = Int(field & 0xfff8)
            }
            found.protocol = IPProtocol(rawValue: bytes.bigEndian(at: found.offset))
            found.offset += header.length(lengthField)
            guard found.offset <= bytes.byteCount else { throw .truncated }
            // Behind the first fragment's header the bytes of later fragments are payload, not headers.
            if found.fragmentOffset != 0 { return found }
        }
        throw .tooDeep
    }

    /// IANA IPv6 Extension Header Types, without ESP.
    private enum ExtensionHeader: UInt8 {
        case hopByHopOptions = 0
        case routing = 43
        case fragment = 44
        case authentication = 51
        case destinationOptions = 60
        case mobility = 135
        case hostIdentity = 139
        case shim6 = 140

        /// In octets, from the header's length field.
        func length(_ field: Int) -> Int {
            switch self {
            case .fragment: 8
            case .authentication: (field + 2) * 4
            case .hopByHopOptions, .routing, .destinationOptions, .mobility, .hostIdentity, .shim6:
                (field + 1) * 8
            }
        }
    }
}
