public import Hub
public import LayerConverter
public import PluginABI
public import Policy
import Wire

/// A client on a hub: a port, and at layer 3 the converter that lifts its packets to Ethernet.
/// Lives on one lane, like its connection, and is confined to it.
@safe public final class Session: @unchecked Sendable {
    /// Never used again; the number that an administrator sees.
    public let serial: UInt64
    let slot: Int
    private(set) var owner: any SessionOwner
    private(set) var token: UInt64
    unowned let hubLane: HubLane
    private(set) var request: SessionRequest
    private let openedAtWall: UInt64
    private let openedAt: Instant

    private(set) var port: HubPort?
    /// How the client shall have IPv6; nil: not, as far as is known.
    private(set) var ipv6Manner: LayerConverter.IPv6Manner?
    var layerThree: LayerThree?
    private(set) var isOpen = false
    /// Whether it counts among its user's sessions.
    private var isCounted = false

    init(
        _ request: SessionRequest, serial: UInt64, slot: Int, on hubLane: HubLane,
        for owner: any SessionOwner,
        token: UInt64
    ) {
        self.request = request
        self.serial = serial
        self.slot = slot
        self.hubLane = hubLane
        self.owner = owner
        self.token = token
        openedAtWall = hubLane.lane.wallSeconds
        openedAt = hubLane.lane.now
    }

    /// The slot makes it quick to find, the serial number makes it unique.
    public var handle: UInt64 { serial << 16 | UInt64(slot) }
    static func slot(of handle: UInt64) -> Int { Int(handle & 0xffff) }

    /// Attaches to the hub; at layer 2 that is all, at layer 3 an address is asked for.
    func begin() {
        guard port == nil else { return }
        guard let hub = hubLane.hubs[request.identity.hub] else {
            return refuse(.policy, "hub \(request.identity.hub) does not exist any more")
        }
        let identity = request.identity
        isCounted = hubLane.hubs.enter(
            identity.user, on: identity.hub, atMost: identity.policy.maxSessions)
        guard isCounted else {
            let limit = identity.policy.maxSessions
            return refuse(.policy, "no more than \(limit) of your sessions may be open at once")
        }
        let ethernet: UInt16 = request.layer == .three ? UInt16(EthernetFrame.headerLength) : 0
        // A layer-3 frame loses its Ethernet header before it is sealed, which is headroom enough for that
        // much.
        let headroom = request.headroom > ethernet ? request.headroom - ethernet : 0
        let needs = HubPort.Needs(headroom: headroom, tailroom: request.tailroom, mtu: request.mtu)
        guard let port = hubLane.attach(to: hub, needs: needs, as: standing, sink: self) else {
            return refuse(.policy, "hub \(hub.name) has no port left")
        }
        self.port = port
        switch request.layer {
        case .two: opened(nil)
        case .three: beginLayerThree(port)
        }
    }

    /// Asks for IPv6 for the client; before it begins. False: it is too late, or it has no layer 3.
    public func startIPv6(_ manner: LayerConverter.IPv6Manner) -> Bool {
        guard request.layer == .three, port == nil else { return false }
        ipv6Manner = manner
        return true
    }

    private var standing: HubPort.Standing {
        // The ports of one user know each other by it.
        let owner = UInt32(truncatingIfNeeded: request.identity.account)
        return switch request.layer {
        case .two where request.identity.isMonitor: .monitor(request.identity.policy)
        case .two: .client(request.identity.policy, owner: owner)
        case .three: .converted(request.identity.policy, owner: owner)
        }
    }

    func setPolicy(_ policy: Policy) {
        request.identity.policy = policy
        port?.setPolicy(policy)
        guard request.identity.isMonitor, !policy.mayMonitor else { return }
        let sentence = "policy: may not be a monitor any more"
        hubLane.close(self, reason: .policy, sentence: sentence, tellsOwner: true)
    }

    func opened(_ lease: AddressLease?) {
        isOpen = true
        hubLane.observer?.sessionOpened(snapshot)
        owner.sessionOpened(token: token, handle: handle, parameters: lease)
    }

    func refuse(_ reason: SessionReason, _ sentence: String) {
        hubLane.observer?.sessionRefused(snapshot, reason: reason, sentence: sentence)
        hubLane.close(self, reason: reason, sentence: sentence, tellsOwner: false)
        owner.sessionRefused(token: token, reason: reason, sentence: sentence)
    }

    /// From the client.
    @inline(__always)
    func receive(_ batch: UnsafeMutableBufferPointer<pa_slice_v1>) {
        guard isOpen, let port else { return }
        if layerThree == nil {
            unsafe hubLane.switching.receive(batch, from: port)
        } else {
            unsafe lift(batch, to: port)
        }
    }

    /// [lane] It goes on with another owner, who knows it by another token.
    public func change(owner: any SessionOwner, token: UInt64) {
        self.owner = owner
        self.token = token
    }

    /// The client has moved, or its cipher has changed.
    public func update(remote: pa_address_v1?, cipher: String?) {
        if let remote { request.remote = remote }
        if let cipher { request.cipher = cipher }
    }

    /// Gives back address, MAC and port. Called by the lane alone.
    func end(reason: SessionReason, sentence: String, tellsOwner: Bool) {
        let last = snapshot
        endLayerThree()
        if let port { hubLane.switching.detach(port) }
        if isCounted { hubLane.hubs.leave(request.identity.user, on: request.identity.hub) }
        isCounted = false
        if last.isOpen { hubLane.observer?.sessionClosed(last, reason: reason, sentence: sentence) }
        isOpen = false
        owner.sessionEnded(handle: handle)
        if tellsOwner { owner.sessionClosed(token: token, reason: reason, sentence: sentence) }
    }

    public var snapshot: SessionSnapshot {
        var counters = port?.counters ?? .init()
        counters.dropped += layerThree?.dropped ?? 0
        return SessionSnapshot(
            id: serial, user: request.identity.user, hub: request.identity.hub, layer: request.layer,
            protocolName: request.protocolName, cipher: request.cipher, software: request.software,
            remote: request.remote, mac: layerThree?.mac, lease: layerThree?.lease, port: port?.number ?? 0,
            lane: hubLane.lane.index, since: openedAtWall, duration: openedAt.duration(to: hubLane.lane.now),
            counters: counters, isOpen: isOpen, isMonitor: request.identity.isMonitor)
    }
}

extension Session: PortSink {
    /// From the hub.
    public func deliver(_ batch: UnsafeMutableBufferPointer<pa_slice_v1>, from port: HubPort) {
        if layerThree == nil {
            unsafe owner.transmit(token: token, batch)
        } else {
            unsafe lower(batch)
        }
    }

    public func wants(flooded frame: RawSpan) -> Bool {
        layerThree.map { $0.converter.wants(flooded: frame) } ?? true
    }

    public func denied(_ denial: Denial, at port: HubPort) {
        hubLane.observer?.sessionDenied(snapshot, denial)
    }
}
