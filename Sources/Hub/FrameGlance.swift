import PluginABI
import Wire

/// The few octets of a frame that forwarding looks at, read once.
struct FrameGlance {
    let destination: MACAddress
    let source: MACAddress
    private let etherType: UInt16
    private let isUntaggedSYN: Bool

    /// Nil for a runt.
    @inline(__always)
    init?(_ slice: pa_slice_v1) {
        guard let octets = unsafe slice.start, unsafe slice.length >= EthernetFrame.headerLength else {
            return nil
        }
        let start = UnsafeRawPointer(octets)
        let first = unsafe UInt64(bigEndian: start.loadUnaligned(as: UInt64.self))
        let second = unsafe UInt64(bigEndian: start.loadUnaligned(fromByteOffset: 6, as: UInt64.self))
        destination = MACAddress(first >> 16)
        source = MACAddress(second >> 16)
        etherType = UInt16(truncatingIfNeeded: second)
        isUntaggedSYN = unsafe etherType == EtherType.ipv4.rawValue && Self.isSYN(start, Int(slice.length))
    }

    var isARP: Bool { etherType == EtherType.arp.rawValue }

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
