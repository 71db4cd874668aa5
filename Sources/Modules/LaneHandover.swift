import Lanes
import PluginABI
import Sessions

/// What a swap did on one lane.
public struct LaneSwap: Sendable {
    public let lane: Int
    /// Connections that go on in the new instance.
    public var carried = 0
    /// Connections that stay with the former one until they end.
    public var draining = 0
    /// Between how many turns of the lane the work was divided.
    public var pauses = 0
    /// The longest time for which the lane did nothing else.
    public var longestPause: Duration = .zero
}

/// Moves the connections of a former instance on one lane to its successor: a part of them in each turn, so
/// that the lane never pauses for long. Confined to the lane.
@safe final class LaneHandover: @unchecked Sendable {
    /// What a turn may take. A connection that was begun is finished.
    static let turnLimit: Duration = .milliseconds(1)

    private let former: ModuleLane
    private let successor: ModuleLane
    private(set) var outcome: LaneSwap
    /// Whether the successor reads what the former instance writes. What the lane shares it may read
    /// even if it does not: so it keeps apart what it numbers.
    private let readsConnections: Bool
    /// Of what the lane shares, which is offered in each turn, and taken once.
    private enum Shared { case notOffered, taken, refused }

    private struct Turn {
        let end: ContinuousClock.Instant
        private var decided = 0
        /// There is more than fits.
        private(set) var isOver = false

        init(from start: ContinuousClock.Instant) { end = start + LaneHandover.turnLimit }

        /// Whether one more connection fits. The first always does, however long the others take to be passed
        /// by.
        mutating func takesOne() -> Bool {
            isOver = isOver || decided > 0 && ContinuousClock.now >= end
            if !isOver { decided += 1 }
            return !isOver
        }
    }

    private var shared = Shared.notOffered
    private var refused: Set<UInt64> = []
    /// Nil before the first.
    private var turn: Turn?

    init(from former: ModuleLane, to successor: ModuleLane) {
        self.former = former
        self.successor = successor
        outcome = LaneSwap(lane: former.lane.index)
        // The lane did nothing else then, either.
        outcome.longestPause = successor.entering
        outcome.pauses = 1
        readsConnections = former.canHandOver(to: successor)
    }

    /// [lane] One turn's part of the work. False: there is more.
    func advance() -> Bool {
        let start = ContinuousClock.now
        if turn == nil { successor.succeed(former) }
        turn = Turn(from: start)
        export()
        let isDone = turn?.isOver == false
        if isDone { finish() }
        outcome.pauses += 1
        outcome.longestPause = max(outcome.longestPause, ContinuousClock.now - start)
        return isDone
    }

    private func export() {
        guard let table = unsafe former.tables.handover else { return }
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        _ = unsafe table.pointee.export_lane(former.state, Self.sink, context)
    }

    private static let sink: pa_handover_sink = { context, record in
        guard let context = unsafe context, let record = unsafe record else { return PA_ERROR_ARGUMENT }
        return unsafe Unmanaged<LaneHandover>.fromOpaque(context).takeUnretainedValue().take(record)
    }

    private func take(_ record: UnsafeMutablePointer<pa_handover_record_v1>) -> pa_status {
        guard unsafe record.pointee.size == MemoryLayout<pa_handover_record_v1>.size,
            unsafe record.pointee.isWhole
        else {
            former.refusedCalls += 1
            return PA_ERROR_ARGUMENT
        }
        let connection = unsafe record.pointee.connection
        if connection == 0 { return unsafe takeShared(record) }
        if shared == .refused || !readsConnections || refused.contains(connection) { return PA_ERROR_REFUSED }
        guard turn?.takesOne() == true else { return PA_ERROR_LIMIT }
        // Before the import, which may write what it likes.
        let held = unsafe Array(
            UnsafeBufferPointer(start: record.pointee.held, count: Int(record.pointee.held_count)))
        guard held.allSatisfy({ former.holds($0) && successor.canHold($0) }),
            unsafe successor.imports(record)
        else {
            refused.insert(connection)
            return PA_ERROR_REFUSED
        }
        for index in held.indices {
            former.give(held[index], to: successor, token: unsafe record.pointee.held[index].token)
        }
        outcome.carried += 1
        return PA_OK
    }

    private func takeShared(_ record: UnsafeMutablePointer<pa_handover_record_v1>) -> pa_status {
        if shared == .notOffered { shared = unsafe successor.imports(record) ? .taken : .refused }
        return shared == .refused ? PA_ERROR_REFUSED : PA_OK
    }

    private func finish() {
        outcome.draining = former.remaining
        if outcome.draining == 0 { former.leaveSeat() }
    }
}

