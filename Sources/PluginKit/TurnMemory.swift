internal import PluginABI
public import Wire

/// Octets of a module's own that may be sent between lent ones: they stay untouched until the turn ends, and
/// are used again in the next one. Turns are told apart by the time, which stands still in each.
@safe public struct TurnMemory: ~Copyable {
    private let start: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    private var used = 0
    private var turn = Instant(nanoseconds: 0)

    public init(capacity: Int) {
        unsafe start = .allocate(capacity: capacity)
        unsafe start.initialize(repeating: 0, count: capacity)
        self.capacity = capacity
    }

    deinit { unsafe start.deallocate() }

    /// `count` octets that hold anything, with room in front. Nil where this turn has used up what there is.
    public mutating func take(_ count: Int, headroom: Int = 0, at now: Instant) -> PacketSlice? {
        if now != turn {
            turn = now
            used = 0
        }
        guard count >= 0, headroom >= 0, count + headroom <= capacity - used else { return nil }
        defer { used += headroom + count }
        return unsafe PacketSlice(
            raw: pa_slice_v1(
                start: start + used + headroom, length: UInt32(count), headroom: UInt16(headroom), tailroom: 0
            ))
    }
}
