public import Hub
public import Lanes
public import PluginABI
public import Policy
import Synchronization
import Wire

/// The hub side of one lane: its switch, the rings to other lanes, and the sessions that live there.
/// Confined to the lane.
@safe public final class HubLane: @unchecked Sendable {
    /// Sessions on one lane: a handle has 16 bits for the slot.
    public static let maxSessions = 65_536
    /// What a session may ask for in front of a frame and behind it; a copy has no more.
    public static let maxHeadroom = FrameArena.headroom
    public static let maxTailroom = FrameArena.tailroom

    public let lane: Lane
    public let switching: LaneSwitch
    let hubs: SessionHubs
    let observer: (any SessionObserver)?

    private var slots: [Session?] = []
    private var freeSlots: [Int] = []
    private static let lastSerial = Atomic<UInt64>(0)

    /// [lane] Takes over the ends of the lane's turns and what its rings bring.
    public init(_ lane: Lane, hubs: SessionHubs, observer: (any SessionObserver)?) {
        self.lane = lane
        self.hubs = hubs
        self.observer = observer
        switching = LaneSwitch(lane: lane.index, of: lane.group.lanes.count, crossing: RingCrossing(lane))
        lane.addTurnObserver(self)
        lane.setRingHandler(self)
    }

    /// Tells the switch which turn it is; before frames are received.
    func beginTurn() { switching.beginTurn(lane.turn, at: lane.now.nanoseconds) }

    /// Makes a port of `hub` here, for something that is no session.
    public func attach(
        to hub: Hub, needs: HubPort.Needs, as standing: HubPort.Standing, sink: any PortSink
    ) -> HubPort? {
        switching.attach(to: hub, needs: needs, as: standing, sink: sink)
    }

    /// Frames from whoever stands behind `port`, lent until the turn ends.
    public func receive(_ batch: UnsafeMutableBufferPointer<pa_slice_v1>, from port: HubPort) {
        beginTurn()
        unsafe switching.receive(batch, from: port)
    }
}

extension HubLane: TurnObserver {
    public func turnEnds(on lane: Lane) {
        beginTurn()
        switching.flush()
    }
}

extension HubLane: RingHandler {
    public func received(_ records: UnsafeMutableBufferPointer<RingRecord>, from source: Lane) {
        beginTurn()
        for index in records.indices {
            let record = unsafe records[index]
            unsafe switching.receiveCrossing(CrossingHeader(bits: record.header.0), record.octets)
        }
    }
}

/// Sends copies of frames to other lanes over the rings.
private final class RingCrossing: LaneCrossing {
    private unowned let lane: Lane
    private var writers: [RingWriter?]

    init(_ lane: Lane) {
        self.lane = lane
        writers = Array(repeating: nil, count: lane.group.lanes.count)
    }

    func cross(to index: Int, _ header: CrossingHeader, _ frame: pa_slice_v1) -> Bool {
        let writer = writers[index] ?? lane.ring(to: lane.group.lanes[index])
        writers[index] = writer
        return unsafe writer.push(header: (header.bits, 0), frame)
    }
}

// MARK: - Sessions

extension HubLane {
    /// No further session can be opened.
    public var isFull: Bool { freeSlots.isEmpty && slots.count >= Self.maxSessions }

    /// Begins a session; the lane must not be full. The owner hears of its outcome later, never from within
    /// this call. Returns its handle.
    public func open(_ request: SessionRequest, for owner: any SessionOwner, token: UInt64) -> UInt64 {
        precondition(!isFull, "whoever opens a session asks before whether there is room")
        let serial = Self.lastSerial.wrappingAdd(1, ordering: .relaxed).newValue
        let slot = freeSlots.popLast() ?? slots.count
        if slot == slots.count { slots.append(nil) }
        let session = Session(request, serial: serial, slot: slot, on: self, for: owner, token: token)
        slots[slot] = session
        lane.post { [weak session] _ in session?.begin() }
        return session.handle
    }

    /// The session of that handle if it is this owner's; nil when it is over.
    @inline(__always)
    public func session(_ handle: UInt64, of owner: any SessionOwner) -> Session? {
        let slot = Session.slot(of: handle)
        guard slot < slots.count, let session = slots[slot], session.handle == handle, session.owner === owner
        else {
            return nil
        }
        return session
    }

    /// Frames or packets from a client. False when the session is not that owner's.
    @inline(__always)
    public func receive(
        _ batch: UnsafeMutableBufferPointer<pa_slice_v1>, from handle: UInt64, of owner: any SessionOwner
    ) -> Bool {
        guard let session = session(handle, of: owner) else { return false }
        beginTurn()
        unsafe session.receive(batch)
        return true
    }

    /// Ends a session and gives back what it had; twice is harmless.
    public func close(_ session: Session, reason: SessionReason, sentence: String, tellsOwner: Bool) {
        guard slots[session.slot] === session else { return }
        slots[session.slot] = nil
        freeSlots.append(session.slot)
        session.end(reason: reason, sentence: sentence, tellsOwner: tellsOwner)
    }

    /// Ends every session of an owner without telling it.
    public func closeSessions(of owner: any SessionOwner, reason: SessionReason) {
        for case let session? in slots where session.owner === owner {
            close(session, reason: reason, sentence: "", tellsOwner: false)
        }
    }

    /// Ends the sessions that fit, and tells their owners. Returns how many.
    @discardableResult
    public func closeSessions(
        reason: SessionReason, sentence: String, where isDoomed: (SessionSnapshot) -> Bool
    ) -> Int {
        let doomed = slots.compactMap { $0 }.filter { isDoomed($0.snapshot) }
        for session in doomed { close(session, reason: reason, sentence: sentence, tellsOwner: true) }
        return doomed.count
    }

    /// Who is on a hub, once each.
    public func users(on hub: String) -> Set<String> {
        let hub = NameKey(hub)
        let identities = slots.lazy.compactMap { $0?.request.identity }
        return Set(identities.filter { NameKey($0.hub) == hub }.map(\.user))
    }

    /// Other policies count from now on for the users named, on that hub.
    public func setPolicies(_ policies: [String: Policy], on hub: String) {
        let hub = NameKey(hub)
        for case let session? in slots where NameKey(session.request.identity.hub) == hub {
            guard let policy = policies[session.request.identity.user] else { continue }
            session.setPolicy(policy)
        }
    }

    public var sessionCount: Int { slots.count - freeSlots.count }

    public func sessionCount(of owner: any SessionOwner) -> Int {
        slots.count { session in session?.owner === owner }
    }

    public var snapshots: [SessionSnapshot] { slots.compactMap { $0?.snapshot } }
}
