import Lanes
import PluginABI
import Synchronization

/// A module's place on one lane: who serves it now, and former instances that still have connections there.
/// Sockets and stream listeners know the seat alone, so that they do not notice a swap. Confined to the lane.
@safe final class ModuleSeat: @unchecked Sendable {
    let lane: Lane
    /// Gets all that is new; nil before the first instance has entered the lane and after the last has left.
    private(set) var current: ModuleLane?
    /// The latest first. Empty but for the time of a swap and while what was not carried over drains.
    private(set) var former: [ModuleLane] = []
    var datagramPorts: [UInt64: DatagramPort] = [:]
    /// [any] Datagrams that other lanes have given to this one and that did not arrive yet.
    let handedOver = Atomic(0)

    init(_ lane: Lane) { self.lane = lane }

    /// Whoever sat there keeps the connections that it has.
    func take(_ occupant: ModuleLane) {
        if let current { former.insert(current, at: 0) }
        current = occupant
    }

    func leave(_ occupant: ModuleLane) {
        if current === occupant { current = nil }
        former.removeAll { $0 === occupant }
    }

    /// The instance there for which `fits` holds.
    func occupant(where fits: (ModuleLane) -> Bool) -> ModuleLane? {
        if let current, fits(current) { return current }
        return former.first(where: fits)
    }

    /// A batch from a listener, or a datagram that another lane has given to this one.
    @inline(__always)
    func received(_ batch: UnsafeMutableBufferPointer<pa_datagram_v1>, on socket: UInt64) {
        guard former.isEmpty else { return unsafe distribute(batch, on: socket) }
        unsafe current?.received(batch, on: socket)
    }

    /// What belongs to one instance and stands together goes there in one call.
    private func distribute(_ batch: UnsafeMutableBufferPointer<pa_datagram_v1>, on socket: UInt64) {
        var start = 0
        while start < batch.count {
            let owner = unsafe owner(of: batch[start], on: socket)
            var end = start + 1
            while end < batch.count, unsafe self.owner(of: batch[end], on: socket) === owner { end += 1 }
            unsafe owner?.received(UnsafeMutableBufferPointer(rebasing: batch[start..<end]), on: socket)
            start = end
        }
    }

    private func owner(of datagram: pa_datagram_v1, on socket: UInt64) -> ModuleLane? {
        former.first { unsafe $0.owns(datagram, on: socket) } ?? current
    }
}
