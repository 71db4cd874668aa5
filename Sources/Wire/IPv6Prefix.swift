/// An IPv6 prefix, as in 2001:db8::/32 (RFC 4291 §2.3). The bits behind it are zero.
public struct IPv6Prefix: Hashable, Sendable {
    public let network: IPv6Address
    /// 0...128.
    public let length: Int

    /// The prefix of that length which holds `address`; nil unless the length is 0...128.
    public init?(_ address: IPv6Address, length: Int) {
        guard (0...128).contains(length) else { return nil }
        let (upper, lower) = Self.mask(length)
        network = IPv6Address(address.upper & upper, address.lower & lower)
        self.length = length
    }

    /// Parses address "/" prefix length; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv6Address(parts[0]), (1...3).contains(parts[1].utf8.count),
            parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(parts[1])
        else { return nil }
        self.init(address, length: length)
    }

    public func contains(_ other: IPv6Address) -> Bool {
        let (upper, lower) = Self.mask(length)
        return (other.upper ^ network.upper) & upper == 0 && (other.lower ^ network.lower) & lower == 0
    }

    /// The network in the upper half and `identifier` in the lower one, which a prefix of 64 bits leaves
    /// free.
    public func address(interface identifier: UInt64) -> IPv6Address {
        precondition(length == 64, "interface identifiers have 64 bits, RFC 4291 §2.5.1")
        return IPv6Address(network.upper, identifier)
    }

    private static func mask(_ length: Int) -> (upper: UInt64, lower: UInt64) {
        // Shifts by the whole width give zero.
        (~0 << UInt64(max(0, 64 - length)), ~0 << UInt64(128 - max(64, length)))
    }
}

extension IPv6Prefix: CustomStringConvertible {
    public var description: String { "\(network)/\(length)" }
}
