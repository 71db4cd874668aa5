/// An IPv4 address, in host byte order.
public struct IPv4Address: Hashable, Sendable {
    public let bits: UInt32
    @inlinable public init(_ bits: UInt32) { self.bits = bits }

    public static let any = IPv4Address(0)
    public static let broadcast = IPv4Address(0xffff_ffff)

    /// Parses dotted decimal notation; nil unless there are exactly four decimal octets.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let octet = UInt8(part)
            else { return nil }
            bits = bits << 8 | UInt32(octet)
        }
        self.bits = bits
    }

    /// 224.0.0.0/4, RFC 5771.
    @inlinable public var isMulticast: Bool { bits >> 28 == 0xe }

    /// Whether a host on a network may have it: not 0.0.0.0/8, loopback, multicast or above (RFC 6890).
    public var isHostAddress: Bool {
        let first = bits >> 24
        return first != 0 && first != 127 && first < 224
    }
}

extension IPv4Address: CustomStringConvertible {
    public var description: String { "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)" }
}
