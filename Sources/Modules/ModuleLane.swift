import Lanes
import LayerConverter
import PluginABI
import Sessions
import Synchronization
import Wire

/// One lane as one instance of a module sees it: what `pa_lane *` points to, with everything that belongs to
/// the instance there. Confined to the lane.
@safe final class ModuleLane: @unchecked Sendable {
    let instance: ModuleInstance
    let seat: ModuleSeat
    let lane: Lane
    let hubLane: HubLane
    let tables: ModuleTables
    private(set) var state: UnsafeMutableRawPointer?
    private(set) var isOpen = false
    /// How long the module took to enter.
    private(set) var entering: Duration = .zero
    /// Calls that broke a rule and were refused.
    var refusedCalls = 0

    /// By the number of the metric.
    var metrics = [Int64](repeating: 0, count: ModuleMetrics.maxMetrics)
    var streamPorts: [UInt64: StreamPort] = [:]
    /// What the last call about a stream's facts has lent.
    var shownTexts: [CText] = []
    var shownOctets: [LentOctets] = []
    private(set) var timers: [UInt64: ArmedTimer] = [:]
    var questions: [UInt64: UInt64] = [:]
    /// Those who were accepted, until they are released or their session is over.
    var identities: [UInt64: HeldIdentity] = [:]
    /// By the handle of its session, the number of the identity that opened it.
    var identitiesOfSessions: [UInt64: UInt64] = [:]
    private static let lastNumber = Atomic<UInt64>(0)

    struct HeldIdentity {
        var identity: Identity
        /// It has opened one, or is about to; it opens no other.
        var hasSession = false
    }

    /// Questions about identity that may be open at once on one lane.
    static let maxQuestions = 4096

    init(_ instance: ModuleInstance, seat: ModuleSeat) {
        self.instance = instance
        self.seat = seat
        lane = seat.lane
        tables = instance.tables
        hubLane = instance.hubLanes[lane.index]
    }

    var handle: OpaquePointer { unsafe OpaquePointer(Unmanaged.passUnretained(self).toOpaque()) }

    /// [lane]
    func enter(count: UInt32) -> pa_status {
        let start = ContinuousClock.now
        let module = unsafe instance.entry.pointee
        let status = unsafe module.enter_lane(module.state, handle, UInt32(lane.index), count, &state)
        entering = ContinuousClock.now - start
        isOpen = status == PA_OK
        return status
    }

    /// [lane] Whether it serves clients there: as the current instance, or as one that drains.
    var isSeated: Bool { seat.occupant { $0 === self } != nil }

    /// [lane] The module tells its peers; then its sessions end.
    func close() {
        guard isOpen else { return }
        unsafe instance.entry.pointee.close_lane(state)
        hubLane.closeSessions(of: self, reason: .shutdown)
        for port in streamPorts.values { port.close(resets: false) }
        isOpen = false
    }

    /// [lane]
    func leave() {
        for timer in timers.values { lane.cancel(timer.id) }
        timers = [:]
        questions = [:]
        identities = [:]
        identitiesOfSessions = [:]
        leaveSeat()
        unsafe instance.entry.pointee.leave_lane(state)
        unsafe state = nil
    }

    /// A number for a ticket or an identity, never used again.
    func nextNumber() -> UInt64 { Self.lastNumber.wrappingAdd(1, ordering: .relaxed).newValue }

    @inline(__always)
    static func from(_ lane: OpaquePointer?) -> ModuleLane {
        guard let lane = unsafe lane else {
            preconditionFailure("a module called the host without its pa_lane")
        }
        return unsafe Unmanaged<ModuleLane>.fromOpaque(UnsafeRawPointer(lane)).takeUnretainedValue()
    }

    /// The lane behind the pointer when the caller is on it; nil, and counted, when it is not.
    @inline(__always)
    static func current(_ lane: OpaquePointer?) -> ModuleLane? {
        let found = unsafe from(lane)
        guard found.lane.isCurrent else {
            found.instance.countRefusedCall()
            return nil
        }
        return found
    }
}

// MARK: - Datagrams

extension ModuleLane {
    @inline(__always)
    func received(_ batch: UnsafeMutableBufferPointer<pa_datagram_v1>, on socket: UInt64) {
        guard isOpen, let table = unsafe tables.datagram else { return }
        unsafe table.pointee.received(state, socket, batch.baseAddress, UInt32(batch.count))
    }
}

// MARK: - Timers

extension ModuleLane: TimerTarget {
    struct ArmedTimer {
        let id: TimerID
        let deadline: Instant
    }

    func arm(token: UInt64, at deadline: Instant) {
        if let armed = timers[token] { lane.cancel(armed.id) }
        let id = lane.schedule(at: deadline, target: self, token: token)
        timers[token] = ArmedTimer(id: id, deadline: deadline)
    }

    /// When it would have expired.
    @discardableResult
    func disarm(token: UInt64) -> Instant? {
        guard let armed = timers.removeValue(forKey: token) else { return nil }
        lane.cancel(armed.id)
        return armed.deadline
    }

    func timerFired(_ token: UInt64, at now: Instant) {
        timers[token] = nil
        guard isOpen, let table = unsafe tables.timer else { return }
        unsafe table.pointee.expired(state, token)
    }
}

// MARK: - Sessions

extension ModuleLane: SessionOwner {
    func sessionOpened(token: UInt64, handle: UInt64, parameters: AddressLease?) {
        guard isOpen, let table = unsafe tables.session else { return }
        guard let parameters else { return unsafe table.pointee.opened(state, token, handle, nil) }
        unsafe SessionParameters(parameters).withABI { unsafe table.pointee.opened(state, token, handle, $0) }
    }

    func sessionChanged(token: UInt64, ipv6: IPv6Network?) {
        guard isOpen, let table = unsafe tables.ipv6 else { return }
        guard let ipv6 else { return unsafe table.pointee.changed(state, token, nil) }
        unsafe IPv6Parameters(ipv6).withABI { unsafe table.pointee.changed(state, token, $0) }
    }

    func sessionRefused(token: UInt64, reason: SessionReason, sentence: String) {
        guard isOpen, let table = unsafe tables.session else { return }
        unsafe table.pointee.refused(state, token, reason.rawValue, sentence)
    }

    func sessionEnded(handle: UInt64) {
        guard let identity = identitiesOfSessions.removeValue(forKey: handle) else { return }
        identities[identity] = nil
    }

    func transmit(token: UInt64, _ batch: UnsafeMutableBufferPointer<pa_slice_v1>) {
        guard let table = unsafe tables.session else { return }
        unsafe table.pointee.transmit(state, token, batch.baseAddress, UInt32(batch.count))
    }

    func sessionClosed(token: UInt64, reason: SessionReason, sentence: String) {
        guard isOpen, let table = unsafe tables.session else { return }
        unsafe table.pointee.closed(state, token, reason.rawValue, sentence)
    }
}
