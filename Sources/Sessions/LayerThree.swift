import Hub
public import Lanes
import LayerConverter
import PluginABI
public import Wire

/// What a layer-3 session has beyond a port: its converter, the MAC address that it was lent, and the timer
/// of both.
final class LayerThree {
    let mac: MACAddress
    var converter: LayerConverter
    /// When the timer of the session is set to fire.
    var deadline: Instant?
    var timer: TimerID?
    /// The converter's drops are counted here; the administrator sees the sum.
    var dropped: UInt64 = 0
    /// Packets of the converter's own for the client, and whether its owner is to be told of IPv6. Both wait
    /// until no call of the module is in progress.
    var packets: [[UInt8]] = []
    var ipv6IsNews = false
    /// IPv6 addresses that the hub keeps for the client.
    var kept: [IPv6Address] = []
    /// IPv6 addresses that the observer has heard of.
    var recorded: [IPv6Address] = []

    init(_ converter: consuming LayerConverter) {
        mac = converter.mac
        self.converter = converter
    }

    var lease: AddressLease? { converter.lease }
}

extension Session {
    /// Borrows a MAC address and asks for an IP address.
    func beginLayerThree(_ port: HubPort) {
        let identity = request.identity
        // With the hub, because two hubs may be bridged onto one LAN, where their users must not share a MAC.
        let instance = String(decoding: request.instance, as: UTF8.self)
        let borrower = "\(identity.hub.lowercased())\u{0}\(identity.user.lowercased())\u{0}\(instance)"
        guard let mac = hubLane.hubs.lendMAC(on: identity.hub, to: borrower) else {
            return refuse(.noAddress, "hub \(identity.hub) has no MAC address left to lend")
        }
        var generator = SystemRandomNumberGenerator()
        let addressing: LayerConverter.Addressing
        if let fixed = identity.fixedAddress {
            addressing = .fixed(AddressLease(fixed: fixed, gateway: identity.fixedGateway), mac: mac)
        } else {
            var client = DHCPIdentity(mac: mac)
            client.hostName = request.hostName
            if identity.policy.mayChooseAddress { client.wish = request.wishedAddress }
            addressing = .dhcp(client)
        }
        layerThree = LayerThree(LayerConverter(addressing, seed: generator.next()))
        let now = hubLane.lane.now
        if let ipv6Manner {
            let isExpected = hubLane.hubs.expectsIPv6(on: identity.hub, at: now)
            layerThree?.converter.startIPv6(ipv6Manner, isExpected: isExpected, at: now)
        }
        layerThree?.converter.start(at: now)
        runConverter()
    }

    /// The client has a link, on which it forms its IPv6 addresses itself. False: it is not open, or has no
    /// layer 3.
    public func joinIPv6Link(own: UInt64, peer: UInt64) -> Bool {
        guard let layerThree, isOpen else { return false }
        let policy = request.identity.policy
        let link = IPv6Link(
            own: own, peer: peer, mtu: request.mtu == 0 ? 1500 : Int(request.mtu),
            mayChoose: policy.mayChooseAddress, maxAddresses: policy.maxAddresses)
        layerThree.converter.joinLink(link, at: hubLane.lane.now)
        runConverter()
        return true
    }

    /// Gives address and MAC back.
    func endLayerThree() {
        guard let layerThree else { return }
        if let timer = layerThree.timer { hubLane.lane.cancel(timer) }
        layerThree.timer = nil
        layerThree.converter.close(at: hubLane.lane.now)
        while let output = layerThree.converter.nextOutput() {
            if case .sendFrame(let frame) = output { sendFromConverter(frame) }
        }
        hubLane.hubs.takeBack(layerThree.mac, on: request.identity.hub)
    }

