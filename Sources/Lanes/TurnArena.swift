import CLinux
import PluginABI

/// Memory that is lent until the turn ends: copies of flooded frames, packets that a module composes.
/// One pointer moves forward; nothing is freed singly. Bounded: an exhausted arena gives nil.
@safe final class TurnArena {
    private let start: UnsafeMutableRawPointer
    private let capacity: Int
    private var used = 0

    init(capacity: Int) {
        guard let pages = unsafe clinux_pages_map(UInt64(capacity)) else {
            fatalError("no memory for a lane")
        }
        unsafe start = pages
        self.capacity = capacity
    }

    deinit { unsafe clinux_pages_unmap(start, UInt64(capacity)) }

    /// A slice of `length` octets whose content is undefined, with at least the room asked for around it.
    func allocate(_ length: Int, headroom: Int, tailroom: Int) -> pa_slice_v1? {
        let wanted = headroom + length + tailroom
        guard length >= 0, headroom >= 0, tailroom >= 0, headroom <= Int(UInt16.max),
            tailroom <= Int(UInt16.max), wanted <= capacity - used
        else { return nil }
        let at = unsafe (start + used + headroom).assumingMemoryBound(to: UInt8.self)
        used = min(capacity, (used + wanted + 63) & ~63)
        return unsafe pa_slice_v1(
            start: at, length: UInt32(length), headroom: UInt16(headroom), tailroom: UInt16(tailroom))
    }

    func reset() { used = 0 }
}
