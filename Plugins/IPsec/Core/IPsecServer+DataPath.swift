import ESP
import EngineParts
public import IKEv1
import L2TP
public import PluginABI
public import Wire

/// What a packet from the network is.
public enum IPsecReceived: Equatable {
    /// The slice is a frame for this place on a hub.
    case frame(PlaceID)
    /// It was for the engine, or was dropped and counted.
    case consumed
}

/// Packets in and out, in place.
extension IPsecServer {
    /// `slice`: a packet of ESP from its SPI on. What it makes the engine want is drained after the batch.
    public func open(_ slice: inout pa_slice_v1, from path: IKEPath, at now: Instant) -> IPsecReceived {
        guard unsafe slice.length >= UInt32(ESPHeader.length), let start = unsafe slice.start else {
            return drop(.malformed)
        }
        let spi = unsafe UnsafeRawPointer(start).loadUnaligned(as: UInt32.self).bigEndian
        guard let child = children[spi] else { return drop(.unknownSPI) }
        let nextHeader: UInt8
        switch unsafe child.inbound.open(&slice) {
        case .payload(let number): nextHeader = number
        case .dropped(let reason): return drop(IPsecDrop(reason))
        }
        heard(child, path, at: now)
        guard child.isTunnel else {
            return unsafe take(&slice, IPProtocol(rawValue: nextHeader), child, at: now)
        }
        guard nextHeader == IPProtocol.ipv4.rawValue else { return drop(.notAgreed) }
        guard let inner = unsafe Self.openTunnel(&slice, child) else { return drop(.malformed) }
        guard !inner.isFragment else { return drop(.fragment) }
        return unsafe take(&slice, inner.protocol, child, at: now)
    }

    /// Authentic: the peer lives, has the SA, and is where the packet came from.
    @inline(__always)
    private func heard(_ child: ESPChild, _ path: IKEPath, at now: Instant) {
        if now >= child.noteAt {
            child.noteAt = now + ESPChild.noteInterval
            ike.heard(child.agreed.spi, at: now)
        }
        if !child.isActive {
            ike.activate(child.agreed.spi)
            activated(child.agreed.spi, at: now)
        }
        if child.path.remote != path.remote || child.path.socket != path.socket, child.inbound.isNewest {
            moved(child, path)
        }
        if !child.askedForSuccessor, child.hasCarriedEnough {
            child.askedForSuccessor = true
            ike.rekey(child.agreed.spi, at: now)
        }
    }

    /// A NAT gave the peer another port, or the peer has come to use UDP.
    private func moved(_ child: ESPChild, _ path: IKEPath) {
        let peer = child.peer
        child.path = path
        if child.agreed.suite.mode.isInUDP {
            for other in peer.children where other.agreed.suite.mode.isInUDP { other.path = path }
            // IKE has the same mapping of the NAT: its next question goes there.
            ike.moved(child.agreed.spi, to: path)
            rename(peer, to: path)
        }
        for kind in Places.Kind.allCases where peer.places[kind].stage == .open {
            outbox.append(.moved(PlaceID(peer.id, kind.ofPlace), path.remote))
        }
        for call in peer.l2tp.calls where call.hasSession {
            outbox.append(.moved(call.place, path.remote))
        }
    }

    private static func openTunnel(
        _ slice: inout pa_slice_v1, _ child: ESPChild
    ) -> (protocol: IPProtocol, isFragment: Bool)? {
        let bytes = unsafe RawSpan(_unsafeStart: slice.start, byteCount: Int(slice.length))
        guard let packet = IPv4Packet(bytes) else { return nil }
        child.inner = (packet.destination, packet.source)
        let result = (packet.protocol, packet.isFragment)
        let (header, behind) = (packet.headerLength, bytes.byteCount - packet.totalLength)
        unsafe slice.dropLast(behind)
        unsafe slice.dropFirst(header)
        return result
    }