    /// From the client: writes Ethernet headers in front of packets, in the headroom that their own tunnel
    /// left.
    func lift(_ batch: UnsafeMutableBufferPointer<pa_slice_v1>, to port: HubPort) {
        guard let layerThree else { return }
        let now = hubLane.lane.now
        for index in batch.indices {
            var slice = unsafe batch[index]
            guard unsafe slice.growFront(by: LayerConverter.headroom) || hubLane.makeRoom(&slice) else {
                layerThree.dropped += 1
                continue
            }
            var frame = unsafe slice.mutableSpan
            switch layerThree.converter.lift(&frame, at: now) {
            case .send: unsafe hubLane.switching.receive(slice, from: port)
            case .consumed: break
            case .queued, .drop: layerThree.dropped += 1
            }
        }
        if layerThree.converter.hasOutput || layerThree.converter.deadline != layerThree.deadline {
            runConverter()
        }
    }

    /// From the hub: takes the Ethernet headers off what is for the client, and has the converter see the
    /// rest.
    func lower(_ batch: UnsafeMutableBufferPointer<pa_slice_v1>) {
        guard let layerThree else { return }
        var kept = 0
        for index in batch.indices {
            let slice = unsafe batch[index]
            switch layerThree.converter.lower(unsafe slice.span) {
            case .deliver(let offset, let length):
                unsafe batch[kept] = slice.extracting(offset: offset, length: length)
                kept += 1
            case .consume: layerThree.converter.receive(unsafe slice.span, at: hubLane.lane.now)
            case .drop: layerThree.dropped += 1
            }
        }
        if kept > 0 {
            unsafe owner.transmit(token: token, UnsafeMutableBufferPointer(rebasing: batch[..<kept]))
        }
        if layerThree.converter.hasOutput || layerThree.converter.deadline != layerThree.deadline {
            runConverter()
        }
    }

    /// Does what the converter wants, then sets the timer.
    private func runConverter() {
        guard let layerThree else { return }
        while let output = layerThree.converter.nextOutput() {
            switch output {
            case .sendFrame(let frame): sendFromConverter(frame)
            case .addressReady(let lease): layerThreeIsReady(lease)
            case .sendPacket(let packet): later { $0.packets.append(packet) }
            case .ipv6Changed:
                releaseIPv6()
                later { $0.ipv6IsNews = true }
            case .leaseRenewed: hubLane.observer?.sessionAddressed(snapshot)
            case .refused(let refusal): return refuse(.noAddress, refusal.description)
            case .addressLost(let loss):
                return hubLane.close(self, reason: .noAddress, sentence: loss.description, tellsOwner: true)
            case .conflictSeen: layerThree.dropped += 1
            }
        }
        setTimer()
    }

    /// What the client has no more is not kept from others.
    private func releaseIPv6() {
        guard let layerThree, let port else { return }
        let network = layerThree.converter.ipv6Network(at: hubLane.lane.now)
        let addresses = network?.addresses.map(\.address) ?? []
        for address in layerThree.kept where !addresses.contains(address) {
            port.hub.release(address, of: port)
        }
        layerThree.kept = addresses
    }

    private func layerThreeIsReady(_ lease: AddressLease) {
        guard let layerThree else { return }
        let hub = request.identity.hub
        if ipv6Manner != nil, layerThree.converter.ipv6Network(at: hubLane.lane.now) == nil {
            hubLane.hubs.noteIPv6(on: hub, at: nil)
        }
        tellIPv6()
        opened(lease)
        recordIPv6()
    }

    /// Notes something for the client or its module, and does it when the lane is between two calls.
    private func later(_ note: (LayerThree) -> Void) {
        guard let layerThree else { return }
        let isFirst = layerThree.packets.isEmpty && !layerThree.ipv6IsNews
        note(layerThree)
        guard isFirst else { return }
        hubLane.lane.post { [weak self] _ in
            guard let self, self.isOpen else { return }
            self.tellIPv6()
            self.transmitPackets()
        }
    }

