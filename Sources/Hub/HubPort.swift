public import PluginABI
public import Policy
import Wire

/// What stands behind a port and takes the frames that leave the hub through it.
public protocol PortSink: AnyObject {
    /// Frames for whoever is behind the port, in order, lent until the turn ends, to be changed in place.
    /// Each has the headroom and tailroom that the port was attached with.
    func deliver(_ batch: UnsafeMutableBufferPointer<pa_slice_v1>, from port: HubPort)
    /// Whether a flooded frame is of any use behind the port; asked before it is copied.
    func wants(flooded frame: RawSpan) -> Bool
    /// The port's policy has for the first time denied a frame for this reason.
    func denied(_ denial: Denial, at port: HubPort)
}

extension PortSink {
    public func wants(flooded frame: RawSpan) -> Bool { true }
    public func denied(_ denial: Denial, at port: HubPort) {}
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

        public init(headroom: UInt16 = 0, tailroom: UInt16 = 0, mtu: UInt16 = 0) {
            self.headroom = headroom
            self.tailroom = tailroom
            self.mtu = mtu
        }
    }

    /// How far the hub believes what comes from a port.
    public enum Standing: Sendable {
        /// A client at layer 2: its policy judges every frame. `owner` is the user's number, not 0: the ports
        /// of one user may take addresses from each other.
        case client(Policy, owner: UInt32)
        /// A client at layer 3: the layer converter vouches for its addresses, which are its own for as long
        /// as it is there, and the policy judges the rest. An IPv6 address that somebody else has does not
        /// become its own.
        case converted(Policy, owner: UInt32)
        /// Somebody who is given a copy of every frame that is forwarded, and whose own are all denied.
        case monitor(Policy)
        /// A LAN, which is believed; its hosts may move elsewhere when they have been silent.
        case bridge
        /// The host's own router, whose addresses are its own for as long as it is there.
        case router

        var owner: UInt32 {
            switch self {
            case .client(_, let owner), .converted(_, let owner): owner
            case .monitor, .bridge, .router: 0
            }
        }

        var keepsAddresses: Bool {
            switch self {
            case .converted, .router: true
            case .client, .monitor, .bridge: false
            }
        }

        var portGuard: PortGuard? {
            switch self {
            case .client(let policy, _): PortGuard(policy, .client)
            case .converted(let policy, _): PortGuard(policy, .converted)
            case .monitor(let policy): PortGuard(policy, .monitor)
            case .bridge, .router: nil
            }
        }

        var isMonitor: Bool {
            switch self {
            case .monitor: true
            case .client, .converted, .bridge, .router: false
            }
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
        /// By the policy, before they were forwarded.
        public var denied = DenialCounts()

        public init() {}

        /// What was kept from the hub, by reason, the storm control's refusals among it.
        public var deniedByName: [String: Int] {
            var counts = Dictionary(uniqueKeysWithValues: denied.all.map { ($0.denial.name, $0.count) })
            if floodsRefused > 0 { counts["broadcasts"] = Int(clamping: floodsRefused) }
            return counts
        }
    }

    public let hub: Hub
    public let number: UInt16
    public let needs: Needs
    public internal(set) var counters = Counters()

    unowned(unsafe) let segment: HubSegment
    /// Let go when the port is detached, because who takes frames from a port also holds it.
    private var sink: (any PortSink)?
    var budget: FloodBudget
    /// For what the layer converter says itself: a client that has spent its own would else silence the look
    /// for duplicates, and be given another's address.
    var converterBudget = FloodBudget()
    /// Nil where the port is believed.
    private var portGuard: PortGuard?
    let isGuarded: Bool
    let isConverted: Bool
    let isMonitor: Bool
    let keepsAddresses: Bool
    /// The last source of an IPv4 packet that was admitted, and until when it is not looked at again.
    private(set) var lastIPv4: UInt32 = 0
    private(set) var lastIPv4Until: UInt64 = 0
    private(set) var isAttached = true

    /// The last source address seen and when, so that a steady stream does not ask the table again each time.
    var lastSource: UInt64 = .max
    var lastSourceSeconds: UInt64 = 0

    /// What waits, and, once it was needed, a second place for what comes while the first is being delivered.
    private var pending = UnsafeMutablePointer<pa_slice_v1>.allocate(capacity: maxPending)
    private var spare: UnsafeMutablePointer<pa_slice_v1>?
    private var pendingCount = 0
    private var isDelivering = false
    private let mssClamp: MSSClamp?

    init(
        hub: Hub, number: UInt16, needs: Needs, standing: Standing, segment: HubSegment, sink: any PortSink
    ) {
        self.hub = hub
        self.number = number
        self.needs = needs
        self.sink = sink
        unsafe self.segment = segment
        portGuard = standing.portGuard
        isGuarded = portGuard != nil
        isConverted = portGuard?.isConverted ?? false
        isMonitor = standing.isMonitor
        keepsAddresses = standing.keepsAddresses
        budget = FloodBudget(rate: portGuard?.policy.floodRate ?? FloodBudget.defaultRate)
        mssClamp = needs.mtu == 0 ? nil : MSSClamp(mtu: Int(needs.mtu))
    }

    deinit {
        unsafe pending.deallocate()
        unsafe spare?.deallocate()
    }

    /// Another policy counts from now on. What the port has of addresses, it keeps.
    public func setPolicy(_ policy: Policy) {
        guard portGuard != nil else { return }
        portGuard?.policy = policy
        budget = FloodBudget(rate: policy.floodRate)
    }

    func wants(flooded frame: pa_slice_v1) -> Bool {
        sink?.wants(flooded: unsafe RawSpan(_unsafeStart: frame.start, byteCount: Int(frame.length))) ?? false
    }

    /// The slow way: why the frame must not pass, or nil.
    func judge(_ frame: RawSpan, from source: MACAddress, at seconds: UInt64) -> Denial? {
        let denial = portGuard?.denial(of: frame, from: source, at: self, seconds)
        (lastIPv4, lastIPv4Until) = (portGuard?.lastIPv4 ?? 0, portGuard?.lastIPv4Until ?? 0)
        return denial
    }

    func deny(_ denial: Denial) {
        counters.denied.add(denial)
        if counters.denied[denial] == 1 { sink?.denied(denial, at: self) }
    }

    /// Appends a frame; true when it is the first one that waits.
    @inline(__always)
    func enqueue(_ frame: pa_slice_v1) -> Bool {
        guard pendingCount < Self.maxPending else {
            counters.dropped += 1
            return false
        }
        if pendingCount == 0, isDelivering { swapBuffers() }
        unsafe pending[pendingCount] = frame
        pendingCount += 1
        counters.framesOut += 1
        counters.octetsOut += UInt64(unsafe frame.length)
        return pendingCount == 1
    }

    /// A delivery has caused a frame to the very port that is being served.
    private func swapBuffers() {
        let free = unsafe spare ?? .allocate(capacity: Self.maxPending)
        unsafe (pending, spare) = (free, pending)
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
        isDelivering = true
        defer { isDelivering = false }
        unsafe sink.deliver(UnsafeMutableBufferPointer(start: pending, count: count), from: self)
    }
}
