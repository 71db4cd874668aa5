import CLinux
public import PluginABI

/// One lane's way to another: a bounded queue of small records that nobody else writes and nobody else reads.
///
/// What is pushed is copied, and becomes visible when the turn ends, with one wake-up for all of it and none
/// where the other lane is awake. Bound: the ring's memory; a record that does not fit is dropped and
/// counted.
@safe public final class RingWriter: EventSource {
    /// The lane that reads.
    public unowned let destination: Lane

    private unowned let lane: Lane
    private let ring: Ring
    private var written = 0
    private var released = 0

    init(_ ring: Ring, from lane: Lane, to destination: Lane) {
        self.ring = ring
        self.lane = lane
        self.destination = destination
    }

    /// [lane] False when there was no room. The header's meaning is the caller's.
    @discardableResult
    public func push(header: (UInt64, UInt64), _ octets: pa_slice_v1) -> Bool {
        assert(lane.isCurrent)
        let length = Int(unsafe octets.length)
        guard let record = unsafe reserve(Ring.size(length)) else {
            unsafe lane.counted.pointee.ring_full += 1
            return false
        }
        unsafe record.storeBytes(of: UInt32(length), as: UInt32.self)
        unsafe record.storeBytes(of: header.0, toByteOffset: 8, as: UInt64.self)
        unsafe record.storeBytes(of: header.1, toByteOffset: 16, as: UInt64.self)
        if length > 0 {
            unsafe (record + Ring.headerOctets + Ring.headroom).copyMemory(
                from: octets.start, byteCount: length)
        }
        unsafe lane.counted.pointee.ring_sent += 1
        lane.markDirty(self)
        return true
    }

    override func flush() {
        ring.written.count.store(written, ordering: .sequentiallyConsistent)
        destination.wake()
    }

    private func reserve(_ size: Int) -> UnsafeMutableRawPointer? {
        let contiguous = ring.contiguous(at: written)
        let skipped = contiguous < size ? contiguous : 0
        guard hasRoom(size + skipped) else { return nil }
        if skipped > 0 {
            unsafe ring.start(at: written).storeBytes(of: Ring.skip, as: UInt32.self)
            written += skipped
        }
        defer { written += size }
        return unsafe ring.start(at: written)
    }

    private func hasRoom(_ octets: Int) -> Bool {
        if written + octets - released <= ring.capacity { return true }
        released = ring.released.count.load(ordering: .acquiring)
        return written + octets - released <= ring.capacity
    }
}
