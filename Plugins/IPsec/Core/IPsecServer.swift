import ESP
import EngineParts
public import IKEv1
public import OpenSSL
import PluginABI
public import Wire

/// IPsec of one lane: IKE, the SAs that it makes, and what travels in them. No IO, no clock.
///
/// Messages of IKE and time come in by `receive` and `handleTimeout`; after every input `nextOutput()` is
/// drained to nil, and `deadline` asked. Packets are opened and sealed in place, see `IPsecServer+DataPath`.
public final class IPsecServer {
    /// Octets that pass everywhere without fragments, as a rule: an Ethernet link with PPPoE on the way.
    static let assumedPathMTU = 1492

    let ike: IKEServer
    var children: [UInt32: ESPChild] = [:]
    var peers: [Peer?] = []
    private var free: [Int] = []
    private var generation: UInt32 = 0
    private var byName: [Name: Peer] = [:]
    var outbox = Outbox<IPsecOutput>()
    private var lastTicket: UInt64 = 0
    var timers = TimerQueue<PeerID>()
    var random: any RandomNumberGenerator
    /// The listener for ESP without UDP, of each family: by what a peer is answered that has not sent yet.
    var nativeSockets: [TransportAddress.Family: UInt64] = [:]
    /// Only grows.
    public internal(set) var drops = [Int](repeating: 0, count: IPsecDrop.allCases.count)

    private struct Name: Hashable {
        let identity: Identification
        let source: TransportAddress
    }

    public init(
        _ options: IKEOptions, cookieKey: [UInt8], random: any RandomNumberGenerator
    ) throws(OpenSSLError) {
        ike = try IKEServer(options, cookieKey: cookieKey, random: random)
        self.random = random
    }

    public var peerCount: Int { byName.count }
    public var saCount: Int { ike.saCount }
    public var halfOpenCount: Int { ike.halfOpenCount }

    // MARK: The engine

    public func nextOutput() -> IPsecOutput? { outbox.next() }

    public var deadline: Instant? {
        guard let own = timers.deadline else { return ike.deadline }
        return min(own, ike.deadline ?? own)
    }

    public func receive(_ octets: [UInt8], from path: IKEPath, at now: Instant) {
        ike.receive(octets, from: path, at: now)
        settle(at: now)
    }

    public func handleTimeout(at now: Instant) {
        ike.handleTimeout(at: now)
        while let entry = timers.popDue(at: now) {
            guard let peer = peer(entry.connection), peer.l2tp.scheduledAt == entry.at else { continue }
            peer.l2tp.scheduledAt = nil
            handleL2TPTimeout(peer, at: now)
        }
        settle(at: now)
    }

    /// Says goodbye to everybody.
    public func stop(at now: Instant) {
        for peer in peers.compactMap({ $0 }) { endL2TP(peer, at: now) }
        ike.stop(at: now)
        settle(at: now)
    }

    /// ESP without UDP arrives, and leaves, by this socket.
    public func listensNatively(_ family: TransportAddress.Family, socket: UInt64) {
        nativeSockets[family] = socket
    }

    func settle(at now: Instant) {
        while let output = ike.nextOutput() {
            switch output {
            case .send(let octets, let path): outbox.append(.send(octets, path))
            case .install(let child): install(child)
            case .activate(let spi): activated(spi, at: now)
            case .remove(let spi, let reason): remove(spi, reason)
            case .log(let event): outbox.append(.log(event))
            }
        }
    }

    // MARK: SAs

    private func install(_ agreed: ChildSA) {
        guard let path = dataPath(agreed) else {
            return log(
                .notice, "phase 2 has no way for its packets: native ESP needs a listener ip://ADDRESS:50",
                agreed.path)
        }
        let peer = peer(agreed)
        guard let child = try? ESPChild(agreed, peer, path: path) else { return }
        children[agreed.spi] = child
        peer.children.append(child)
        log(
            .notice,
            "phase 2 established identity=\"\(agreed.identity.text)\" suite=\"\(agreed.suite.esp.name)\" "
                + "mode=\(agreed.suite.mode.isTunnel ? "tunnel" : "transport")", path)
    }

    /// ESP in UDP goes where IKE goes; ESP alone by the socket of its own.
    private func dataPath(_ agreed: ChildSA) -> IKEPath? {
        var path = agreed.path
        guard !agreed.suite.mode.isInUDP else { return path }
        guard let socket = nativeSockets[path.remote.family] else { return nil }
        path.socket = socket
        path.remote = path.remote.withoutPort
        path.local = path.local?.withoutPort
        path.isEncapsulated = false
        return path
    }

    func activated(_ spi: UInt32, at now: Instant) {
        guard let child = children[spi], !child.isActive else { return }
        child.peer.activated(child)
        // Made for EtherIP and nothing else: the place on the hub need not wait for a frame.
        if child.agreed.remoteSelector?.protocolNumber == IPProtocol.etherIP.rawValue {
            beginPlace(.etherIP, child.peer, child, at: now)
        }
    }

    private func remove(_ spi: UInt32, _ reason: EndReason) {
        guard let child = children.removeValue(forKey: spi) else { return }
        let peer = child.peer
        peer.removed(child)
        if peer.way(of: .etherIP) == nil { endPlace(.etherIP, peer, IPsecEnding(reason)) }
        if peer.way(of: peer.l2tp.service) == nil { dropL2TP(peer, IPsecEnding(reason)) }
        if peer.children.isEmpty { forget(peer) }
    }

    // MARK: Peers

