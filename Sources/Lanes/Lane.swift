import CLinux
import Dispatch
public import PluginABI
import Synchronization
public import Wire

/// One event-loop thread of the data plane with its timers, sockets and packet buffers.
///
/// A turn is: one batch of one source (or the work that was posted, or the timers that are due), then the
/// observers of the turn's end, then everything that was queued is sent, then the buffers are reused.
/// Members marked [lane] may be called on the lane's thread alone, those marked [any] on every thread.
///
/// @unchecked Sendable: what is not [any] is confined to the lane's thread, which `isCurrent` tells and debug
/// builds assert; what is [any] is immutable, atomic or behind the inbox's mutex.
@safe public final class Lane: @unchecked Sendable {
    /// [any] From zero; also the socket's number in each of the group's listeners.
    public let index: Int
    /// [lane] The monotonic clock, read once per turn.
    public private(set) var now: Instant
    /// [any] The group that it belongs to.
    public internal(set) unowned var group: LaneGroup!

    let poll: Int32
    let receiver: OpaquePointer
    let sender: OpaquePointer
    let counted: UnsafeMutablePointer<clinux_counters>
    private let events: UnsafeMutablePointer<clinux_event>
    private let wakeup: Int32
    private var thread: UInt64 = 0

    private var timers = TimerHeap()
    private let arena: TurnArena
    let streamBuffer = StreamBuffer()
    private var sources: [(source: EventSource?, generation: UInt32)] = []
    private var freeSlots: [Int] = []
    private var dirty: [EventSource] = []
    private var retired: [EventSource] = []
    private var observers: [any TurnObserver] = []
    private var watches: [any TurnWatch] = []
    private var writers: [RingWriter?]
    private var readers: [RingReader] = []
    private var ringHandler: (any RingHandler)?
    private let ringOctets: Int

    private let inbox = Mutex(Inbox())
    private let isAsleep = Atomic<Bool>(false)
    private var working: [@Sendable (Lane) -> Void] = []
    private var isStopping = false
    private var moderation = Moderation()
    private var packetsHandled: UInt64 = 0

    private struct Inbox {
        var work: [@Sendable (Lane) -> Void] = []
        var isClosed = false
    }

    private static let flushesPerTurn = 8
    private static let eventsPerWait: Int32 = 128
    private static let timersPerWait = 256

    init(index: Int, of count: Int, _ options: LaneOptions) throws(SocketError) {
        self.index = index
        ringOctets = options.ringOctets(lanes: count)
        writers = Array(repeating: nil, count: count)
        now = Instant(nanoseconds: clinux_monotonic_nanoseconds())
        poll = try SocketError.check(clinux_poll_open(), "open an event queue")
        wakeup = try SocketError.check(clinux_wakeup_open(), "open a wake-up descriptor")
        try SocketError.check(
            clinux_poll_set(poll, wakeup, Lane.wakeupToken, Readiness.readable.rawValue, 1),
            "watch the wake-up")
        guard let receiver = unsafe clinux_receiver_new(), let sender = unsafe clinux_sender_new() else {
            throw SocketError(-Int32(Errno.outOfMemory), "allocate packet buffers")
        }
        unsafe self.receiver = receiver
        unsafe self.sender = sender
        unsafe counted = .allocate(capacity: 1)
        unsafe counted.initialize(to: clinux_counters())
        unsafe events = .allocate(capacity: Int(Lane.eventsPerWait))
        arena = TurnArena(capacity: options.turnOctets)
    }

    deinit {
        unsafe clinux_receiver_free(receiver)
        unsafe clinux_sender_free(sender)
        unsafe counted.deallocate()
        unsafe events.deallocate()
        clinux_close(wakeup)
        clinux_close(poll)
    }

    /// [any] The lane whose thread this is.
    public static var current: Lane? {
        guard let pointer = unsafe clinux_current() else { return nil }
        return unsafe Unmanaged<Lane>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// [any] Whether the caller runs on this lane.
    public var isCurrent: Bool {
        unsafe clinux_current() == UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque())
    }

    /// [any] Seconds since 1970.
    public var wallSeconds: UInt64 { clinux_wall_nanoseconds() / 1_000_000_000 }

