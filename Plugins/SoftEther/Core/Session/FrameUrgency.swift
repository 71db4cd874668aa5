import Wire

/// Whether a frame must not wait behind others: an IP packet whose sender has marked it so (RFC 2474), by any
/// code point but the default and those of less than the default's effort (CS1, and LE of RFC 8622).
public enum FrameUrgency {
    private static let ordinary: [UInt8] = [0, 1, 8]

    public static func isUrgent(_ frame: RawSpan) -> Bool {
        guard frame.byteCount >= 34, let position = networkHeader(frame) else { return false }
        let word = frame.bigEndian(at: position, as: UInt16.self)
        switch word >> 12 {
        case 4: return !ordinary.contains(UInt8(truncatingIfNeeded: word & 0xff) >> 2)
        case 6: return !ordinary.contains(UInt8(truncatingIfNeeded: word >> 4) >> 2)
        default: return false
        }
    }

    /// Behind one VLAN tag at most; nil where it is none of IP.
    private static func networkHeader(_ frame: RawSpan) -> Int? {
        let type = frame.bigEndian(at: 12, as: UInt16.self)
        let inner = type == 0x8100 ? frame.bigEndian(at: 16, as: UInt16.self) : type
        guard inner == 0x0800 || inner == 0x86dd else { return nil }
        return type == 0x8100 ? 18 : 14
    }
}
