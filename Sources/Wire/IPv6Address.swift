/// An IPv6 address, RFC 4291, in host byte order. Written as RFC 5952 demands; zones are no part of it.
public struct IPv6Address: Hashable, Sendable {
    public let upper: UInt64
    public let lower: UInt64

    @inlinable public init(_ upper: UInt64, _ lower: UInt64) {
        self.upper = upper
        self.lower = lower
    }

    init(_ bytes: RawSpan, at offset: Int) {
        self.init(bytes.bigEndian(at: offset), bytes.bigEndian(at: offset + 8))
    }

    public static let any = IPv6Address(0, 0)

    /// ::ffff:a.b.c.d, RFC 4291 §2.5.5.2.
    @inlinable public init(mapping address: IPv4Address) {
        self.init(0, 0xffff_0000_0000 | UInt64(address.bits))
    }

    /// The IPv4 address that it maps, if it does.
    public var mapped: IPv4Address? {
        upper == 0 && lower >> 32 == 0xffff ? IPv4Address(UInt32(truncatingIfNeeded: lower)) : nil
    }

    /// ff00::/8, RFC 4291 §2.7.
    public var isMulticast: Bool { upper >> 56 == 0xff }
    /// fe80::/10, RFC 4291 §2.5.6.
    public var isLinkLocal: Bool { upper >> 54 == 0x3fa }

    /// One that a host may have on any link: RFC 4291 §2.4 without the unspecified, loopback, multicast and
    /// mapped addresses, and without link-local ones, which are good on their own link only.
    public var isRoutable: Bool {
        !(upper == 0 && lower <= 1) && !isMulticast && !isLinkLocal && mapped == nil
    }

    /// How far a multicast goes, RFC 4291 §2.7: 2 is the link.
    public var multicastScope: UInt8 { UInt8(truncatingIfNeeded: upper >> 48 & 0xf) }

    /// RFC 4291 §2.7.1.
    public static let allNodes = IPv6Address(0xff02_0000_0000_0000, 1)
    public static let allRouters = IPv6Address(0xff02_0000_0000_0000, 2)

    /// All_DHCP_Relay_Agents_and_Servers, RFC 8415 §7.1.
    public static let allDHCPServers = IPv6Address(0xff02_0000_0000_0000, 0x1_0002)

    /// Where a neighbour asks for this address, RFC 4291 §2.7.1.
    public var solicitedNode: IPv6Address {
        IPv6Address(0xff02_0000_0000_0000, 0x1_ff00_0000 | lower & 0xff_ffff)
    }

    /// RFC 4291 §2.5.6.
    public static func linkLocal(interface identifier: UInt64) -> IPv6Address {
        IPv6Address(0xfe80_0000_0000_0000, identifier)
    }

    /// The eight 16-bit groups, first to last.
    public var groups: [UInt16] {
        (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? upper : lower) >> (48 - 16 * UInt64($0 % 4))) }
    }
}

extension IPv6Address {
    /// Parses every form of RFC 4291 §2.2: groups, one "::", and a dotted IPv4 address as the last two
    /// groups.
    public init?(_ text: some StringProtocol) {
        // Only the last part can hold a dotted address, so the "::" splits the work into head and tail.
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (3...9).contains(parts.count) else { return nil }
        var groups: [UInt16] = []
        var gap: Int?
        for (index, part) in parts.enumerated() {
            if part.isEmpty {
                // An empty part is one side of "::": at an end of the text there are two of them.
                let isEdge = index == 0 || index == parts.count - 1
                if isEdge {
                    guard parts[index == 0 ? 1 : index - 1].isEmpty else { return nil }
                } else {
                    guard gap == nil else { return nil }
                    gap = groups.count
                }
            } else if let found = Self.groups(of: part, isLast: index == parts.count - 1) {
                groups += found
            } else {
                return nil
            }
        }
        if let gap {
            guard groups.count < 8 else { return nil }
            groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        self.init(
            groups[..<4].reduce(0) { $0 << 16 | UInt64($1) }, groups[4...].reduce(0) { $0 << 16 | UInt64($1) }
        )
    }

    private static func groups(of part: some StringProtocol, isLast: Bool) -> [UInt16]? {
        if isLast, part.contains(".") {
            return IPv4Address(part).map { [UInt16($0.bits >> 16), UInt16($0.bits & 0xffff)] }
        }
        guard part.utf8.count <= 4, part.first != "+", part.first != "-" else { return nil }
        return UInt16(part, radix: 16).map { [$0] }
    }
}

extension IPv6Address: CustomStringConvertible {
    public var description: String {
        if let mapped { return "::ffff:\(mapped)" }
        let texts = groups.map { String($0, radix: 16) }
        let zeros = longestRunOfZeros
        guard zeros.count >= 2 else { return texts.joined(separator: ":") }
        return texts[..<zeros.lowerBound].joined(separator: ":") + "::"
            + texts[zeros.upperBound...].joined(separator: ":")
    }

    /// The first of equally long ones, RFC 5952 §4.2.3.
    private var longestRunOfZeros: Range<Int> {
        var longest = 0..<0
        var start = 0
        for (index, group) in groups.enumerated() {
            if group != 0 { start = index + 1 }
            if index + 1 - start > longest.count { longest = start..<index + 1 }
        }
        return longest
    }
}
