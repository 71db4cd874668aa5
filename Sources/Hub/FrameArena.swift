public import PluginABI

/// Where a lane puts frames that it has to copy: flooded, come from another lane, or short of headroom.
/// Whole slots, handed out front to back and all taken back when the turn ends.
public final class FrameArena {
    /// The longest frame that can be copied: 1500 octets of payload behind an Ethernet header with two VLAN
    /// tags, and room for tunnels with a somewhat larger MTU.
    public static let maxFrame = 1728
    public static let headroom = 192
    public static let tailroom = 192
    /// Not a power of two, so that slots do not all fall into the same cache sets.
    private static let stride = headroom + maxFrame + tailroom
    /// Copies that one turn may make: a flood of a whole batch to thirty ports.
    public static let slots = 2048

    private let memory = ZeroedWords<UInt8>(count: stride * slots)
    private var used = 0

    public init() {}
    deinit { memory.free() }

    /// A copy of the frame with full headroom and tailroom; nil when it is too long or the turn has used up
    /// its slots.
    public func copy(_ frame: pa_slice_v1) -> pa_slice_v1? {
        guard used < Self.slots, unsafe frame.length <= Self.maxFrame, let source = unsafe frame.start else {
            return nil
        }
        let start = unsafe memory.start + (used * Self.stride + Self.headroom)
        used += 1
        unsafe start.update(from: source, count: Int(frame.length))
        let rest = Self.maxFrame - Int(unsafe frame.length) + Self.tailroom
        return unsafe pa_slice_v1(
            start: start, length: frame.length, headroom: UInt16(Self.headroom), tailroom: UInt16(rest))
    }

    /// Whether the rest is better kept for frames that somebody waits for.
    var isHalfUsed: Bool { used >= Self.slots / 2 }

    /// Takes all slots back.
    public func reset() { used = 0 }
}
