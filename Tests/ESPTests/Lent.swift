import ESP
import PluginABI

/// A packet in a buffer of its own, with room on both sides.
final class Lent {
    private let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: 4096)
    var slice: pa_slice_v1

    init(_ octets: [UInt8], headroom: Int = 64, tailroom: Int = 64) {
        memory.initialize(repeating: 0xee, count: 4096)
        (memory + 512).update(from: octets, count: octets.count)
        slice = pa_slice_v1(
            start: memory + 512, length: UInt32(octets.count), headroom: UInt16(headroom),
            tailroom: UInt16(tailroom))
    }

    deinit { memory.deallocate() }

    var octets: [UInt8] { Array(UnsafeBufferPointer(start: slice.start, count: Int(slice.length))) }

    subscript(index: Int) -> UInt8 {
        get { slice.start[index] }
        set { slice.start[index] = newValue }
    }
}
