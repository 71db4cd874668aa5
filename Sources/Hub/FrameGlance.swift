import PluginABI
import Wire

/// The few octets of a frame that forwarding looks at. Valid as long as the frame is.
@safe struct FrameGlance {
    let destination: MACAddress
    let source: MACAddress
    private let start: UnsafeRawPointer
    private let length: Int
    private let etherType: UInt16
    private let isUntaggedSYN: Bool

    /// Nil for a runt.
    @inline(__always)
    init?(_ slice: pa_slice_v1) {
        guard let octets = unsafe slice.start, unsafe slice.length >= EthernetFrame.headerLength else {
            return nil
        }
        unsafe start = UnsafeRawPointer(octets)
        length = unsafe Int(slice.length)
        let first = unsafe UInt64(bigEndian: start.loadUnaligned(as: UInt64.self))
        let second = unsafe UInt64(bigEndian: start.loadUnaligned(fromByteOffset: 6, as: UInt64.self))
        destination = MACAddress(first >> 16)
        source = MACAddress(second >> 16)
        etherType = UInt16(truncatingIfNeeded: second)
        isUntaggedSYN = unsafe etherType == EtherType.ipv4.rawValue && Self.isSYN(start, length)
    }

    /// Whether the segment size may have to be lowered. Tagged frames and IPv6 are left to `MSSClamp` to look
    /// into.
    var mayNeedClamp: Bool {
        isUntaggedSYN || etherType == EtherType.ipv6.rawValue || etherType == EtherType.vlan.rawValue
    }

    @inline(__always)
    private static func isSYN(_ start: UnsafeRawPointer, _ length: Int) -> Bool {
        guard length >= 48, unsafe start.load(fromByteOffset: 23, as: UInt8.self) == IPProtocol.tcp.rawValue
        else {
            return false
        }
        let flags = unsafe 14 + Int(start.load(fromByteOffset: 14, as: UInt8.self) & 0x0f) * 4 + 13
        return unsafe flags < length
            && start.load(fromByteOffset: flags, as: UInt8.self)
                & TCPSegment.Flags.syn.rawValue != 0
    }
}

// MARK: - For policies

extension FrameGlance {
    /// RFC 2131 §4.1; here, because one from another module costs a call for each packet.
    private static let dhcpServerPort: UInt16 = 67
    private static let dhcpClientPort: UInt16 = 68
    /// RFC 8415 §7.2.
    private static let dhcpV6ClientPort: UInt16 = 546
    private static let dhcpV6ServerPort: UInt16 = 547

    /// The source of an IPv4 packet that says nothing beyond it. Nil for anything else, and in doubt.
    @inline(__always)
    var plainIPv4Source: UInt32? {
        guard etherType == EtherType.ipv4.rawValue, length >= 38,
            unsafe start.load(fromByteOffset: 14, as: UInt8.self) == 0x45
        else { return nil }
        if unsafe start.load(fromByteOffset: 23, as: UInt8.self) == IPProtocol.udp.rawValue {
            let from = unsafe start.loadUnaligned(fromByteOffset: 34, as: UInt16.self).bigEndian
            let to = unsafe start.loadUnaligned(fromByteOffset: 36, as: UInt16.self).bigEndian
            if from == Self.dhcpServerPort || to == Self.dhcpClientPort { return nil }
        }
        return unsafe UInt32(bigEndian: start.loadUnaligned(fromByteOffset: 26, as: UInt32.self))
    }

    /// An IPv6 packet that says nothing beyond its source: TCP, or UDP that is no DHCPv6 server's. False in
    /// doubt.
    var isPlainIPv6: Bool {
        guard etherType == EtherType.ipv6.rawValue, length >= 58,
            unsafe start.load(fromByteOffset: 14, as: UInt8.self) >> 4 == 6
        else { return false }
        switch IPProtocol(rawValue: unsafe start.load(fromByteOffset: 20, as: UInt8.self)) {
        case .tcp: return true
        case .udp:
            let from = unsafe start.loadUnaligned(fromByteOffset: 54, as: UInt16.self).bigEndian
            let to = unsafe start.loadUnaligned(fromByteOffset: 56, as: UInt16.self).bigEndian
            return from != Self.dhcpV6ServerPort && to != Self.dhcpV6ClientPort
        case _: return false
        }
    }

    /// Neither IP nor ARP, and nothing that could hide it: no policy has an opinion about it.
    var isForeignProtocol: Bool {
        switch etherType {
        case ...1500, EtherType.ipv4.rawValue, EtherType.arp.rawValue, EtherType.ipv6.rawValue,
            EtherType.vlan.rawValue, EtherType.serviceVLAN.rawValue, 0x9100:
            false
        case _: true
        }
    }

    /// ARP, or what neighbour discovery comes in.
    @inline(__always)
    var mayTellAddresses: Bool {
        if etherType == EtherType.arp.rawValue { return true }
        guard etherType == EtherType.ipv6.rawValue, length > 54 else { return false }
        return unsafe start.load(fromByteOffset: 20, as: UInt8.self) == IPProtocol.icmpV6.rawValue
    }
}
