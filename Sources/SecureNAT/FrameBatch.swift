#if os(Linux)
import CLinux
import Glibc

/// Room for a batch of frames, allocated once.
@safe final class FrameBatch {
    static let frameCapacity = 2048
    private let memory = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Int(BRIDGE_BATCH) * frameCapacity, alignment: 16)
    private var slots: [bridge_slot] = unsafe []

    init() {
        let start = unsafe memory.baseAddress!
        unsafe slots = (0..<Int(BRIDGE_BATCH)).map {
            unsafe bridge_slot(
                start: start + $0 * Self.frameCapacity, capacity: UInt32(Self.frameCapacity), length: 0)
        }
    }

    deinit { unsafe memory.deallocate() }

    /// What came of `receive`.
    enum Result {
        case frames(Int)
        case closed
    }

    func receive(from descriptor: Int32) -> Result {
        let result = unsafe bridge_receive(descriptor, &slots, UInt32(slots.count))
        return result == -EPIPE ? .closed : .frames(max(0, Int(result)))
    }

    /// The frame at `index` of those that were received; empty if it was too long and is lost.
    subscript(index: Int) -> UnsafeMutableRawBufferPointer {
        let slot = unsafe slots[index]
        return unsafe UnsafeMutableRawBufferPointer(start: slot.start, count: Int(slot.length))
    }
}
#endif
