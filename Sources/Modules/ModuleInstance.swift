import Lanes
import OpenSSL
import PluginABI
import Sessions
import Synchronization

/// One running instance of a module: its table, its lanes, its listeners. What `pa_host *` points to.
///
/// Its life is create, start, enter every lane, open the listeners; and back: close the listeners, say
/// goodbye on every lane, leave the lanes, stop, destroy. All of it happens on the control queue, one step at
/// a time.
@safe public final class ModuleInstance: @unchecked Sendable {
    /// The name of its section in plugins.conf.
    public let name: String
    public let image: ModuleImage
    public let services: any ModuleServices
    let group: LaneGroup
    let control: ControlQueue
    let streams: SharedListeners
    /// [control]
    private(set) var options: ModuleOptions!
    private var replacedOptions: [ModuleOptions?] = []
    let hubLanes: [HubLane]
    let metrics = ModuleMetrics()

    /// One a lane; those of the instance whose successor it is.
    let seats: [ModuleSeat]
    private(set) var lanes: [ModuleLane] = []
    var listeners: [ModuleListener] = []
    private(set) var entry: UnsafePointer<pa_module_v1>!
    /// The walls around the module; nil where the server does not check.
    private var checks: CheckedModule?
    private let hostTable: UnsafeMutablePointer<pa_host_v1>
    private let explanation = Mutex<String?>(nil)
    private let refused = Atomic<Int>(0)
    /// [any] It gets no new sessions, because it will end.
    let isDraining = Atomic(false)
    private(set) var tables = ModuleTables()
    /// Octets and texts lent to the module until its next call of the same table.
    private var lentOctets: [String: LentOctets] = [:]
    private var lentText: CText?
    private var lentKeys: LentKeys?

    /// - Parameters:
    ///   - section: of plugins.conf.
    ///   - former: whose connections it shall take over.
    init(
        _ section: PluginsConfiguration.ModuleSection, image: ModuleImage, runtime: ModuleRuntime,
        succeeding former: ModuleInstance? = nil
    ) throws(ModuleFault) {
        name = section.name
        self.image = image
        services = runtime.services
        group = runtime.lanes
        control = runtime.control
        streams = runtime.streams
        hubLanes = runtime.hubLanes
        seats = former?.seats ?? runtime.lanes.lanes.map { ModuleSeat($0) }
        unsafe hostTable = .allocate(capacity: 1)
        unsafe hostTable.initialize(to: pa_host_v1())
        let host = unsafe OpaquePointer(Unmanaged.passUnretained(self).toOpaque())
        checks = services.breachListener.map { CheckedModule(self, report: $0) }
        unsafe hostTable.pointee = HostTable.make(host, isChecked: checks != nil)
        var made: UnsafePointer<pa_module_v1>?
        let status = unsafe image.descriptor.pointee.create(hostTable, &made)
        guard status == PA_OK, let made = unsafe made else { throw fault("could not be created", status) }
        try unsafe ModuleTables.check(made, "module table", functionsFrom: 16)
        unsafe entry = checks.map { unsafe $0.wrap(made) } ?? made
        do throws(ModuleFault) {
            tables = try unsafe ModuleTables(entry)
            options = try unsafe ModuleOptions(
                section, declared: tables.option, file: runtime.configurationFile)
        } catch {
            unsafe entry.pointee.destroy(entry.pointee.state)
            throw error
        }
    }

    deinit {
        unsafe hostTable.deinitialize(count: 1)
        unsafe hostTable.deallocate()
    }

    /// What the module's commands get as their first argument.
    var moduleState: UnsafeMutableRawPointer? {
        unsafe checks.map { unsafe $0.inner.pointee.state } ?? entry.pointee.state
    }

    /// [control] Starts it on every lane and opens its listeners; undoes everything when one of them fails.
    ///
    /// - Parameter takesSeats: false for a successor, which takes them one by one when it is ready.
    func start(listen: [ListenURL], takesSeats: Bool = true) throws(ModuleFault) {
        control.assertCurrent()
        let status = unsafe entry.pointee.start(entry.pointee.state)
        guard status == PA_OK else {
            unsafe entry.pointee.destroy(entry.pointee.state)
            throw fault("did not start", status)
        }
        do throws(ModuleFault) {
            for seat in seats { try enter(seat, takesSeat: takesSeats) }
            for url in listen { listeners.append(try ModuleListener(url, of: self)) }
        } catch {
            stop()
            throw error
        }
    }

    /// [control] Listeners need the module on every lane: not in `start`, not in `stop`.
    var hasEnteredLanes: Bool { lanes.count == group.lanes.count }