    /// [lane] Counts the turns: memory that is lent for a turn is good while this stays.
    public var turn: UInt64 { unsafe counted.pointee.turns }

    /// [lane] What was counted so far; from elsewhere use `perform`.
    public var counters: LaneCounters { LaneCounters(unsafe counted.pointee) }
}

// MARK: Work from other threads

extension Lane {
    /// [any] Runs the work on the lane soon, after what was posted before. False when the lane has stopped.
    @discardableResult
    public func post(_ work: @escaping @Sendable (Lane) -> Void) -> Bool {
        let isAccepted = inbox.withLock { inbox in
            if !inbox.isClosed { inbox.work.append(work) }
            return !inbox.isClosed
        }
        if isAccepted { wake() }
        return isAccepted
    }

    /// [any] Runs the work on the lane and gives its result; nil when the lane has stopped.
    public func perform<Result: Sendable>(_ work: @escaping @Sendable (Lane) -> Result) async -> Result? {
        await withCheckedContinuation { continuation in
            if !post({ continuation.resume(returning: work($0)) }) { continuation.resume(returning: nil) }
        }
    }

    /// [any] The same for threads that may block. On the lane itself it runs at once.
    public func performAndWait<Result: Sendable>(_ work: @escaping @Sendable (Lane) -> Result) -> Result? {
        if isCurrent { return work(self) }
        let answer = Answer<Result>()
        guard post({ answer.give(work($0)) }) else { return nil }
        return answer.wait()
    }

    /// [any] Does what can fail on the lane and waits for it, by threads that may block. What fails is said
    /// to have failed at `attempt`. A lane that has stopped does nothing.
    func onLane(
        _ attempt: String, _ work: @escaping @Sendable () throws(SocketError) -> Void
    ) throws(SocketError) {
        let failure = performAndWait { _ -> SocketError? in
            do throws(SocketError) { try work() } catch { return error.during(attempt) }
            return nil
        }
        if let failure = failure ?? nil { throw failure }
    }

    /// [any] Ends the lane's wait, if it waits.
    func wake() {
        guard isAsleep.load(ordering: .sequentiallyConsistent) else { return }
        if isAsleep.exchange(false, ordering: .sequentiallyConsistent) { clinux_wakeup_signal(wakeup) }
    }
}

/// The result of work that another thread waits for.
private final class Answer<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)
    private let isGiven = DispatchSemaphore(value: 0)

    func give(_ made: Value) {
        value.withLock { $0 = made }
        isGiven.signal()
    }

    func wait() -> Value? {
        isGiven.wait()
        return value.withLock { $0 }
    }
}

// MARK: What handlers use

extension Lane {
    /// [lane] Calls the target when the time has come, with a resolution of one millisecond.
    public func schedule(at deadline: Instant, target: any TimerTarget, token: UInt64) -> TimerID {
        assert(isCurrent)
        return timers.schedule(at: deadline.nanoseconds, target: target, token: token)
    }

    /// [lane] False when the timer had fired, or was cancelled before.
    @discardableResult
    public func cancel(_ timer: TimerID) -> Bool {
        assert(isCurrent)
        return timers.cancel(timer)
    }

    /// [lane] Memory that is lent until the turn ends; its content is undefined. Nil, and counted, when the
    /// turn has used up its share.
    public func allocate(_ length: Int, headroom: Int = 256, tailroom: Int = 256) -> pa_slice_v1? {
        assert(isCurrent)
        let slice = unsafe arena.allocate(length, headroom: headroom, tailroom: tailroom)
        if unsafe slice == nil { unsafe counted.pointee.arena_exhausted += 1 }
        return unsafe slice
    }

    /// [lane] A copy of the octets that is lent until the turn ends.
    public func copy(_ slice: pa_slice_v1, headroom: Int = 256, tailroom: Int = 256) -> pa_slice_v1? {
        guard let made = unsafe allocate(Int(slice.length), headroom: headroom, tailroom: tailroom) else {
            return nil
        }
        if unsafe slice.length > 0 { unsafe made.start.update(from: slice.start, count: Int(slice.length)) }
        return unsafe made
    }

    /// [lane] Observers are called in the order in which they were added.
    public func addTurnObserver(_ observer: any TurnObserver) {
        assert(isCurrent)
        observers.append(observer)
    }

