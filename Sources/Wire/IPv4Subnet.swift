/// An IPv4 address together with the length of its network prefix, as in 192.168.30.1/24 (RFC 4632 §3.1).
public struct IPv4Subnet: Hashable, Sendable {
    public let address: IPv4Address
    /// 0...32.
    public let prefixLength: Int

    /// nil unless the prefix length is 0...32.
    public init?(_ address: IPv4Address, prefixLength: Int) {
        guard (0...32).contains(prefixLength) else { return nil }
        self.address = address
        self.prefixLength = prefixLength
    }

    /// nil if the mask has a hole.
    public init?(_ address: IPv4Address, mask: IPv4Address) {
        let prefixLength = (~mask.bits).leadingZeroBitCount
        guard Self.mask(prefixLength) == mask else { return nil }
        self.address = address
        self.prefixLength = prefixLength
    }

    /// Parses address "/" prefix length; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4Address(parts[0]), (1...2).contains(parts[1].utf8.count),
            parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(parts[1])
        else { return nil }
        self.init(address, prefixLength: length)
    }

    public var mask: IPv4Address { Self.mask(prefixLength) }
    /// The first address, all host bits zero.
    public var network: IPv4Address { IPv4Address(address.bits & mask.bits) }
    /// The last address, all host bits one.
    public var broadcast: IPv4Address { IPv4Address(address.bits | ~mask.bits) }

    public func contains(_ other: IPv4Address) -> Bool { (other.bits ^ address.bits) & mask.bits == 0 }

    private static func mask(_ prefixLength: Int) -> IPv4Address {
        IPv4Address(prefixLength == 0 ? 0 : ~0 << UInt32(32 - prefixLength))
    }
}

extension IPv4Subnet: CustomStringConvertible {
    public var description: String { "\(address)/\(prefixLength)" }
}