    private func enter(_ seat: ModuleSeat, takesSeat: Bool) throws(ModuleFault) {
        let moduleLane = ModuleLane(self, seat: seat)
        let count = UInt32(seats.count)
        let entered = seat.lane.performAndWait { _ in
            let status = moduleLane.enter(count: count)
            if status == PA_OK, takesSeat { seat.take(moduleLane) }
            return status
        }
        let status = entered ?? PA_ERROR_STATE
        guard status == PA_OK else { throw fault("did not accept lane \(seat.lane.index)", status) }
        lanes.append(moduleLane)
    }

    /// [control] Takes over options of which only such differ that the module reads again while it runs. When
    /// the module refuses them, the former ones stay.
    func change(to new: ModuleOptions) throws(ModuleFault) {
        guard let table = unsafe tables.option, let changed = unsafe table.pointee.changed else { return }
        let former = options
        options = new
        // Texts of options that are not live are lent until `stop`.
        replacedOptions.append(former)
        let status = unsafe changed(entry.pointee.state)
        guard status != PA_OK else { return }
        options = former
        _ = unsafe changed(entry.pointee.state)
        throw fault("did not accept its new options", status)
    }

    /// [control] Opens and closes what differs; what the module has opened itself stays. When one of the new
    /// ones cannot be opened, none of them stays.
    func changeListeners(to new: [ListenURL]) throws(ModuleFault) {
        control.assertCurrent()
        let former = listeners.filter { !$0.isModules }.map(\.url)
        var opened: [ModuleListener] = []
        do throws(ModuleFault) {
            for url in new where !former.contains(url) { opened.append(try ModuleListener(url, of: self)) }
        } catch {
            for listener in opened { close(listener) }
            throw error
        }
        let isLeft = { (listener: ModuleListener) in !listener.isModules && !new.contains(listener.url) }
        for listener in listeners where isLeft(listener) { close(listener) }
        listeners.removeAll(where: isLeft)
        listeners += opened
    }

    private func close(_ listener: ModuleListener) {
        listener.close()
        streams.remove(self, at: listener.url)
    }

    private func closeListeners() {
        for listener in listeners { close(listener) }
        listeners = []
    }

    /// [control] No new sessions; those that are there go on, and so do the datagram listeners, which are the
    /// only way to their clients.
    func drain() {
        control.assertCurrent()
        isDraining.store(true, ordering: .relaxed)
        for listener in listeners where listener.isStream { close(listener) }
        listeners.removeAll(where: \.isStream)
    }

    /// [control] Sessions of its clients.
    var sessionCount: Int {
        lanes.reduce(0) { sum, lane in
            sum + (lane.lane.performAndWait { _ in lane.hubLane.sessionCount(of: lane) } ?? 0)
        }
    }

    /// [control] Gives back an instance that was made and not started.
    func discard() {
        unsafe entry.pointee.destroy(entry.pointee.state)
        image.unload()
    }

    /// [control] Ends it: peers are told, sessions and streams end, memory is given back.
    func stop() {
        control.assertCurrent()
        // Goodbyes leave at the end of the turn, through sockets that must still be there.
        for lane in lanes { _ = lane.lane.performAndWait { _ in lane.close() } }
        closeListeners()
        for lane in lanes { _ = lane.lane.performAndWait { _ in lane.leave() } }
        // A module that has kept the pointer of a lane must not find another one there.
        let left = lanes
        lanes = []
        unsafe entry.pointee.stop(entry.pointee.state)
        unsafe entry.pointee.destroy(entry.pointee.state)
        withExtendedLifetime(left) { image.unload() }
    }

    /// [any] What the module says about a failure that it is about to report.
    func explain(_ sentence: String) { explanation.withLock { $0 = sentence } }

    /// [control] The sentence of the last failure, which is thereby taken.
    func takeExplanation() -> String? {
        explanation.withLock { sentence in
            defer { sentence = nil }
            return sentence
        }
    }

    /// [any] Counts a call that broke a rule and was refused.
    func countRefusedCall() { countRefusedCalls(1) }
    func countRefusedCalls(_ count: Int) { refused.add(count, ordering: .relaxed) }

    /// [control] Calls that broke a rule and were refused, on a lane or off it.
    var refusedCalls: Int {
        lanes.reduce(refused.load(ordering: .relaxed)) { sum, lane in
            sum + (lane.lane.performAndWait { _ in lane.refusedCalls } ?? 0)
        }
    }

    /// [control] Keeps octets alive until something else is lent under the same name.
    func lend(_ bytes: [UInt8], as name: String) -> pa_octets_v1 {
        let lent = LentOctets(bytes)
        lentOctets[name] = lent
        return unsafe lent.octets
    }

