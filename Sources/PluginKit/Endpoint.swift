public import PluginABI
public import Wire

/// A transport address: IP address and port. The port is zero for raw IP.
public struct Endpoint: Sendable {
    public enum Family: UInt8, Sendable {
        case ipv4 = 4
        case ipv6 = 6
    }

    /// As it crosses the ABI.
    public let raw: pa_address_v1

    @inlinable init(raw: pa_address_v1) { self.raw = raw }

    /// Nil for PA_FAMILY_NONE and for families that this side does not know.
    @inlinable public init?(_ raw: pa_address_v1) {
        guard raw.family == 4 || raw.family == 6 else { return nil }
        self.raw = raw
    }

    public init(_ address: IPv4Address, port: UInt16) {
        self.init(ipv4: address.bits, port: port)
    }

    /// `bits` in host byte order.
    @inlinable public init(ipv4 bits: UInt32, port: UInt16) {
        var raw = pa_address_v1()
        raw.family = 4
        raw.port = port
        unsafe withUnsafeMutableBytes(of: &raw.octets) { octets in
            unsafe octets.storeBytes(of: bits.bigEndian, as: UInt32.self)
        }
        self.raw = raw
    }

    /// The octets as two numbers, the first octet most significant. `scope` is the zone of a link-local
    /// address.
    @inlinable public init(ipv6High high: UInt64, low: UInt64, port: UInt16, scope: UInt32 = 0) {
        var raw = pa_address_v1()
        raw.family = 6
        raw.port = port
        raw.scope = scope
        unsafe withUnsafeMutableBytes(of: &raw.octets) { octets in
            unsafe octets.storeBytes(of: high.bigEndian, as: UInt64.self)
            unsafe octets.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        self.raw = raw
    }

    /// The same address at another port.
    public func with(port: UInt16) -> Endpoint {
        var raw = raw
        raw.port = port
        return Endpoint(raw: raw)
    }

    @inlinable public var family: Family { raw.family == 4 ? .ipv4 : .ipv6 }
    @inlinable public var port: UInt16 { raw.port }
    @inlinable public var scope: UInt32 { raw.scope }

    /// The first eight octets, the first one most significant. IPv4 stands in the upper half.
    @inlinable public var high: UInt64 { word(at: 0) }
    /// The last eight octets; zero for IPv4.
    @inlinable public var low: UInt64 { word(at: 8) }

    /// Nil for IPv4.
    @inlinable public var ipv6: IPv6Address? {
        family == .ipv6 ? IPv6Address(high, low) : nil
    }

    /// Nil for IPv6.
    @inlinable public var ipv4: IPv4Address? {
        family == .ipv4 ? IPv4Address(UInt32(truncatingIfNeeded: high >> 32)) : nil
    }

    @inlinable func word(at offset: Int) -> UInt64 {
        unsafe withUnsafeBytes(of: raw.octets) { octets in
            UInt64(bigEndian: unsafe octets.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
    }
}

extension Endpoint: Hashable {
    @inlinable public static func == (a: Endpoint, b: Endpoint) -> Bool {
        a.high == b.high && a.low == b.low && a.port == b.port && a.raw.family == b.raw.family
            && a.scope == b.scope
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(high)
        hasher.combine(low)
        hasher.combine(port)
        hasher.combine(scope)
    }
}

extension Endpoint: CustomStringConvertible {
    /// The address without the port, as text.
    public var address: String {
        if let ipv4 { return ipv4.description }
        let groups = [high, low].flatMap { half in
            stride(from: 48, through: 0, by: -16).map { String(half >> UInt64($0) & 0xffff, radix: 16) }
        }
        return groups.joined(separator: ":")
    }

    public var description: String { family == .ipv4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}

// MARK: - As engines know it

extension TransportAddress {
    @inlinable @inline(__always)
    public init(_ endpoint: Endpoint) {
        switch endpoint.family {
        case .ipv4: self.init(ipv4: UInt32(truncatingIfNeeded: endpoint.high >> 32), port: endpoint.port)
        case .ipv6:
            self.init(ipv6High: endpoint.high, low: endpoint.low, port: endpoint.port, scope: endpoint.scope)
        }
    }
}

extension Endpoint {
    @inlinable @inline(__always)
    public init(_ address: TransportAddress) {
        switch address.family {
        case .ipv4: self.init(ipv4: UInt32(truncatingIfNeeded: address.low), port: address.port)
        case .ipv6:
            self.init(ipv6High: address.high, low: address.low, port: address.port, scope: address.scope)
        }
    }
}
