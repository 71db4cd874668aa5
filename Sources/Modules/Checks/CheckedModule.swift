import PluginABI
import Synchronization

/// One instance of a module between two walls: every call of the host to it and of it to the host passes
/// through here and is held against the rules of the ABI.
///
/// The host sees tables that look like the module's, the module sees tables that look like the host's;
/// neither knows. A server that does not check has none of this on its way.
@safe final class CheckedModule: @unchecked Sendable {
    /// Owns this; nothing here is called when it is gone, except to tell of a breach.
    unowned let instance: ModuleInstance
    private let name: String
    /// What the module sees as its host's number, and the key under which this is found by it.
    let hostAddress: UInt
    private let report: @Sendable (BrokenRule) -> Void
    private let counts = Mutex<[String: Int]>([:])
    /// The module's own table, once it was created.
    private(set) var inner: UnsafePointer<pa_module_v1>!
    private let outer: UnsafeMutablePointer<pa_module_v1>
    let tables = CheckedTables()
    private let isExplained = Atomic(false)
    private let isInControlCall = Atomic(false)

    /// How often the same breach is told: the first time, the tenth, the hundredth and so on.
    private static func isTold(_ count: Int) -> Bool {
        var power = 1
        while power < count { power *= 10 }
        return power == count
    }

    init(_ instance: ModuleInstance, report: @escaping @Sendable (BrokenRule) -> Void) {
        self.instance = instance
        name = instance.name
        hostAddress = unsafe UInt(bitPattern: Unmanaged.passUnretained(instance).toOpaque())
        self.report = report
        unsafe outer = .allocate(capacity: 1)
        unsafe outer.initialize(to: pa_module_v1())
        CheckedModules.add(self)
    }

    deinit {
        CheckedModules.remove(self)
        unsafe outer.deallocate()
    }

    var handoverTrial: HandoverTrial? { instance.services.handoverTrial }

    /// [any] Counts a breach, and tells it unless it was told often enough.
    func broke(_ rule: ModuleRule, _ call: StaticString, _ detail: String) {
        let count = counts.withLock { counts in
            let key = "\(rule.rawValue) \(call)"
            counts[key, default: 0] += 1
            return counts[key] ?? 1
        }
        guard Self.isTold(count) else { return }
        let times = count > 1 ? " (\(count) times)" : ""
        report(
            BrokenRule(
                module: name, rule: rule, call: "\(call)", detail: detail + times))
    }

    /// [control] The table that the host shall use in place of the module's.
    func wrap(_ made: UnsafePointer<pa_module_v1>) -> UnsafePointer<pa_module_v1> {
        unsafe inner = made
        guard unsafe made.pointee.size == UInt32(MemoryLayout<pa_module_v1>.size) else {
            broke(.structSize, "create", "pa_module_v1 says \(unsafe made.pointee.size) octets")
            return unsafe made
        }
        unsafe outer.pointee = CheckedModule.table
        unsafe outer.pointee.state = Unmanaged.passUnretained(self).toOpaque()
        unsafe tables.wrap(made, for: self)
        return unsafe UnsafePointer(outer)
    }

    static func of(_ state: UnsafeMutableRawPointer?) -> CheckedModule {
        guard let state = unsafe state else { preconditionFailure("the host lost its own state") }
        return unsafe Unmanaged<CheckedModule>.fromOpaque(state).takeUnretainedValue()
    }

    /// [control] A call that may fail; a failure without a sentence is a breach.
    func control(_ call: StaticString, _ body: () -> pa_status) -> pa_status {
        isExplained.store(false, ordering: .relaxed)
        let status = controlCall(body)
        if status != PA_OK, !isExplained.load(ordering: .relaxed) {
            broke(.silentFailure, call, "status \(status)")
        }
        return status
    }

    /// [control] The module's own code runs.
    private func controlCall<Result>(_ body: () -> Result) -> Result {
        isInControlCall.store(true, ordering: .relaxed)
        defer { isInControlCall.store(false, ordering: .relaxed) }
        return body()
    }

    /// [any] Whether this thread runs the module's own code.
    var isInControlCallHere: Bool {
        isInControlCall.load(ordering: .relaxed) && instance.control.isCurrent
    }

    func noteExplanation() { isExplained.store(true, ordering: .relaxed) }

    nonisolated(unsafe) private static let table = unsafe pa_module_v1(
        size: UInt32(MemoryLayout<pa_module_v1>.size), reserved: 0, state: nil,
        capability: { state, id in
            guard let id = unsafe id else { return nil }
            return unsafe CheckedModule.of(state).tables.table(String(cString: id))
        },
        start: { state in
            let module = unsafe CheckedModule.of(state)
            return module.control("start") { unsafe module.inner.pointee.start(module.inner.pointee.state) }
        },
        enter_lane: { state, lane, index, count, laneState in
            let module = unsafe CheckedModule.of(state)
            let checked = CheckedLane(module, unsafe ModuleLane.from(lane))
            return unsafe checked.enter(lane, index, count, laneState)
        },
        close_lane: { laneState in
            let lane = unsafe CheckedLane.of(laneState)
            lane.call("close_lane") { unsafe lane.module.inner.pointee.close_lane(lane.inner) }
        },
        leave_lane: { laneState in unsafe CheckedLane.of(laneState).leave() },
        stop: { state in
            let module = unsafe CheckedModule.of(state)
            module.controlCall { unsafe module.inner.pointee.stop(module.inner.pointee.state) }
        },
        destroy: { state in
            let module = unsafe CheckedModule.of(state)
            module.controlCall { unsafe module.inner.pointee.destroy(module.inner.pointee.state) }
            CheckedModules.remove(module)
        })
}

/// The instances that live, by the pointers that they were handed. What a module passes as pa_host or pa_lane
/// is looked up here before it is believed.
enum CheckedModules {
    private struct Living {
        var modules: [UInt: CheckedModule.Reference] = [:]
        var lanes: [UInt: CheckedLane] = [:]
    }

    private static let living = Mutex(Living())

    static func add(_ module: CheckedModule) {
        living.withLock { $0.modules[module.hostAddress] = CheckedModule.Reference(module) }
    }

    static func remove(_ module: CheckedModule) {
        let address = module.hostAddress
        living.withLock { $0.modules[address] = nil }
    }

    static func add(_ lane: CheckedLane) { living.withLock { $0.lanes[lane.address] = lane } }
    static func remove(_ lane: CheckedLane) { living.withLock { $0.lanes[lane.address] = nil } }

    static func module(_ host: OpaquePointer?) -> CheckedModule? {
        living.withLock { $0.modules[UInt(bitPattern: host)]?.module }
    }

    static func lane(_ lane: OpaquePointer?) -> CheckedLane? {
        living.withLock { $0.lanes[UInt(bitPattern: lane)] }
    }

    /// Who passes a pointer that nobody was handed: whoever is in a call on this thread, else the latest.
    static func blame(_ rule: ModuleRule, _ call: StaticString, _ detail: String) {
        let suspects = living.withLock { living in
            (
                lanes: Array(living.lanes.values),
                modules: living.modules.values.compactMap(\.module)
            )
        }
        let caller =
            suspects.lanes.first { $0.lane.lane.isCurrent && $0.isInCall }?.module
            ?? suspects.modules.first(where: \.isInControlCallHere)
        (caller ?? suspects.modules.last)?.broke(rule, call, detail)
    }
}

extension CheckedModule {
    /// The registry does not keep a module alive.
    final class Reference: @unchecked Sendable {
        weak var module: CheckedModule?
        init(_ module: CheckedModule) { self.module = module }
    }
}
