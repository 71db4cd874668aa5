import CLinux
import PluginABI
import Synchronization

/// What two lanes share of a ring: octets in records that never wrap, and how far each side has come.
///
///     length 4 · unused 4 · header 16 · headroom 296 · octets · tailroom >= 192
///
/// A record's size is a multiple of 64 octets. A record of length `skip` says that the next one begins at the
/// start of the memory.
///
/// @unchecked Sendable: the memory between the cursors belongs to the reader, the rest to the writer.
@safe final class Ring: @unchecked Sendable {
    let capacity: Int
    let memory: UnsafeMutableRawPointer
    /// Octets ever written and ever given back; the difference is what the ring holds.
    let written = Cursor()
    let released = Cursor()

    static let headerOctets = 24
    static let headroom = 320 - headerOctets
    static let tailroom = 192
    static let skip = UInt32.max

    init(capacity: Int) {
        precondition(capacity.nonzeroBitCount == 1, "a ring's size is a power of two")
        guard let pages = unsafe clinux_pages_map(UInt64(capacity)) else {
            fatalError("no memory for a ring")
        }
        self.capacity = capacity
        unsafe memory = pages
    }

    deinit { unsafe clinux_pages_unmap(memory, UInt64(capacity)) }

    /// Alone on its cache lines, because the two sides run on different cores.
    final class Cursor: Sendable {
        let count = Atomic<Int>(0)
        private let distance: InlineArray<15, UInt64> = .init(repeating: 0)
    }

    func start(at count: Int) -> UnsafeMutableRawPointer { unsafe memory + (count & (capacity - 1)) }

    /// Octets from here to the end of the memory.
    func contiguous(at count: Int) -> Int { capacity - (count & (capacity - 1)) }

    static func size(_ length: Int) -> Int { (headerOctets + headroom + length + tailroom + 63) & ~63 }
}
