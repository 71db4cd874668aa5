import CLinux
public import PluginABI
import Synchronization

/// The way of datagrams from one lane to another: those of peers that the kernel takes to a lane which is not
/// theirs, because they roam or because it cannot know better. They are copied; what a turn has gathered
/// leaves as one parcel, with one wake-up.
///
/// Bounds: so many datagrams on the way, and so many octets, because strangers can look like peers that roam.
@safe public final class DatagramCrossing: EventSource {
    public static let most = 1024
    static let mostOctets = 2 << 20

    /// [lane] of the destination: datagrams of one listener, lent until the turn ends, to be changed in
    /// place.
    public typealias Receiver =
        @Sendable (_ batch: UnsafeMutableBufferPointer<pa_datagram_v1>, _ listener: UInt64) -> Void

    private unowned let lane: Lane
    private unowned let destination: Lane
    private let receiver: Receiver
    private let onTheWay = Load()
    private var parcel = Parcel()

    /// [lane] For the lane that sends.
    public init(from lane: Lane, to destination: Lane, _ receiver: @escaping Receiver) {
        self.lane = lane
        self.destination = destination
        unsafe self.receiver = unsafe receiver
    }

    /// [lane] Copies a datagram, which `listener` has received. False: too many are on the way.
    public func push(_ datagram: pa_datagram_v1, from listener: UInt64) -> Bool {
        guard onTheWay.add(Int(unsafe datagram.payload.length)) else { return false }
        unsafe parcel.add(datagram, listener)
        lane.markDirty(self)
        return true
    }

    override func flush() {
        let parcel = parcel
        self.parcel = Parcel(like: parcel)
        destination.post { [receiver = unsafe receiver, onTheWay] lane in
            onTheWay.remove(parcel)
            unsafe parcel.unpack(on: lane, receiver)
        }
    }

    /// What was sent and did not arrive yet. One lane adds, the other one takes away.
    private final class Load: Sendable {
        private let datagrams = Atomic(0)
        private let octets = Atomic(0)

        func add(_ length: Int) -> Bool {
            guard datagrams.load(ordering: .relaxed) < most,
                octets.load(ordering: .relaxed) + length <= mostOctets
            else { return false }
            datagrams.add(1, ordering: .relaxed)
            octets.add(length, ordering: .relaxed)
            return true
        }

        func remove(_ parcel: Parcel) {
            datagrams.subtract(parcel.entries.count, ordering: .relaxed)
            octets.subtract(parcel.octets.count, ordering: .relaxed)
        }
    }
}

/// What crosses at the end of one turn.
@safe private struct Parcel: Sendable {
    struct Entry: Sendable {
        let listener: UInt64
        let octets: Range<Int>
        let remote: pa_address_v1
        let local: pa_address_v1?
    }

    private(set) var octets: [UInt8] = []
    private(set) var entries: [Entry] = []

    init() {}

    /// The next one is likely to be as large as the last.
    init(like last: Parcel) {
        octets.reserveCapacity(last.octets.count)
        entries.reserveCapacity(last.entries.count)
    }

    mutating func add(_ datagram: pa_datagram_v1, _ listener: UInt64) {
        let start = octets.count
        unsafe octets.append(
            contentsOf: UnsafeBufferPointer(
                start: datagram.payload.start, count: Int(datagram.payload.length)))
        entries.append(
            Entry(
                listener: listener, octets: start..<octets.count,
                remote: unsafe datagram.remote?.pointee ?? pa_address_v1(),
                local: unsafe datagram.local?.pointee))
    }

    /// Gives what came from one listener in one call. What the turn has no memory for is lost.
    func unpack(on lane: Lane, _ receiver: DatagramCrossing.Receiver) {
        let addresses = UnsafeMutableBufferPointer<pa_address_v1>.allocate(capacity: 2 * entries.count)
        let batch = UnsafeMutableBufferPointer<pa_datagram_v1>.allocate(capacity: entries.count)
        defer {
            unsafe addresses.deallocate()
            unsafe batch.deallocate()
        }
        var count = 0
        for (index, entry) in entries.enumerated() {
            if unsafe place(entry, in: &batch[count], addresses.extracting(2 * count..<2 * count + 2), lane) {
                count += 1
            }
            let isLast = index + 1 == entries.count || entries[index + 1].listener != entry.listener
            guard isLast, count > 0 else { continue }
            unsafe receiver(UnsafeMutableBufferPointer(rebasing: batch[..<count]), entry.listener)
            count = 0
        }
    }

    private func place(
        _ entry: Entry, in datagram: inout pa_datagram_v1,
        _ addresses: UnsafeMutableBufferPointer<pa_address_v1>, _ lane: Lane
    ) -> Bool {
        guard let slice = unsafe lane.allocate(entry.octets.count) else { return false }
        unsafe octets.withUnsafeBufferPointer { octets in
            guard let start = octets.baseAddress else { return }
            unsafe slice.start.update(from: start + entry.octets.lowerBound, count: entry.octets.count)
        }
        guard let remote = addresses.baseAddress else { return false }
        unsafe remote.initialize(to: entry.remote)
        unsafe (remote + 1).initialize(to: entry.local ?? pa_address_v1())
        unsafe datagram = unsafe pa_datagram_v1(
            payload: slice, remote: UnsafePointer(remote),
            local: entry.local == nil ? nil : UnsafePointer(remote + 1))
        return true
    }
}
