import Lanes
import PluginABI

/// A module's place on one lane: who serves it now, and former instances that still have connections there.
/// Sockets and stream listeners know the seat alone, so that they do not notice a swap. Confined to the lane.
@safe final class ModuleSeat: @unchecked Sendable {
    let lane: Lane
    /// Gets all that is new; nil before the first instance has entered the lane and after the last has left.
    private(set) var current: ModuleLane?
    /// The latest first. Empty but for the time of a swap and while what was not carried over drains.
    private(set) var former: [ModuleLane] = []
    var datagramPorts: [UInt64: DatagramPort] = [:]
    /// By the index of the lane, those that were needed so far.
    private var crossings: [Int: DatagramCrossing] = [:]

    init(_ lane: Lane) { self.lane = lane }

    /// The way of datagrams to the module's place on another lane, or on the same one.
    func crossing(to other: ModuleSeat) -> DatagramCrossing {
        if let crossing = crossings[other.lane.index] { return crossing }
        let crossing = unsafe DatagramCrossing(from: lane, to: other.lane) {
            [weak other] batch, socket in
            unsafe other?.received(batch, on: socket)
        }
        crossings[other.lane.index] = crossing
        return crossing
    }

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