    /// [lane]
    public func addTurnWatch(_ watch: any TurnWatch) { watches.append(watch) }

    /// [lane]
    public func removeTurnWatch(_ watch: any TurnWatch) { watches.removeAll { $0 === watch } }

    /// [any] Whether the address lies where datagrams are received, which only a receive call fills.
    public func isReceiveBuffer(_ address: UnsafeRawPointer) -> Bool {
        unsafe clinux_receiver_holds(receiver, address) != 0
    }
}

// MARK: Other lanes

extension Lane {
    /// [lane] The ring from here to the other lane, made when it is first asked for.
    public func ring(to other: Lane) -> RingWriter {
        assert(isCurrent)
        if let writer = writers[other.index] { return writer }
        let ring = Ring(capacity: ringOctets)
        let writer = RingWriter(ring, from: self, to: other)
        writers[other.index] = writer
        other.post { [unowned self] in $0.readers.append(RingReader(ring, from: self)) }
        return writer
    }

    /// [lane] Who receives what the other lanes push; until there is one it is dropped.
    public func setRingHandler(_ handler: (any RingHandler)?) {
        assert(isCurrent)
        ringHandler = handler
    }

    private func readRings() {
        for reader in readers where reader.hasRecords {
            beginTurn()
            unsafe reader.receive(ringHandler, counters: counted)
            endTurn()
            reader.release()
        }
    }
}

// MARK: Sources

extension Lane {
    private static let wakeupToken = UInt64.max

    /// [lane] Starts to wait for the descriptor on behalf of the source.
    func attach(_ source: EventSource, descriptor: Int32, interest: Readiness) throws(SocketError) {
        assert(isCurrent)
        let slot = freeSlots.popLast() ?? sources.count
        if slot == sources.count { sources.append((nil, 0)) }
        let result = clinux_poll_set(poll, descriptor, token(of: slot), interest.rawValue, 1)
        guard result >= 0 else {
            freeSlots.append(slot)
            throw SocketError(result, "watch a descriptor")
        }
        sources[slot].source = source
        source.slot = slot
    }

    /// [lane] Changes what is waited for.
    func watch(_ source: EventSource, descriptor: Int32, interest: Readiness) {
        guard source.slot >= 0 else { return }
        _ = clinux_poll_set(poll, descriptor, token(of: source.slot), interest.rawValue, 0)
    }

    /// [lane] Stops waiting; the source hears nothing more.
    func detach(_ source: EventSource, descriptor: Int32) {
        guard source.slot >= 0 else { return }
        _ = clinux_poll_remove(poll, descriptor)
        sources[source.slot].source = nil
        sources[source.slot].generation &+= 1
        freeSlots.append(source.slot)
        source.slot = -1
    }

    /// [lane] Its `flush` is called when the turn ends.
    func markDirty(_ source: EventSource) {
        guard !source.isDirty else { return }
        source.isDirty = true
        dirty.append(source)
    }

    /// [lane] Its `retire` is called when the turn is over.
    func retireAfterTurn(_ source: EventSource) { retired.append(source) }

    private func token(of slot: Int) -> UInt64 { UInt64(sources[slot].generation) << 32 | UInt64(slot) }
}

// MARK: The loop

extension Lane {
    /// [any] Starts the thread, which keeps the lane alive.
    func start() throws(SocketError) {
        let context = unsafe Unmanaged.passRetained(self)
        var started: UInt64 = 0
        let result = unsafe clinux_thread_start(
            "lane-\(index)",
            { context in
                let lane = unsafe Unmanaged<Lane>.fromOpaque(context!)
                unsafe clinux_set_current(context)
                unsafe lane.takeUnretainedValue().run()
                clinux_set_current(nil)
                unsafe lane.release()
                return nil
            }, context.toOpaque(), &started)
        guard result >= 0 else {
            unsafe context.release()
            throw SocketError(result, "start the thread of lane \(index)")
        }
        thread = started
    }

    /// [any] Runs what was posted, ends the loop and waits for the thread. Not on the lane itself.
    func stop() {
        post { $0.isStopping = true }
        if thread != 0 { clinux_thread_join(thread) }
        thread = 0
    }

