public import PluginABI
import Policy
import Wire

/// Carries copies of frames to other lanes.
public protocol LaneCrossing: AnyObject {
    /// Queues a copy for `lane`, where `LaneSwitch.receiveCrossing` gets it. False: the way is full, the
    /// frame is lost.
    func cross(to lane: Int, _ header: CrossingHeader, _ frame: pa_slice_v1) -> Bool
}

/// What goes in front of a frame that crosses lanes.
public struct CrossingHeader: Sendable {
    public var hub: UInt32
    /// 0: to every port of the hub on that lane.
    public var port: UInt16
    /// For the hub's monitors on that lane alone.
    public var isForMonitors: Bool

    public init(hub: UInt32, port: UInt16, isForMonitors: Bool = false) {
        self.hub = hub
        self.port = port
        self.isForMonitors = isForMonitors
    }

    public init(bits: UInt64) {
        self.init(
            hub: UInt32(truncatingIfNeeded: bits >> 16), port: UInt16(truncatingIfNeeded: bits),
            isForMonitors: bits >> 48 != 0)
    }
    public var bits: UInt64 { (isForMonitors ? 1 << 48 : 0) | UInt64(hub) << 16 | UInt64(port) }
}

/// The switching of one lane: takes frames from ports, decides, queues them at other ports, and at the end of
/// the turn has everything delivered. Belongs to its lane; nothing here locks, and a unicast frame between
/// two ports of the lane is neither copied nor costs an allocation.
public final class LaneSwitch {
    /// Ports that may wait for delivery at once grow with the ports themselves; rounds of answers that
    /// deliveries cause (ARP, say) are bounded by this.
    private static let maxRounds = 8

    public let lane: Int
    private let laneCount: Int
    private let crossing: any LaneCrossing
    private let arena = FrameArena()
    private var segments: [UInt32: HubSegment] = [:]
    private var dirty: [HubPort] = []
    private var delivering: [HubPort] = []
    private var turn: UInt64 = 0
    private var now: UInt64 = 0
    private var seconds: UInt64 = 0

    public init(lane: Int, of laneCount: Int, crossing: any LaneCrossing) {
        self.lane = lane
        self.laneCount = laneCount
        self.crossing = crossing
        dirty.reserveCapacity(1024)
        delivering.reserveCapacity(1024)
    }

    /// To be called before the first frame of a turn, and harmless before every other one. `number` tells
    /// turns apart, because what was copied is kept until the next turn; `now` in monotonic nanoseconds.
    public func beginTurn(_ number: UInt64, at now: UInt64) {
        if number != turn {
            turn = number
            // What was not delivered stands in memory that now belongs to other frames.
            for port in dirty { port.dropPending() }
            dirty.removeAll(keepingCapacity: true)
            arena.reset()
        }
        self.now = now
        seconds = now / 1_000_000_000
    }

    /// Makes a port of `hub` on this lane; nil when the hub has no number left. It keeps `sink` until
    /// `detach`.
    public func attach(
        to hub: Hub, needs: HubPort.Needs, as standing: HubPort.Standing = .bridge, sink: any PortSink
    ) -> HubPort? {
        guard let number = hub.addPort(standing, on: lane, at: seconds) else { return nil }
        let segment = segments[hub.id] ?? HubSegment(hub: hub)
        segments[hub.id] = segment
        let port = HubPort(
            hub: hub, number: number, needs: needs, standing: standing, segment: segment, sink: sink)
        segment.add(port)
        return port
    }

    /// Ends a port. What waits for it is dropped. Twice is harmless.
    public func detach(_ port: HubPort) {
        guard port.isAttached else { return }
        port.detach()
        let segment = unsafe port.segment
        segment.remove(port)
        port.hub.removePort(port.number, on: lane, isMonitor: port.isMonitor)
        dirty.removeAll { $0 === port }
        if segment.isEmpty { segments[port.hub.id] = nil }
    }
}

// MARK: - Frames

extension LaneSwitch {
    /// Takes frames from whoever stands behind `port`. They are lent until the turn ends.
    public func receive(_ batch: UnsafeMutableBufferPointer<pa_slice_v1>, from port: HubPort) {
        for index in batch.indices { unsafe receive(batch[index], from: port) }
    }

    /// The same for one frame; `isConverters` where the layer converter behind the port has made it.
    @inline(__always)
    public func receive(_ slice: pa_slice_v1, from port: HubPort, isConverters: Bool = false) {
        guard port.isAttached, let glance = unsafe FrameGlance(slice), !glance.source.isGroup else {
            port.counters.dropped += 1
            return
        }
        port.counters.framesIn += 1
        port.counters.octetsIn += UInt64(unsafe slice.length)
        let isKnown = glance.source.bits == port.lastSource && seconds == port.lastSourceSeconds
        if port.isGuarded, !isPlain(glance, from: port, isKnown: isKnown) {
            if let denial = unsafe denial(of: slice, glance, from: port) { return port.deny(denial) }
        }
        if !isKnown { learn(glance.source, from: port) }
        if glance.mayNeedClamp { unsafe port.clamp(slice) }
        if !port.isGuarded, glance.mayTellAddresses { unsafe note(slice, glance.source, from: port) }
        unsafe forward(slice, glance, from: port, isConverters: isConverters)
    }

    /// Whether there is nothing in the frame that the port's policy has not admitted already, which is so for
    /// most. False is no verdict.
    @inline(__always)
    private func isPlain(_ glance: FrameGlance, from port: HubPort, isKnown: Bool) -> Bool {
        guard isKnown || port.isConverted else { return false }
        guard let source = glance.plainIPv4Source else {
            return port.isConverted ? glance.isPlainIPv6 : glance.isForeignProtocol
        }
        return port.isConverted || source == port.lastIPv4 && seconds < port.lastIPv4Until
    }