    func lend(_ keys: LentKeys) { lentKeys = keys }

    func lend(text: String) -> UnsafePointer<CChar> {
        let lent = CText(text)
        lentText = lent
        return unsafe UnsafePointer(lent.start)
    }

    private func fault(_ what: String, _ status: pa_status) -> ModuleFault {
        guard let sentence = takeExplanation() else {
            return .refusedByModule("module \(name) \(what): it does not say why (status \(status))")
        }
        return .refusedByModule("module \(name) \(what): \(options?.placed(sentence) ?? sentence)")
    }

    static func from(_ host: OpaquePointer?) -> ModuleInstance {
        guard let host = unsafe host else {
            preconditionFailure("a module called the host without its pa_host")
        }
        return unsafe Unmanaged<ModuleInstance>.fromOpaque(UnsafeRawPointer(host)).takeUnretainedValue()
    }
}

/// The capability tables of a module, looked up once. One of another size than this host knows, or without
/// one of its functions, is refused.
@safe struct ModuleTables {
    var timer: UnsafePointer<pa_timer_module_v1>?
    var datagram: UnsafePointer<pa_datagram_module_v1>?
    var stream: UnsafePointer<pa_stream_module_v1>?
    var auth: UnsafePointer<pa_auth_module_v1>?
    var session: UnsafePointer<pa_session_module_v1>?
    var ipv6: UnsafePointer<pa_ipv6_module_v1>?
    var option: UnsafePointer<pa_option_module_v1>?
    var command: UnsafePointer<pa_command_module_v1>?
    var certificate: UnsafePointer<pa_certificate_module_v1>?
    var psk: UnsafePointer<pa_psk_module_v1>?
    var handover: UnsafePointer<pa_handover_module_v1>?

    init() {}

    init(_ module: UnsafePointer<pa_module_v1>) throws(ModuleFault) {
        unsafe timer = try Self.table(PA_TIMER, of: module)
        unsafe datagram = try Self.table(PA_DATAGRAM, of: module)
        unsafe stream = try Self.table(PA_STREAM, of: module)
        unsafe auth = try Self.table(PA_AUTH, of: module)
        unsafe session = try Self.table(PA_SESSION, of: module)
        unsafe ipv6 = try Self.table(PA_IPV6, of: module)
        unsafe certificate = try Self.table(PA_CERTIFICATE, of: module)
        unsafe psk = try Self.table(PA_PSK, of: module)
        unsafe handover = try Self.table(PA_HANDOVER, of: module, functionsFrom: 16)
        // These two begin with data, and what they have of functions may be left out.
        unsafe option = try Self.table(PA_OPTION, of: module, functionsFrom: .max)
        unsafe command = try Self.table(PA_COMMAND, of: module, functionsFrom: .max)
    }

    private static func table<Table>(
        _ id: String, of module: UnsafePointer<pa_module_v1>, functionsFrom first: Int = 8
    ) throws(ModuleFault) -> UnsafePointer<Table>? {
        guard let table = unsafe module.pointee.capability(module.pointee.state, id) else { return nil }
        try unsafe check(table.assumingMemoryBound(to: Table.self), id, functionsFrom: first)
        return unsafe table.assumingMemoryBound(to: Table.self)
    }

    /// Every table begins with its size; from octet `first` on it is made of functions.
    static func check<Table>(_ table: UnsafePointer<Table>, _ name: String, functionsFrom first: Int)
        throws(ModuleFault)
    {
        let start = unsafe UnsafeRawPointer(table)
        let (size, expected) = unsafe (start.load(as: UInt32.self), MemoryLayout<Table>.size)
        guard size == expected else {
            throw .descriptor("its \(name) has \(size) octets, this server expects \(expected)")
        }
        for offset in stride(from: min(first, expected), to: expected, by: 8)
        where unsafe start.load(fromByteOffset: offset, as: UInt.self) == 0 {
            throw .descriptor("its \(name) has no function at octet \(offset)")
        }
    }
}

/// Octets that the module may read until they are replaced.
@safe final class LentOctets {
    let octets: pa_octets_v1
    private let memory: UnsafeMutablePointer<UInt8>

    init(_ bytes: [UInt8]) {
        unsafe memory = .allocate(capacity: max(bytes.count, 1))
        for (index, octet) in bytes.enumerated() { unsafe memory[index] = octet }
        unsafe octets = pa_octets_v1(start: memory, length: bytes.count)
    }

    deinit {
        unsafe wipe(UnsafeMutableRawBufferPointer(start: memory, count: octets.length))
        unsafe memory.deallocate()
    }
}