    private func peer(_ agreed: ChildSA) -> Peer {
        let name = Name(identity: agreed.identity, source: agreed.path.remote.source)
        if let peer = byName[name] { return peer }
        let index = free.popLast() ?? peers.count
        if index == peers.count { peers.append(nil) }
        generation &+= 1
        let peer = Peer(PeerID(generation: generation, index: index), name.identity, name.source)
        peers[index] = peer
        byName[name] = peer
        return peer
    }

    private func forget(_ peer: Peer) {
        peers[peer.id.index] = nil
        free.append(peer.id.index)
        byName[Name(identity: peer.identity, source: peer.source)] = nil
    }

    /// Nil when it is gone.
    func peer(_ id: PeerID) -> Peer? {
        guard peers.indices.contains(id.index), let peer = peers[id.index], peer.id == id else { return nil }
        return peer
    }

    // MARK: Places on hubs

    func beginPlace(_ kind: PlaceID.Kind, _ peer: Peer, _ child: ESPChild, at now: Instant) {
        guard peer.places[kind].mayBegin(at: now) else { return }
        lastTicket += 1
        peer.places[kind].stage = .authenticating(ticket: lastTicket)
        outbox.append(
            .authenticate(
                IdentityQuestion(
                    place: PlaceID(peer.id, kind), ticket: lastTicket, identity: peer.identity.text,
                    remote: child.path.remote, protocolName: kind.name)))
    }

    /// The verdict on a question; `refusal` is for the log. Nil: the peer has a place on a hub.
    public func decided(_ place: PlaceID, ticket: UInt64, refusal: String?, at now: Instant) {
        guard let peer = peer(place.peer),
            peer.places[place.kind].stage == .authenticating(ticket: ticket)
        else { return }
        guard let child = way(of: place, peer), refusal == nil else {
            refuse(peer, place.kind, refusal ?? "its SA is gone", at: now)
            return settle(at: now)
        }
        peer.places[place.kind].stage = .opening
        outbox.append(
            .openSession(
                SessionWish(
                    place: place, mtu: mtu(child, place.kind, peer), headroom: Self.headroom,
                    tailroom: Self.tailroom, protocolName: place.kind.name,
                    cipher: child.agreed.suite.esp.name, identity: peer.identity.text,
                    remote: child.path.remote)))
    }

    public func sessionOpened(_ place: PlaceID, at now: Instant) {
        guard let peer = peer(place.peer), peer.places[place.kind].stage == .opening else { return }
        peer.places[place.kind].stage = .open
        if place.kind == .l2tp { acceptSession(peer, at: now) }
        settle(at: now)
    }

    /// The host did not give it a place, or takes it away.
    public func sessionClosed(_ place: PlaceID, _ sentence: String, at now: Instant) {
        guard let peer = peer(place.peer) else { return }
        refuse(peer, place.kind, sentence, at: now)
        settle(at: now)
    }

    private func refuse(_ peer: Peer, _ kind: PlaceID.Kind, _ reason: String, at now: Instant) {
        // L2TP tells the peer, who decides when to come again.
        peer.places[kind].stage = kind == .etherIP ? .refused(until: now + Place.pause) : .closed
        let event = "\(kind.name) refused identity=\"\(peer.identity.text)\" reason=\"\(reason)\""
        outbox.append(.log(LogEvent(.security, event)))
        if kind == .l2tp { refuseSession(peer, at: now) }
    }

    func endPlace(_ kind: PlaceID.Kind, _ peer: Peer, _ ending: IPsecEnding) {
        let place = PlaceID(peer.id, kind)
        switch peer.places[kind].stage {
        case .closed, .refused: break
        case .authenticating(let ticket): outbox.append(.withdrawAuthentication(place, ticket: ticket))
        case .opening, .open: outbox.append(.closeSession(place, ending))
        }
        peer.places[kind].stage = .closed
    }

    /// By which pair of SAs a place's frames leave.
    func way(of place: PlaceID, _ peer: Peer) -> ESPChild? {
        switch place.kind {
        case .etherIP: peer.way(of: .etherIP)
        case .l2tp: peer.way(of: peer.l2tp.service)
        }
    }

    /// What is written around a frame, at most: later SAs of a peer may want more than its first one.
    private static let headroom =
        L2TPv3State.maxHeader + IPv4Packet.minHeaderLength + ESPSuite.cbc(.aes256CBC, .sha512).headroom
    private static let tailroom = ESPSuite.cbc(.aes256CBC, .sha512).tailroom

    private func mtu(_ child: ESPChild, _ kind: PlaceID.Kind, _ peer: Peer) -> Int {
        let isIPv4 = child.path.remote.family == .ipv4
        let outside = (isIPv4 ? 20 : 40) + (child.agreed.suite.mode.isInUDP ? 8 : 0)
        let payload = child.agreed.suite.esp.maxPayload(inPacketOf: Self.assumedPathMTU - outside)
        let header = kind == .etherIP ? EtherIP.headerLength : L2TPv3State.maxHeader
        let inside =
            header + EthernetFrame.headerLength + (child.isTunnel ? IPv4Packet.minHeaderLength : 0)
        return min(1500, payload - inside)
    }

    func log(_ level: LogEvent.Level, _ text: String, _ path: IKEPath) {
        outbox.append(.log(LogEvent(level, "\(text) remote=\(path.remote)")))
    }
}

extension IPsecEnding {
    init(_ reason: EndReason) {
        self =
            switch reason {
            case .peer, .expired, .administrator: .client
            case .dead, .unconfirmed: .timeout
            case .replaced, .initialContact: .replaced
            case .shutdown: .shutdown
            }
    }
}