    @inline(never)
    private func denial(of slice: pa_slice_v1, _ glance: FrameGlance, from port: HubPort) -> Denial? {
        let frame = unsafe RawSpan(_unsafeStart: slice.start, byteCount: Int(slice.length))
        return port.judge(frame, from: glance.source, at: seconds)
    }

    private func learn(_ source: MACAddress, from port: HubPort) {
        port.hub.table.learn(source, on: port.number, at: seconds)
        if port.keepsAddresses, source.bits != port.lastSource {
            port.hub.addresses.keep(source, for: port.number)
        }
        (port.lastSource, port.lastSourceSeconds) = (source.bits, seconds)
    }

    /// What a port that is believed says of addresses.
    @inline(never)
    private func note(_ slice: pa_slice_v1, _ source: MACAddress, from port: HubPort) {
        let frame = unsafe RawSpan(_unsafeStart: slice.start, byteCount: Int(slice.length))
        guard case .address(let address, let mac) = FrameClaim(frame), mac == source else { return }
        let entry = AddressBook.Entry(
            mac: mac, port: port.number, seenAt: seconds, isKept: port.keepsAddresses)
        _ = port.hub.addresses.note(address, entry) { _ in false }
    }

    private func forward(
        _ slice: pa_slice_v1, _ glance: FrameGlance, from port: HubPort, isConverters: Bool
    ) {
        let hub = port.hub
        let number = glance.destination.isGroup ? 0 : hub.table.port(of: glance.destination, at: seconds)
        guard number != port.number else { return }
        // What a port that is gone had is as unknown as what nobody had.
        guard number != 0, let home = hub.lane(of: number) else {
            return unsafe flood(slice, from: port, isConverters: isConverters)
        }
        if hub.isMonitored { unsafe tellMonitors(of: slice, from: port) }
        if home == lane {
            guard let target = unsafe port.segment.port(number) else { return }
            unsafe target._withUnsafeGuaranteedRef { target in
                if glance.mayNeedClamp { unsafe target.clamp(slice) }
                unsafe enqueue(slice, at: target)
            }
        } else {
            let header = CrossingHeader(hub: hub.id, port: number)
            if unsafe !crossing.cross(to: home, header, slice) { port.counters.dropped += 1 }
        }
    }

    private func flood(_ slice: pa_slice_v1, from port: HubPort, isConverters: Bool) {
        let maySend =
            isConverters ? port.converterBudget.spend(at: now) : port.budget.spend(at: now)
        guard maySend else {
            port.counters.floodsRefused += 1
            return
        }
        if port.hub.isMonitored { unsafe tellMonitors(of: slice, from: port) }
        for target in unsafe port.segment.ports where target !== port {
            if unsafe target.wants(flooded: slice) { unsafe enqueueCopy(of: slice, at: target) }
        }
        for other in 0..<laneCount where other != lane && port.hub.hasPorts(on: other) {
            let header = CrossingHeader(hub: port.hub.id, port: 0)
            if unsafe !crossing.cross(to: other, header, slice) { port.counters.dropped += 1 }
        }
    }

    /// Copies for those who listen, before anybody changes the frame.
    @inline(never)
    private func tellMonitors(of slice: pa_slice_v1, from port: HubPort) {
        unsafe enqueueCopies(of: slice, forMonitorsIn: port.segment)
        for other in 0..<laneCount where other != lane && port.hub.hasMonitors(on: other) {
            let header = CrossingHeader(hub: port.hub.id, port: 0, isForMonitors: true)
            // Nobody misses anything but the one who listens.
            _ = unsafe crossing.cross(to: other, header, slice)
        }
    }

    private func enqueueCopies(of slice: pa_slice_v1, forMonitorsIn segment: HubSegment) {
        for monitor in segment.monitors {
            if arena.isHalfUsed {
                monitor.counters.dropped += 1
            } else {
                unsafe enqueueCopy(of: slice, at: monitor)
            }
        }
    }

    /// Takes a frame that another lane sent here, lent until the turn ends.
    public func receiveCrossing(_ header: CrossingHeader, _ slice: pa_slice_v1) {
        guard let segment = segments[header.hub] else { return }
        if header.isForMonitors {
            unsafe enqueueCopies(of: slice, forMonitorsIn: segment)
        } else if header.port != 0 {
            guard let target = unsafe segment.port(header.port) else { return }
            unsafe target._withUnsafeGuaranteedRef { target in
                unsafe target.clamp(slice)
                unsafe enqueue(slice, at: target)
            }
        } else {
            for target in segment.ports where unsafe target.wants(flooded: slice) {
                unsafe enqueueCopy(of: slice, at: target)
            }
        }
    }

    /// Delivers everything that waits, and what the deliveries cause; to be called at the end of a turn.
    public func flush() {
        var rounds = 0
        while !dirty.isEmpty, rounds < Self.maxRounds {
            swap(&dirty, &delivering)
            for port in delivering { port.flush() }
            delivering.removeAll(keepingCapacity: true)
            rounds += 1
        }
    }

    private func enqueueCopy(of slice: pa_slice_v1, at port: HubPort) {
        guard let copy = unsafe arena.copy(slice) else {
            port.counters.dropped += 1
            return
        }
        unsafe port.clamp(copy)
        if unsafe port.enqueue(copy) { dirty.append(port) }
    }

    @inline(__always)
    private func enqueue(_ slice: pa_slice_v1, at port: HubPort) {
        guard unsafe slice.headroom >= port.needs.headroom, unsafe slice.tailroom >= port.needs.tailroom
        else {
            return unsafe enqueueCopy(of: slice, at: port)
        }
        if unsafe port.enqueue(slice) { dirty.append(port) }
    }
}
