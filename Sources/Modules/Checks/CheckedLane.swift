import CLinux
import Lanes
import PluginABI

/// One lane of a checked module: which call is in progress there, what is lent, which handles have ended.
/// Confined to the lane, but for `module`, `address` and `lane`.
@safe final class CheckedLane: @unchecked Sendable {
    let module: CheckedModule
    let lane: ModuleLane
    /// [any] Of the pa_lane that the module was handed.
    let address: UInt
    /// The module's own lane_state.
    private(set) var inner: UnsafeMutableRawPointer?
    private var calls: [StaticString] = []
    var memory = LentMemory()
    var sockets = IssuedHandles()
    var streams = IssuedHandles()
    var sessions = IssuedHandles()
    var tickets = IssuedHandles()
    var identities = IssuedHandles()
    /// Connections that this instance has no more.
    var handedOver: Set<UInt64> = []
    /// Connections offered in a trial: whether they are refused.
    var tried: [UInt64: Bool] = [:]
    private var poisoned: [LentMemory.Octets] = []
    private var sent: [(octets: LentMemory.Octets, sum: Int)] = []
    private var receivedMessages: UInt64 = 0

    /// A call that takes longer than this has blocked its lane. What its thread waited for a processor is not
    /// counted: then another process has.
    private static let longest: Duration = .seconds(1)
    /// Lent memory holds this once its turn is over.
    static let poison: UInt8 = 0xdb

    init(_ module: CheckedModule, _ lane: ModuleLane) {
        self.module = module
        self.lane = lane
        unsafe address = UInt(bitPattern: lane.handle)
    }

    static func of(_ laneState: UnsafeMutableRawPointer?) -> CheckedLane {
        guard let laneState = unsafe laneState else { preconditionFailure("the host lost its lane_state") }
        return unsafe Unmanaged<CheckedLane>.fromOpaque(laneState).takeUnretainedValue()
    }

    var isInCall: Bool { !calls.isEmpty }

    /// Retains itself until `leave`: the host's lane_state points here.
    func enter(
        _ pointer: OpaquePointer?, _ index: UInt32, _ count: UInt32,
        _ laneState: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> pa_status {
        CheckedModules.add(self)
        lane.lane.addTurnWatch(self)
        let table = unsafe module.inner.pointee
        let status = call("enter_lane") {
            unsafe table.enter_lane(table.state, pointer, index, count, &inner)
        }
        guard status == PA_OK else {
            forget()
            return status
        }
        unsafe laneState?.pointee = Unmanaged.passRetained(self).toOpaque()
        return status
    }

    func leave() {
        call("leave_lane") { unsafe module.inner.pointee.leave_lane(inner) }
        forget()
        unsafe Unmanaged.passUnretained(self).release()
    }

    private func forget() {
        lane.lane.removeTurnWatch(self)
        CheckedModules.remove(self)
    }

    func broke(_ rule: ModuleRule, _ call: StaticString, _ detail: String) {
        module.broke(rule, call, detail)
    }

    /// A call of the host to the module. Only `transmit` may come while another call is in progress.
    func call<Result>(_ name: StaticString, mayNest: Bool = false, _ body: () -> Result) -> Result {
        if let outer = calls.last, !mayNest { broke(.nestedCall, name, "inside of \(outer)") }
        calls.append(name)
        let (began, waited) = (ContinuousClock.now, clinux_thread_waited())
        let result = body()
        let took = ContinuousClock.now - began - .nanoseconds(clinux_thread_waited() - waited)
        calls.removeLast()
        if took > Self.longest { broke(.blockingCall, name, "it took \(took)") }
        return result
    }

    /// A call of the module to the host: whether it comes from where such calls may come from. Nil, after the
    /// breach was told, if it does not.
    static func caller(_ pointer: OpaquePointer?, _ call: StaticString) -> CheckedLane? {
        guard let found = unsafe CheckedModules.lane(pointer) else {
            CheckedModules.blame(.lanePointer, call, "no lane that was entered and not left has this pointer")
            return nil
        }
        guard found.lane.lane.isCurrent else {
            found.broke(.thread, call, "called on another thread than that of its lane")
            return nil
        }
        guard found.isInCall else {
            found.broke(.outsideCall, call, "no [lane] call of the module is in progress")
            return nil
        }
        return found
    }
}

// MARK: - Memory

extension CheckedLane {
    /// The slice with all of its room is the module's for this turn.
    func lend(_ slice: pa_slice_v1) { unsafe memory.lend(slice.room) }

