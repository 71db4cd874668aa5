public import PluginABI

/// Octets of one packet that the host lends until the lane's turn ends, with room in front and behind. A
/// value, as
/// `pa_slice_v1` is: copies see the same octets. Trims and growths are checked against the room that there
/// is.
@safe @frozen public struct PacketSlice {
    /// As it crosses the ABI. Whoever changes it answers for its bounds.
    @unsafe public var raw: pa_slice_v1

    @inlinable @unsafe public init(raw: pa_slice_v1) { unsafe self.raw = raw }

    @inlinable public var count: Int { Int(unsafe raw.length) }
    /// Octets in front of the packet that may be written.
    @inlinable public var headroom: Int { Int(unsafe raw.headroom) }
    /// Octets behind the packet that may be written.
    @inlinable public var tailroom: Int { Int(unsafe raw.tailroom) }

    public var bytes: RawSpan {
        @inlinable @_lifetime(borrow self) borrowing get {
            let span = unsafe RawSpan(_unsafeStart: UnsafeRawPointer(raw.start), byteCount: count)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    public var mutableBytes: MutableRawSpan {
        @inlinable @_lifetime(&self) mutating get {
            let span = unsafe MutableRawSpan(
                _unsafeStart: UnsafeMutableRawPointer(raw.start), byteCount: count)
            return unsafe _overrideLifetime(span, mutating: &self)
        }
    }

    /// Gives the first `octets` to the headroom. False, and nothing done, where the packet is shorter.
    @inlinable public mutating func trimFront(_ octets: Int) -> Bool {
        guard octets >= 0, octets <= count else { return false }
        unsafe raw.start += octets
        unsafe raw.length -= UInt32(octets)
        unsafe raw.headroom = UInt16(min(Int(UInt16.max), headroom + octets))
        return true
    }

    /// Gives the last `octets` to the tailroom. False, and nothing done, where the packet is shorter.
    @inlinable public mutating func trimBack(_ octets: Int) -> Bool {
        guard octets >= 0, octets <= count else { return false }
        unsafe raw.length -= UInt32(octets)
        unsafe raw.tailroom = UInt16(min(Int(UInt16.max), tailroom + octets))
        return true
    }

    /// Takes `octets` from the headroom. False, and nothing done, where there are fewer.
    @inlinable public mutating func growFront(_ octets: Int) -> Bool {
        guard octets >= 0, octets <= headroom else { return false }
        unsafe raw.start -= octets
        unsafe raw.length += UInt32(octets)
        unsafe raw.headroom -= UInt16(octets)
        return true
    }

    /// Takes `octets` from the tailroom. False, and nothing done, where there are fewer.
    @inlinable public mutating func growBack(_ octets: Int) -> Bool {
        guard octets >= 0, octets <= tailroom else { return false }
        unsafe raw.length += UInt32(octets)
        unsafe raw.tailroom -= UInt16(octets)
        return true
    }

    /// The part `range`, with `headroom` octets of this packet in front of it as its own. No tailroom: what
    /// stands behind may be the next packet. Nil where `range` or the headroom lies outside.
    @inlinable public func carved(_ range: Range<Int>, headroom: Int = 0) -> PacketSlice? {
        guard range.lowerBound >= 0, range.upperBound <= count, headroom >= 0,
            headroom <= min(range.lowerBound, Int(UInt16.max))
        else { return nil }
        return unsafe PacketSlice(
            raw: pa_slice_v1(
                start: raw.start + range.lowerBound, length: UInt32(range.count), headroom: UInt16(headroom),
                tailroom: 0))
    }
}
