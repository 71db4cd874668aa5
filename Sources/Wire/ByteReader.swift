/// Why bytes from the peer are not a message. The caller drops the packet and counts it.
public enum WireError: Error, Equatable {
    case truncated
    case badLength
    case badValue
    /// More nested headers than we follow.
    case tooDeep
}

/// Reads big-endian fields front to back from bytes it borrows. Running out throws; nothing traps.
public struct ByteReader: ~Escapable {
    private var bytes: RawSpan

    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) { self.bytes = bytes }

    /// Octets not read yet.
    public var remaining: Int { bytes.byteCount }

    public mutating func read<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) throws(WireError) -> T {
        let size = MemoryLayout<T>.size
        guard bytes.byteCount >= size else { throw .truncated }
        let value = unsafe bytes.unsafeLoadUnaligned(as: T.self)
        bytes = bytes.extracting(droppingFirst: size)
        return T(bigEndian: value)
    }

    /// Splits off the next `count` octets, as a reader that cannot see past them.
    @_lifetime(copy self)
    public mutating func split(_ count: Int) throws(WireError) -> ByteReader {
        guard count >= 0, bytes.byteCount >= count else { throw .truncated }
        let front = ByteReader(bytes.extracting(first: count))
        bytes = bytes.extracting(droppingFirst: count)
        return front
    }

    /// Copies the next `count` octets.
    public mutating func take(_ count: Int) throws(WireError) -> [UInt8] {
        var front = try split(count)
        return front.rest()
    }

    public mutating func readMACAddress() throws(WireError) -> MACAddress {
        let upper = try read(UInt16.self)
        return MACAddress(UInt64(upper) << 32 | UInt64(try read(UInt32.self)))
    }

    public mutating func readIPv4Address() throws(WireError) -> IPv4Address {
        IPv4Address(try read(UInt32.self))
    }

    public mutating func readIPv6Address() throws(WireError) -> IPv6Address {
        let upper = try read(UInt64.self)
        return IPv6Address(upper, try read(UInt64.self))
    }

    /// Copies everything that is left.
    public mutating func rest() -> [UInt8] {
        defer { bytes = bytes.extracting(first: 0) }
        return Array(copying: bytes)
    }
}

extension [UInt8] {
    /// A copy of the octets.
    public init(copying bytes: RawSpan) {
        self = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    }

    /// The array's octets, to be parsed in place. (`span.bytes` is marked unsafe, for types with padding.)
    public var rawSpan: RawSpan {
        @_lifetime(borrow self)
        get {
            let bytes = unsafe span.bytes
            return unsafe _overrideLifetime(bytes, borrowing: self)
        }
    }

    /// Appends `value` in network byte order.
    public mutating func appendBigEndian<T: FixedWidthInteger>(_ value: T) {
        unsafe Swift.withUnsafeBytes(of: value.bigEndian) { unsafe append(contentsOf: $0) }
    }

    /// Appends the six octets in the order of transmission.
    public mutating func append(_ mac: MACAddress) {
        appendBigEndian(UInt16(truncatingIfNeeded: mac.bits >> 32))
        appendBigEndian(UInt32(truncatingIfNeeded: mac.bits))
    }

    public mutating func append(_ address: IPv6Address) {
        appendBigEndian(address.upper)
        appendBigEndian(address.lower)
    }

    public mutating func appendEthernetHeader(
        to destination: MACAddress, from source: MACAddress, carrying type: EtherType
    ) {
        append(destination)
        append(source)
        appendBigEndian(type.rawValue)
    }

    public mutating func appendZeros(_ count: Int) { append(contentsOf: repeatElement(0, count: count)) }
}

extension RawSpan {
    /// The big-endian integer at `offset`. The caller has checked the length.
    @inlinable @inline(__always)
    public func bigEndian<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as _: T.Type = T.self) -> T
    {
        precondition(
            offset >= 0 && offset <= byteCount &- MemoryLayout<T>.size, "field outside of its packet")
        return T(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: T.self))
    }
}