    private func run() {
        while !isStopping {
            let count = waitForEvents()
            for position in 0..<max(0, count) { dispatch(unsafe events[position]) }
            readRings()
            runPosted()
            fireTimers()
            rest(afterEvents: max(0, count))
        }
        inbox.withLock { $0.isClosed = true }
        runPosted()
        closeSources()
    }

    /// Lets packets gather when they come fast but one by one.
    private func rest(afterEvents count: Int) {
        let packets = unsafe counted.pointee.received_datagrams + counted.pointee.ring_received
        let handled = packets - packetsHandled + UInt64(count)
        packetsHandled = packets
        let pause = moderation.pause(after: handled, at: now.nanoseconds)
        if pause > 0 { clinux_pause(pause) }
    }

    private func waitForEvents() -> Int {
        unsafe counted.pointee.waits += 1
        // Whoever adds work looks at the flag afterwards, and we look for work after raising it.
        isAsleep.store(true, ordering: .sequentiallyConsistent)
        let hasWork = inbox.withLock { !$0.work.isEmpty } || readers.contains(where: \.hasRecords)
        let milliseconds = hasWork ? 0 : millisecondsToWait()
        let count = unsafe clinux_poll_wait(poll, events, Lane.eventsPerWait, milliseconds)
        isAsleep.store(false, ordering: .relaxed)
        return Int(count)
    }

    private func millisecondsToWait() -> Int32 {
        guard let deadline = timers.next else { return -1 }
        let now = clinux_monotonic_nanoseconds()
        guard deadline > now else { return 0 }
        return Int32(clamping: (deadline - now + 999_999) / 1_000_000)
    }

    private func dispatch(_ event: clinux_event) {
        if event.token == Lane.wakeupToken { return clinux_wakeup_clear(wakeup) }
        let slot = Int(event.token & 0xffff_ffff)
        guard slot < sources.count, token(of: slot) == event.token, let source = sources[slot].source else {
            return
        }
        beginTurn()
        source.ready(Readiness(rawValue: event.ready))
        endTurn()
    }

    private func runPosted() {
        inbox.withLock { swap(&$0.work, &working) }
        guard !working.isEmpty else { return }
        beginTurn()
        for work in working { work(self) }
        working.removeAll(keepingCapacity: true)
        endTurn()
    }

    private func fireTimers() {
        guard let first = timers.next else { return }
        let limit = clinux_monotonic_nanoseconds()
        guard first <= limit else { return }
        var left = Lane.timersPerWait
        while left > 0, let due = timers.popDue(at: limit) {
            // Each has a turn of its own: two streams that go on must not share the buffer.
            beginTurn()
            due.target.timerFired(due.token, at: now)
            endTurn()
            left -= 1
        }
    }

    private func beginTurn() {
        now = Instant(nanoseconds: clinux_monotonic_nanoseconds())
        unsafe counted.pointee.turns += 1
        for watch in watches { watch.turnBegins(on: self) }
    }

    private func endTurn() {
        for observer in observers { observer.turnEnds(on: self) }
        var rounds = 0
        // A handler that hears of an end meanwhile may give observers more to do, and they write to others.
        while !dirty.isEmpty || !retired.isEmpty, rounds < Lane.flushesPerTurn {
            flushSources()
            for observer in observers { observer.turnEnds(on: self) }
            rounds += 1
        }
        // What observers have added last leaves too: its memory is reused from now on.
        if !dirty.isEmpty || !retired.isEmpty { flushSources() }
        for watch in watches { watch.turnIsOver(on: self) }
        arena.reset()
    }

    private func flushSources() {
        // Both lists may grow meanwhile.
        var flushed = 0
        var gone = 0
        while flushed < dirty.count || gone < retired.count {
            if flushed < dirty.count {
                dirty[flushed].isDirty = false
                dirty[flushed].flush()
                flushed += 1
            } else {
                retired[gone].retire()
                gone += 1
            }
        }
        dirty.removeAll(keepingCapacity: true)
        retired.removeAll(keepingCapacity: true)
    }

    private func closeSources() {
        beginTurn()
        let open = sources.compactMap(\.source)
        for source in open { source.laneStops() }
        sources.removeAll()
        endTurn()
        // They know the lane, and would keep it and its descriptors for ever.
        observers.removeAll()
        watches.removeAll()
        ringHandler = nil
        timers = TimerHeap()
    }
}