    private func tellIPv6() {
        guard let layerThree, layerThree.ipv6IsNews else { return }
        layerThree.ipv6IsNews = false
        let now = hubLane.lane.now
        let network = layerThree.converter.ipv6Network(at: now)
        if network != nil { hubLane.hubs.noteIPv6(on: request.identity.hub, at: now) }
        owner.sessionChanged(token: token, ipv6: network)
        if isOpen { recordIPv6() }
    }

    /// For whoever asks later who had an address.
    private func recordIPv6() {
        guard let layerThree else { return }
        let network = layerThree.converter.ipv6Network(at: hubLane.lane.now)
        let addresses = network?.addresses.map(\.address) ?? []
        let new = addresses.filter { !layerThree.recorded.contains($0) }
        layerThree.recorded = addresses
        guard !new.isEmpty else { return }
        hubLane.observer?.sessionAddressed(snapshot, ipv6: new)
    }

    private func transmitPackets() {
        guard let layerThree else { return }
        for packet in layerThree.packets {
            guard var slice = unsafe hubLane.lane.allocate(packet.count) else { continue }
            unsafe slice.start.update(from: packet, count: packet.count)
            unsafe slice.length = UInt32(packet.count)
            unsafe withUnsafeMutablePointer(to: &slice) { slice in
                unsafe owner.transmit(
                    token: token, UnsafeMutableBufferPointer(start: slice, count: 1))
            }
        }
        layerThree.packets = []
    }

    private func setTimer() {
        guard let layerThree, layerThree.deadline != layerThree.converter.deadline else { return }
        if let timer = layerThree.timer { hubLane.lane.cancel(timer) }
        layerThree.deadline = layerThree.converter.deadline
        layerThree.timer = layerThree.deadline.map { hubLane.lane.schedule(at: $0, target: self, token: 0) }
    }

    private func sendFromConverter(_ frame: [UInt8]) {
        guard let port, var slice = unsafe hubLane.lane.allocate(frame.count) else { return }
        unsafe slice.start.update(from: frame, count: frame.count)
        unsafe slice.length = UInt32(frame.count)
        hubLane.beginTurn()
        unsafe hubLane.switching.receive(slice, from: port, isConverters: true)
    }
}

extension Session: TimerTarget {
    public func timerFired(_ token: UInt64, at now: Instant) {
        guard let layerThree else { return }
        layerThree.timer = nil
        layerThree.deadline = nil
        layerThree.converter.handleTimeout(at: now)
        runConverter()
    }
}

extension HubLane {
    /// A copy of a packet that has no headroom, with an Ethernet header's worth of it.
    fileprivate func makeRoom(_ slice: inout pa_slice_v1) -> Bool {
        guard let copy = unsafe lane.copy(slice) else { return false }
        unsafe slice = copy
        return unsafe slice.growFront(by: LayerConverter.headroom)
    }
}

extension pa_slice_v1 {
    /// The octets, for as long as the turn lasts.
    fileprivate var span: RawSpan {
        @_lifetime(borrow self)
        get { unsafe RawSpan(_unsafeStart: start, byteCount: Int(length)) }
    }

    fileprivate var mutableSpan: MutableRawSpan {
        @_lifetime(borrow self)
        get { unsafe MutableRawSpan(_unsafeStart: start, byteCount: Int(length)) }
    }

    /// Takes octets of the headroom into the slice; false when there are too few.
    fileprivate mutating func growFront(by count: Int) -> Bool {
        guard unsafe Int(headroom) >= count else { return false }
        unsafe start -= count
        unsafe length += UInt32(count)
        unsafe headroom -= UInt16(count)
        return true
    }

    /// The octets from `offset`, with everything around them as room.
    fileprivate func extracting(offset: Int, length part: Int) -> pa_slice_v1 {
        unsafe pa_slice_v1(
            start: start + offset, length: UInt32(part), headroom: UInt16(clamping: Int(headroom) + offset),
            tailroom: UInt16(clamping: Int(tailroom) + Int(length) - offset - part))
    }
}
