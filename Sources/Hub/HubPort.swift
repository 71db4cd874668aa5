public import PluginABI
import Wire

/// What stands behind a port and takes the frames that leave the hub through it.
public protocol PortSink: AnyObject {
    /// Frames for whoever is behind the port, in order, lent until the turn ends, to be changed in place.
    /// Each has the headroom and tailroom that the port was attached with.
    func deliver(_ batch: UnsafeMutableBufferPointer<pa_slice_v1>, from port: HubPort)
}

/// One port of a hub, on the lane where what stands behind it lives. Belongs to that lane's switch alone.
@safe public final class HubPort {
    /// Frames that wait for the end of the turn; more are dropped and counted.
    public static let maxPending = 512

    public struct Needs: Sendable {
        /// Octets that the sink will write in front of a frame and behind it.
        public var headroom: UInt16
        public var tailroom: UInt16
        /// The largest IP packet that passes; TCP's MSS is clamped to it. 0: no limit.
        public var mtu: UInt16
        /// Frames a second that may be flooded from here.
        public var floodRate: UInt64

        public init(
            headroom: UInt16 = 0, tailroom: UInt16 = 0, mtu: UInt16 = 0,
            floodRate: UInt64 = FloodBudget.defaultRate
        ) {
            self.headroom = headroom
            self.tailroom = tailroom
            self.mtu = mtu
            self.floodRate = floodRate
        }
    }

    /// Frames and octets since the port was attached, as the client sees it: in is from it to the hub.
    public struct Counters: Sendable {
        public var framesIn: UInt64 = 0
        public var octetsIn: UInt64 = 0
        public var framesOut: UInt64 = 0
        public var octetsOut: UInt64 = 0
        public var dropped: UInt64 = 0
        public var floodsRefused: UInt64 = 0

        public init() {}
    }

    public let hub: Hub
    public let number: UInt16
    public let needs: Needs
    public internal(set) var counters = Counters()

    unowned(unsafe) let segment: HubSegment
    /// Let go when the port is detached, because who takes frames from a port also holds it.
    private var sink: (any PortSink)?
    var budget: FloodBudget
    private(set) var isAttached = true

    /// The last source address seen and when, so that a steady stream does not ask the table again each time.
    var lastSource: UInt64 = .max
    var lastSourceSeconds: UInt64 = 0

    private let pending = UnsafeMutablePointer<pa_slice_v1>.allocate(capacity: maxPending)
    private var pendingCount = 0
    private let mssClamp: MSSClamp?

    init(hub: Hub, number: UInt16, needs: Needs, segment: HubSegment, sink: any PortSink) {
        self.hub = hub
        self.number = number
        self.needs = needs
        self.sink = sink
        unsafe self.segment = segment
        budget = FloodBudget(rate: needs.floodRate)
        mssClamp = needs.mtu == 0 ? nil : MSSClamp(mtu: Int(needs.mtu))
    }

    deinit { unsafe pending.deallocate() }

    /// Appends a frame; true when it is the first one that waits.
    @inline(__always)
    func enqueue(_ frame: pa_slice_v1) -> Bool {
        guard pendingCount < Self.maxPending else {
            counters.dropped += 1
            return false
        }
        unsafe pending[pendingCount] = frame
        pendingCount += 1
        counters.framesOut += 1
        counters.octetsOut += UInt64(unsafe frame.length)
        return pendingCount == 1
    }

    /// Lowers the segment size that a TCP handshake offers to what fits through whatever stands behind the
    /// port.
    func clamp(_ frame: pa_slice_v1) {
        guard let mssClamp, let start = unsafe frame.start else { return }
        unsafe mssClamp.lower(inFrame: UnsafeMutableRawPointer(start), count: Int(frame.length))
    }

    /// Ends it; what waits is dropped, because its memory will not last.
    func detach() {
        isAttached = false
        sink = nil
        dropPending()
    }

    func dropPending() {
        counters.dropped += UInt64(pendingCount)
        pendingCount = 0
    }

    /// Hands everything that waits to the sink.
    func flush() {
        let count = pendingCount
        pendingCount = 0
        guard count > 0, let sink else { return }
        unsafe sink.deliver(UnsafeMutableBufferPointer(start: pending, count: count), from: self)
    }
}
