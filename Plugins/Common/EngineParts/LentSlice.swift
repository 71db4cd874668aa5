public import PluginABI

/// Moves of a lent slice's ends. The caller has checked that there is room.
extension pa_slice_v1 {
    /// Gives the first `count` octets to the headroom.
    @inlinable @inline(__always)
    public mutating func dropFirst(_ count: Int) {
        unsafe start += count
        unsafe length -= UInt32(truncatingIfNeeded: count)
        unsafe headroom = UInt16(truncatingIfNeeded: min(Int(UInt16.max), Int(headroom) + count))
    }

    /// Takes `count` octets from the headroom.
    @inlinable @inline(__always)
    public mutating func extendFront(_ count: Int) {
        unsafe start -= count
        unsafe length += UInt32(truncatingIfNeeded: count)
        unsafe headroom -= UInt16(truncatingIfNeeded: count)
    }

    /// Gives the last `count` octets to the tailroom.
    @inlinable @inline(__always)
    public mutating func dropLast(_ count: Int) {
        unsafe length -= UInt32(truncatingIfNeeded: count)
        unsafe tailroom = UInt16(truncatingIfNeeded: min(Int(UInt16.max), Int(tailroom) + count))
    }

    /// Takes `count` octets from the tailroom.
    @inlinable @inline(__always)
    public mutating func extendBack(_ count: Int) {
        unsafe length += UInt32(truncatingIfNeeded: count)
        unsafe tailroom -= UInt16(truncatingIfNeeded: count)
    }
}
