/// A 48-bit IEEE MAC address, in the low bits of a word.
public struct MACAddress: Hashable, Sendable {
    public let bits: UInt64

    /// Bits above the 48th are ignored.
    @inlinable public init(_ bits: UInt64) { self.bits = bits & 0xffff_ffff_ffff }

    /// Parses six hexadecimal octets with ":" or "-" between them; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "-" }
        guard parts.count == 6 else { return nil }
        var bits: UInt64 = 0
        for part in parts {
            guard part.utf8.count == 2, part.first != "+", part.first != "-",
                let octet = UInt8(part, radix: 16)
            else { return nil }
            bits = bits << 8 | UInt64(octet)
        }
        self.bits = bits
    }

    @inlinable @inline(__always) init(_ bytes: RawSpan, at offset: Int) {
        bits =
            UInt64(bytes.bigEndian(at: offset, as: UInt32.self)) << 16
            | UInt64(bytes.bigEndian(at: offset + 4, as: UInt16.self))
    }

    public static let broadcast = MACAddress(0xffff_ffff_ffff)

    /// Multicast or broadcast: the least significant bit of the first octet, IEEE 802-2014 §8.2.2.
    @inlinable public var isGroup: Bool { bits & 0x0100_0000_0000 != 0 }

    /// The local bit: not from a manufacturer's block, IEEE 802-2014 §8.2.2.
    public var isLocallyAdministered: Bool { bits & 0x0200_0000_0000 != 0 }

    /// Where an IPv4 packet to `group` goes: 01:00:5e and the lower 23 bits, RFC 1112 §6.4.
    public static func multicast(_ group: IPv4Address) -> MACAddress {
        MACAddress(0x0100_5e00_0000 | UInt64(group.bits & 0x7f_ffff))
    }

    /// Where an IPv6 packet to `group` goes: 33:33 and the lower 32 bits, RFC 2464 §7.
    public static func multicast(_ group: IPv6Address) -> MACAddress {
        MACAddress(0x3333_0000_0000 | group.lower & 0xffff_ffff)
    }

    /// Modified EUI-64, RFC 4291 appendix A: ff:fe in the middle, and the local bit inverted.
    public var interfaceIdentifier: UInt64 {
        ((bits >> 24) << 40 | 0xff_fe00_0000 | bits & 0xff_ffff) ^ 0x0200_0000_0000_0000
    }

    /// From six octets; nil for any other number.
    public init?(octets: [UInt8]) {
        guard octets.count == 6 else { return nil }
        bits = octets.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The six octets, in the order of transmission.
    public var octets: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: bits >> (40 - 8 * $0)) } }
}

extension MACAddress: CustomStringConvertible {
    public var description: String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
}