    private func take(
        _ slice: inout pa_slice_v1, _ number: IPProtocol, _ child: ESPChild, at now: Instant
    ) -> IPsecReceived {
        guard let service = Service(number), child.carries(service) else { return drop(.notAgreed) }
        switch service {
        case .etherIP:
            guard unsafe EtherIP.open(&slice) else { return drop(.malformed) }
            guard child.peer.places.etherIP.stage == .open else {
                beginPlace(.etherIP, child.peer, child, at: now)
                return drop(.noSession)
            }
            return .frame(PlaceID(child.peer.id, .etherIP))
        case .l2tpIP:
            return unsafe receiveL2TPv3(&slice, .l2tpIP, child, at: now)
        case .l2tpUDP:
            guard let port = unsafe L2TPPort.open(&slice) else { return drop(.notAgreed) }
            let bytes = unsafe RawSpan(_unsafeStart: slice.start, byteCount: Int(slice.length))
            guard let isL2TPv2 = L2TPHeader.isSpoken(in: bytes) else { return drop(.malformed) }
            if isL2TPv2 { return unsafe receiveL2TP(&slice, from: port, child, at: now) }
            child.peer.l2tpv3.remotePort = port
            return unsafe receiveL2TPv3(&slice, .l2tpUDP, child, at: now)
        }
    }

    // MARK: To the network

    /// By what way frames for a place leave now; nil: by none.
    public func path(to place: PlaceID) -> IKEPath? { way(to: place)?.path }

    private func way(to place: PlaceID) -> ESPChild? {
        switch place.kind {
        case .call: calls[place.holder]?.peer.way(of: .l2tpUDP)
        case .etherIP: peers[place.holder]?.way(of: .etherIP)
        case .l2tpv3: peers[place.holder].flatMap { $0.way(of: $0.l2tpv3.service) }
        }
    }

    /// Makes a packet of ESP of the frame in `slice`. False: it is to be dropped.
    public func seal(_ slice: inout pa_slice_v1, to place: PlaceID, at now: Instant) -> Bool {
        guard let child = way(to: place), unsafe seal(&slice, to: place, child) else {
            drops[IPsecDrop.notSealed.rawValue] += 1
            return false
        }
        if !child.askedForSuccessor, child.hasCarriedEnough {
            child.askedForSuccessor = true
            ike.rekey(child.agreed.spi, at: now)
        }
        return true
    }

    private func seal(_ slice: inout pa_slice_v1, to place: PlaceID, _ child: ESPChild) -> Bool {
        switch place.kind {
        case .etherIP:
            return unsafe EtherIP.seal(&slice) && seal(&slice, .etherIP, child)
        case .l2tpv3:
            guard let peer = peers[place.holder] else { return false }
            return unsafe peer.l2tpv3.seal(&slice) && seal(&slice, peer.l2tpv3.service, child)
        case .call:
            guard let call = calls[place.holder] else { return false }
            return unsafe call.seal(&slice) && seal(&slice, .l2tpUDP, child)
        }
    }

    /// Makes a packet of ESP of a packet of a service.
    func seal(_ slice: inout pa_slice_v1, _ service: Service, _ child: ESPChild) -> Bool {
        var nextHeader = service.protocolNumber
        if child.isTunnel {
            guard unsafe Self.sealTunnel(&slice, nextHeader, child) else { return false }
            nextHeader = .ipv4
        }
        return unsafe child.outbound.seal(&slice, nextHeader: nextHeader.rawValue) == nil
    }

    private static func sealTunnel(
        _ slice: inout pa_slice_v1, _ number: IPProtocol, _ child: ESPChild
    ) -> Bool {
        let length = IPv4Packet.minHeaderLength
        guard let inner = child.inner, unsafe Int(slice.headroom) >= length,
            unsafe Int(slice.length) + length <= IPv4Packet.maxLength
        else { return false }
        let header = IPv4Header(
            from: inner.local, to: inner.remote, carrying: number, length: Int(unsafe slice.length))
        unsafe slice.extendFront(length)
        var target = unsafe MutableRawSpan(_unsafeStart: slice.start, byteCount: length)
        header.write(to: &target)
        return true
    }

    func drop(_ reason: IPsecDrop) -> IPsecReceived {
        drops[reason.rawValue] += 1
        return .consumed
    }

    /// What the data path has made the engine want.
    public func settleAfterData(at now: Instant) { settle(at: now) }
}

extension Service {
    init?(_ number: IPProtocol) {
        guard let service = Service.allCases.first(where: { $0.protocolNumber == number }) else { return nil }
        self = service
    }
}

extension IPsecDrop {
    init(_ reason: ESPDrop) {
        self =
            switch reason {
            case .truncated, .badPadding: .malformed
            case .replayed: .replayed
            case .notAuthentic: .notAuthentic
            case .dummy: .dummy
            case .noRoom, .exhausted, .cipherFailed: .notSealed
            }
    }
}