extension pa_handover_record_v1 {
    /// Whether nothing that it counts begins nowhere.
    var isWhole: Bool {
        unsafe (octets.start != nil || octets.length == 0) && (held != nil || held_count == 0)
            && (objects != nil || object_count == 0)
    }
}

extension ModuleLane {
    /// Whether both know the handover, and the successor reads what this one writes.
    fileprivate func canHandOver(to successor: ModuleLane) -> Bool {
        guard let mine = unsafe tables.handover, let theirs = unsafe successor.tables.handover else {
            return false
        }
        let version = unsafe mine.pointee.newest
        return unsafe theirs.pointee.oldest <= version && version <= theirs.pointee.newest
    }

    /// [lane] Takes the seat of a former instance, and hears of the listeners there.
    fileprivate func succeed(_ former: ModuleLane) {
        seat.take(self)
        for (_, port) in seat.datagramPorts.sorted(by: { $0.key < $1.key }) { port.announce(to: self) }
    }

    fileprivate func imports(_ record: UnsafeMutablePointer<pa_handover_record_v1>) -> Bool {
        guard let table = unsafe tables.handover else { return false }
        return unsafe table.pointee.import(state, record) == PA_OK
    }

    /// Whether what a record names is this instance's.
    fileprivate func holds(_ thing: pa_held_v1) -> Bool {
        let isHeld =
            switch thing.kind {
            case PA_HELD_SESSION: hubLane.session(thing.handle, of: self) != nil
            case PA_HELD_STREAM: streamPorts[thing.handle] != nil
            case PA_HELD_QUESTION: questions[thing.handle] != nil
            case PA_HELD_IDENTITY: identities[thing.handle] != nil
            case PA_HELD_TIMER: timers[thing.handle] != nil
            default: false
            }
        if !isHeld { refusedCalls += 1 }
        return isHeld
    }

    /// Whether the instance has the functions by which it hears of such a thing.
    fileprivate func canHold(_ thing: pa_held_v1) -> Bool {
        switch thing.kind {
        case PA_HELD_SESSION: unsafe tables.session != nil
        case PA_HELD_STREAM: unsafe tables.stream != nil
        case PA_HELD_QUESTION: unsafe tables.auth != nil
        case PA_HELD_TIMER: unsafe tables.timer != nil
        default: true
        }
    }

    fileprivate func give(_ thing: pa_held_v1, to other: ModuleLane, token: UInt64) {
        switch thing.kind {
        case PA_HELD_SESSION:
            hubLane.session(thing.handle, of: self)?.change(owner: other, token: token)
            giveIdentity(ofSession: thing.handle, to: other)
        case PA_HELD_STREAM:
            guard let port = streamPorts.removeValue(forKey: thing.handle) else { return }
            port.change(owner: other, token: token)
        case PA_HELD_QUESTION:
            guard questions.removeValue(forKey: thing.handle) != nil else { return }
            other.questions[thing.handle] = token
        case PA_HELD_IDENTITY:
            guard identities[thing.handle]?.hasSession == false else { return }
            other.identities[thing.handle] = identities.removeValue(forKey: thing.handle)
        case PA_HELD_TIMER:
            guard let deadline = disarm(token: thing.handle) else { return }
            other.arm(token: token, at: deadline)
        default: break
        }
    }

    /// Who opened a session goes with it.
    private func giveIdentity(ofSession handle: UInt64, to other: ModuleLane) {
        guard let number = identitiesOfSessions.removeValue(forKey: handle) else { return }
        other.identitiesOfSessions[handle] = number
        other.identities[number] = identities.removeValue(forKey: number)
    }

    /// [lane] Whether it sits there no more but still has, or had, connections.
    var isFormer: Bool { seat.former.contains { $0 === self } }

    /// [lane] Leaves the seat. The one who sits there hears of it when the last former instance has gone.
    func leaveSeat() {
        let wasFormer = isFormer
        seat.leave(self)
        guard wasFormer, let current = seat.current, let table = unsafe current.tables.handover else {
            return
        }
        if seat.former.isEmpty { unsafe table.pointee.import_ended(current.state) }
    }

    /// [lane] Connections that a former instance still has.
    var remaining: Int {
        if let table = unsafe tables.handover { return Int(unsafe table.pointee.remaining(state)) }
        return hubLane.sessionCount(of: self) + streamPorts.count + questions.count
    }

    /// Whether a datagram is meant for a connection that stayed here.
    func owns(_ datagram: pa_datagram_v1, on socket: UInt64) -> Bool {
        guard let table = unsafe tables.handover else { return false }
        return unsafe withUnsafePointer(to: datagram) { unsafe table.pointee.owns(state, socket, $0) != 0 }
    }
}
