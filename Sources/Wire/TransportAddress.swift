/// Where a peer sends from, or where a datagram of it arrived: an IP address and a port.
public struct TransportAddress: Hashable, Sendable {
    public enum Family: UInt8, Sendable {
        case ipv4 = 4
        case ipv6 = 6
    }

    public let family: Family
    /// The octets as two numbers, first octet most significant; IPv4 fills the low half of `low`.
    public let high: UInt64
    public let low: UInt64
    public let port: UInt16
    /// The zone of a link-local address, else zero.
    public let scope: UInt32

    @inlinable public init(ipv4 bits: UInt32, port: UInt16) {
        family = .ipv4
        high = 0
        low = UInt64(bits)
        self.port = port
        scope = 0
    }

    @inlinable public init(ipv6High high: UInt64, low: UInt64, port: UInt16, scope: UInt32 = 0) {
        family = .ipv6
        self.high = high
        self.low = low
        self.port = port
        self.scope = scope
    }

    /// The address without its port: what limits per source count by. Of IPv6 the first 64 bits, which is
    /// what one customer has.
    public var source: TransportAddress {
        switch family {
        case .ipv4: TransportAddress(ipv4: UInt32(truncatingIfNeeded: low), port: 0)
        case .ipv6: TransportAddress(ipv6High: high, low: 0, port: 0)
        }
    }

    /// The address alone, as raw IP has it.
    public var withoutPort: TransportAddress {
        switch family {
        case .ipv4: TransportAddress(ipv4: UInt32(truncatingIfNeeded: low), port: 0)
        case .ipv6: TransportAddress(ipv6High: high, low: low, port: 0, scope: scope)
        }
    }

    /// What `serialize` wrote.
    public init(parsing reader: inout ByteReader) throws(WireError) {
        guard let family = Family(rawValue: try reader.read(UInt8.self)) else { throw .badValue }
        let (high, low) = (try reader.read(UInt64.self), try reader.read(UInt64.self))
        let (port, scope) = (try reader.read(UInt16.self), try reader.read(UInt32.self))
        switch family {
        case .ipv4: self.init(ipv4: UInt32(truncatingIfNeeded: low), port: port)
        case .ipv6: self.init(ipv6High: high, low: low, port: port, scope: scope)
        }
    }

    /// Family, octets, port and scope, always as many: for authenticating it.
    public func serialize(into bytes: inout [UInt8]) {
        bytes.append(family.rawValue)
        bytes.appendBigEndian(high)
        bytes.appendBigEndian(low)
        bytes.appendBigEndian(port)
        bytes.appendBigEndian(scope)
    }
}

extension TransportAddress: CustomStringConvertible {
    public var description: String {
        switch family {
        case .ipv4:
            return "\(IPv4Address(UInt32(truncatingIfNeeded: low))):\(port)"
        case .ipv6:
            let groups = [high, low].flatMap { half in
                stride(from: 48, through: 0, by: -16).map { String(half >> UInt64($0) & 0xffff, radix: 16) }
            }
            return "[\(groups.joined(separator: ":"))]:\(port)"
        }
    }
}
