public import PluginABI

/// A packet in a buffer of its own, as a host lends it: with room on both sides.
public final class LentPacket {
    private static let capacity = 4096
    private static let offset = 512

    private let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    public var slice: pa_slice_v1

    public init(_ octets: [UInt8], headroom: Int = 128, tailroom: Int = 64) {
        memory.initialize(repeating: 0xee, count: Self.capacity)
        (memory + Self.offset).update(from: octets, count: octets.count)
        slice = pa_slice_v1(
            start: memory + Self.offset, length: UInt32(octets.count), headroom: UInt16(headroom),
            tailroom: UInt16(tailroom))
    }

    deinit { memory.deallocate() }

    public var octets: [UInt8] { Array(UnsafeBufferPointer(start: slice.start, count: Int(slice.length))) }
}
