import CLinux
public import PluginABI

/// What arrived from another lane. The octets are lent until the turn ends, with headroom of at least 256
/// octets and tailroom of 192, to be changed in place.
@unsafe public struct RingRecord {
    public var header: (UInt64, UInt64)
    public var octets: pa_slice_v1
}

/// Receives what other lanes push.
public protocol RingHandler: AnyObject {
    /// [lane] Records in the order in which `source` pushed them.
    func received(_ records: UnsafeMutableBufferPointer<RingRecord>, from source: Lane)
}

/// The reading end of a ring. Bound: 128 records a turn.
@safe final class RingReader {
    private let ring: Ring
    private unowned let source: Lane
    private let records: UnsafeMutablePointer<RingRecord>
    private var taken = 0

    private static let recordsPerTurn = 128

    init(_ ring: Ring, from source: Lane) {
        self.ring = ring
        self.source = source
        unsafe records = .allocate(capacity: RingReader.recordsPerTurn)
    }

    deinit { unsafe records.deallocate() }

    var hasRecords: Bool { ring.written.count.load(ordering: .sequentiallyConsistent) != taken }

    /// Gives one batch to the handler. The records stay until `release`.
    func receive(_ handler: (any RingHandler)?, counters: UnsafeMutablePointer<clinux_counters>) {
        let written = ring.written.count.load(ordering: .acquiring)
        var count = 0
        while taken < written, count < RingReader.recordsPerTurn {
            let start = unsafe ring.start(at: taken)
            let length = unsafe start.load(as: UInt32.self)
            guard length != Ring.skip else {
                taken += ring.contiguous(at: taken)
                continue
            }
            unsafe records[count] = RingReader.record(at: start, length: length)
            taken += Ring.size(Int(length))
            count += 1
        }
        unsafe counters.pointee.ring_received += UInt64(count)
        guard let handler, count > 0 else { return }
        unsafe handler.received(UnsafeMutableBufferPointer(start: records, count: count), from: source)
    }

    /// Gives the memory back to the writer.
    func release() { ring.released.count.store(taken, ordering: .releasing) }

    private static func record(at start: UnsafeMutableRawPointer, length: UInt32) -> RingRecord {
        let header = unsafe (
            start.load(fromByteOffset: 8, as: UInt64.self), start.load(fromByteOffset: 16, as: UInt64.self)
        )
        let octets = unsafe (start + Ring.headerOctets + Ring.headroom).assumingMemoryBound(to: UInt8.self)
        return unsafe RingRecord(
            header: header,
            octets: pa_slice_v1(
                start: octets, length: length, headroom: UInt16(Ring.headroom),
                tailroom: UInt16(Ring.tailroom)))
    }
}