    /// Whether a slice that the module hands over is the module's to hand over.
    func mayUse(_ slice: pa_slice_v1, withRoom: Bool, _ call: StaticString) -> Bool {
        guard unsafe slice.start != nil || slice.length == 0 else {
            broke(.argument, call, "a slice of \(unsafe slice.length) octets begins at NULL")
            return false
        }
        switch memory.judge(unsafe withRoom ? slice.room : slice.octets) {
        case .lent, .own: return true
        case .exceeded:
            broke(.lentMemoryExceeded, call, "a slice, with its room, reaches beyond what was lent")
        case .expired: broke(.lentMemoryAfterTurn, call, "a slice lies in memory of an earlier turn")
        }
        return false
    }

    /// What is sent without a copy must be the same at the end of the turn.
    func noteSent(_ slice: pa_slice_v1) {
        let octets = unsafe slice.octets
        sent.append((octets, Self.sum(octets)))
    }

    private static func sum(_ octets: LentMemory.Octets) -> Int {
        var hasher = Hasher()
        unsafe hasher.combine(bytes: UnsafeRawBufferPointer(octets.memory))
        return hasher.finalize()
    }

    /// Tells that a handle is not good now; `rule` is broken where it once was.
    func refuse(_ handle: UInt64, _ issued: IssuedHandles, _ rule: ModuleRule, _ call: StaticString)
        -> pa_status
    {
        lane.refusedCalls += 1
        if issued.contains(handle) {
            broke(rule, call, "handle \(handle) is over")
        } else {
            broke(.foreignHandle, call, "handle \(handle) was never given to the module on this lane")
        }
        return PA_ERROR_HANDLE
    }

    private func verifyPoison() {
        for octets in poisoned {
            let memory = unsafe octets.memory
            guard unsafe memory.contains(where: { $0 != Self.poison }) else { continue }
            broke(.lentMemoryAfterTurn, "turn", "memory of an earlier turn was written")
            unsafe memory.update(repeating: Self.poison)
        }
    }
}

extension CheckedLane: TurnWatch {
    func turnBegins(on lane: Lane) {
        verifyPoison()
        receivedMessages = lane.counters.receivedMessages
    }

    func turnIsOver(on lane: Lane) {
        for entry in sent where Self.sum(entry.octets) != entry.sum {
            broke(.sentMemoryChanged, "pa.datagram/1.send", "\(entry.octets.count) octets have changed")
        }
        sent.removeAll(keepingCapacity: true)
        // The kernel has filled the receive buffers anew, so what is in them now says nothing.
        if lane.counters.receivedMessages == receivedMessages { verifyPoison() } else { poisoned = [] }
        for octets in memory.lent {
            guard let start = unsafe UnsafeRawPointer(bitPattern: octets.lowerBound),
                unsafe lane.isReceiveBuffer(start)
            else { continue }
            unsafe octets.memory.update(repeating: Self.poison)
            poisoned.append(octets)
        }
        if poisoned.count > Self.maxPoisoned { poisoned.removeFirst(poisoned.count - Self.maxPoisoned) }
        memory.expire()
    }

    private static let maxPoisoned = 16_384
}

extension LentMemory.Octets {
    fileprivate var memory: UnsafeMutableBufferPointer<UInt8> {
        unsafe UnsafeMutableBufferPointer(start: UnsafeMutablePointer(bitPattern: lowerBound), count: count)
    }
}

extension pa_slice_v1 {
    fileprivate var octets: LentMemory.Octets {
        let start = unsafe UInt(bitPattern: self.start)
        return start..<max(start, start &+ UInt(unsafe length))
    }

    fileprivate var room: LentMemory.Octets {
        let octets = unsafe self.octets
        let lower = unsafe octets.lowerBound &- min(octets.lowerBound, UInt(headroom))
        return unsafe lower..<max(lower, octets.upperBound &+ UInt(tailroom))
    }
}

/// Handles that a module was given, so that one which is no longer good can be told from one which never was.
/// Bounded: the oldest are forgotten and look foreign then.
struct IssuedHandles {
    private var issued: Set<UInt64> = []
    private var order: [UInt64] = []
    private static let limit = 16_384

    mutating func note(_ handle: UInt64) {
        guard issued.insert(handle).inserted else { return }
        order.append(handle)
        guard order.count > Self.limit else { return }
        issued.subtract(order.prefix(Self.limit / 2))
        order.removeFirst(Self.limit / 2)
    }

    func contains(_ handle: UInt64) -> Bool { issued.contains(handle) }
}
