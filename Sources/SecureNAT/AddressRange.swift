public import Wire

/// Consecutive IPv4 addresses, both ends included.
public struct AddressRange: Hashable, Sendable {
    public let first: IPv4Address
    public let last: IPv4Address

    /// nil if they are in the wrong order.
    public init?(_ first: IPv4Address, _ last: IPv4Address) {
        guard first.bits <= last.bits else { return nil }
        self.first = first
        self.last = last
    }

    public var count: Int { Int(last.bits - first.bits) + 1 }
    public func contains(_ address: IPv4Address) -> Bool { (first.bits...last.bits).contains(address.bits) }
}

extension AddressRange: CustomStringConvertible {
    public var description: String { "\(first)-\(last)" }
}
