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
    var peers = SlotTable<Peer>()
    var calls = SlotTable<Call>()
    private var byName: [Name: Peer] = [:]
    var outbox = Outbox<IPsecOutput>()
    private var lastTicket: UInt64 = 0
    /// No timer is set for before this: what is due and stays so would never come to an end.
    private var earliest = Instant(nanoseconds: 0)
    private static let timerResolution: Duration = .milliseconds(1)
    /// Of calls, and of what peers have of L2TP, under the name of their pseudowire's place.
    var timers = TimerQueue<PlaceID>()
    var random: any RandomNumberGenerator & Sendable
    var callOptions: CallOptions
    /// The listener for ESP without UDP, of each family: by what a peer is answered that has not sent yet.
    var nativeSockets: [TransportAddress.Family: UInt64] = [:]
    /// Only grows.
    public internal(set) var drops = [Int](repeating: 0, count: IPsecDrop.allCases.count)

    /// What makes the SAs of one peer one peer's.
    struct Name: Hashable {
        let identity: Identification
        /// With the port where the peer is behind a NAT: others of the same identity may be there as well.
        let source: TransportAddress
        /// By what it is proved. Of several certificates, the newest.
        var scope: KeyRing.Scope

        init(
            _ identity: Identification, _ scope: KeyRing.Scope, _ remote: TransportAddress, _ nat: NATOutcome
        ) {
            self.identity = identity
            self.scope = scope
            source = nat.contains(.peerIsBehind) ? remote : remote.source
        }
    }

    public init(
        _ options: IKEOptions, calls: CallOptions, cookieKey: [UInt8],
        random: any RandomNumberGenerator & Sendable
    ) throws(OpenSSLError) {
        ike = try IKEServer(options, cookieKey: cookieKey, random: random)
        callOptions = calls
        self.random = random
    }

    public var peerCount: Int { peers.count }
    public var saCount: Int { ike.saCount }
    public var halfOpenCount: Int { ike.halfOpenCount }

    /// Keys beside the server's own, for handshakes from now on.
    public func setPeerKeys(_ keys: [KeyRing.PeerKey]) { ike.setPeerKeys(keys) }

    /// What EAP-TLS presents from the next call on.
    public func present(_ tls: TLSContext?) { callOptions.tls = tls }

    /// For proofs by signature, in handshakes from now on; nil: there are to be none.
    public func setCertificates(_ certificates: CertificateAuthentication?) {
        ike.setCertificates(certificates)
    }

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
        earliest = now + Self.timerResolution
        while let entry = timers.popDue(at: now) {
            if entry.connection.kind == .call {
                handleCallTimeout(entry, at: now)
            } else if let peer = peers[entry.connection.holder], peer.scheduledAt == entry.at {
                peer.scheduledAt = nil
                handleTunnelTimeout(peer, at: now)
                handleL2TPv3Timeout(peer, at: now)
                schedule(peer)
            }
        }
        settle(at: now)
    }

    /// Asks to be called for the tunnels and connections of a peer.
    func schedule(_ peer: Peer) {
        guard let deadline = [peer.l2tp.deadline, peer.l2tpv3.deadline].compactMap({ $0 }).min() else {
            return
        }
        setTimer(&peer.scheduledAt, PlaceID(peer.id, .l2tpv3), at: deadline)
    }

    func setTimer(_ scheduledAt: inout Instant?, _ name: PlaceID, at deadline: Instant) {
        if let scheduledAt, scheduledAt <= deadline { return }
        let deadline = max(deadline, earliest)
        scheduledAt = deadline
        timers.insert(TimerQueue<PlaceID>.Entry(at: deadline, connection: name))
        guard timers.entries.count > 64 + 4 * (peers.count + calls.count) else { return }
        timers.keep { [self] entry in
            entry.connection.kind == .call
                ? calls[entry.connection.holder]?.scheduledAt == entry.at
                : peers[entry.connection.holder]?.scheduledAt == entry.at
        }
    }

    /// Says goodbye to everybody.
    public func stop(at now: Instant) {
        for peer in peers.all {
            endTunnels(peer, at: now)
            endL2TPv3(peer, at: now)
        }
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
        renew(child.agreed.scope, of: child.peer, at: now)
        // Made for EtherIP and nothing else: the place on the hub need not wait for a frame.
        if child.agreed.remoteSelector?.protocolNumber == IPProtocol.etherIP.rawValue {
            beginPlace(.etherIP, child.peer, child, at: now)
        }
    }

    /// Another certificate of a peer may not be the one that its user's record names: who has a place by the
    /// former one is asked about again. Users in tunnels have proved who they are themselves.
    private func renew(_ scope: KeyRing.Scope, of peer: Peer, at now: Instant) {
        guard peer.name.scope.certificate?.der != scope.certificate?.der else { return }
        peer.name.scope = scope
        endPlace(.etherIP, peer, .replaced)
        endL2TPv3(peer, at: now)
    }

    private func remove(_ spi: UInt32, _ reason: EndReason) {
        guard let child = children.removeValue(forKey: spi) else { return }
        let peer = child.peer
        peer.removed(child)
        if peer.way(of: .etherIP) == nil { endPlace(.etherIP, peer, IPsecEnding(reason)) }
        if peer.way(of: peer.l2tpv3.service) == nil { dropL2TPv3(peer, IPsecEnding(reason)) }
        if peer.way(of: .l2tpUDP) == nil { dropTunnels(peer, IPsecEnding(reason)) }
        if peer.children.isEmpty { forget(peer) }
    }

    // MARK: Peers

    private func peer(_ agreed: ChildSA) -> Peer {
        let name = Name(agreed.identity, agreed.scope, agreed.path.remote, agreed.nat)
        return byName[name] ?? insertPeer(name)
    }

    func isKnown(_ name: Name) -> Bool { byName[name] != nil }

    func insertPeer(_ name: Name) -> Peer {
        let peer = peers.insert { Peer($0, name) }
        byName[name] = peer
        return peer
    }

    func forget(_ peer: Peer) {
        peers.remove(peer.id)
        if byName[peer.name] === peer { byName[peer.name] = nil }
    }

    /// The peer's NAT has given it another port.
    func rename(_ peer: Peer, to path: IKEPath) {
        guard let nat = peer.children.first?.agreed.nat else { return }
        let name = Name(peer.identity, peer.name.scope, path.remote, nat)
        guard name != peer.name else { return }
        if byName[peer.name] === peer { byName[peer.name] = nil }
        peer.name = name
        byName[name] = peer
    }

    // MARK: Places on hubs

    func makeTicket() -> UInt64 {
        lastTicket += 1
        return lastTicket
    }

    func beginPlace(_ kind: Places.Kind, _ peer: Peer, _ child: ESPChild, at now: Instant) {
        guard peer.places[kind].mayBegin(at: now) else { return }
        let ticket = makeTicket()
        peer.places[kind].stage = .authenticating(ticket: ticket)
        outbox.append(
            .authenticate(
                IdentityQuestion(
                    place: PlaceID(peer.id, kind.ofPlace), ticket: ticket, identity: peer.identity.text,
                    scope: peer.name.scope, remote: child.path.remote, protocolName: kind.ofPlace.name)))
    }

    /// The verdict on a peer's identity; `refusal` is for the log. Nil: the peer has a place on a hub.
    public func decided(_ place: PlaceID, ticket: UInt64, refusal: String?, at now: Instant) {
        guard let kind = Places.Kind(place.kind), let peer = peers[place.holder],
            peer.places[kind].stage == .authenticating(ticket: ticket)
        else { return }
        guard let child = way(of: kind, peer), refusal == nil else {
            refuse(peer, kind, refusal ?? "its SA is gone", at: now)
            return settle(at: now)
        }
        peer.places[kind].stage = .opening
        let header = kind == .etherIP ? EtherIP.headerLength : L2TPv3State.maxHeader
        outbox.append(
            .openSession(
                SessionWish(
                    place: place, mtu: mtu(child, header: header + EthernetFrame.headerLength),
                    headroom: Self.headroom, tailroom: Self.tailroom, protocolName: place.kind.name,
                    cipher: child.agreed.suite.esp.name, identity: peer.identity.text,
                    remote: child.path.remote, network: nil)))
    }

    /// A session on layer 2 is open; for one on layer 3 see `networkOpened`.
    public func sessionOpened(_ place: PlaceID, at now: Instant) {
        guard let kind = Places.Kind(place.kind), let peer = peers[place.holder],
            peer.places[kind].stage == .opening
        else { return }
        peer.places[kind].stage = .open
        if kind == .l2tpv3 { acceptSession(peer, at: now) }
        settle(at: now)
    }

    /// The host did not give it a place, or takes it away.
    public func sessionClosed(_ place: PlaceID, _ sentence: String, at now: Instant) {
        if let kind = Places.Kind(place.kind) {
            guard let peer = peers[place.holder] else { return }
            refuse(peer, kind, sentence, at: now)
        } else if let call = calls[place.holder] {
            close(call, sentence, at: now)
        }
        settle(at: now)
    }

    private func refuse(_ peer: Peer, _ kind: Places.Kind, _ reason: String, at now: Instant) {
        // L2TP tells the peer, who decides when to come again.
        peer.places[kind].stage = kind == .etherIP ? .refused(until: now + Place.pause) : .closed
        let event = "\(kind.ofPlace.name) refused identity=\"\(peer.identity.text)\" reason=\"\(reason)\""
        outbox.append(.log(LogEvent(.security, event)))
        if kind == .l2tpv3 { refuseSession(peer, at: now) }
    }

    func endPlace(_ kind: Places.Kind, _ peer: Peer, _ ending: IPsecEnding) {
        let place = PlaceID(peer.id, kind.ofPlace)
        switch peer.places[kind].stage {
        case .closed, .refused: break
        case .authenticating(let ticket): outbox.append(.withdrawAuthentication(place, ticket: ticket))
        case .opening, .open: outbox.append(.closeSession(place, ending))
        }
        peer.places[kind].stage = .closed
    }

    /// By which pair of SAs a place's frames leave.
    func way(of kind: Places.Kind, _ peer: Peer) -> ESPChild? {
        switch kind {
        case .etherIP: peer.way(of: .etherIP)
        case .l2tpv3: peer.way(of: peer.l2tpv3.service)
        }
    }

    /// What is written around a frame, at most: later SAs of a peer may want more than its first one.
    static let headroom =
        L2TPPort.headerLength + max(L2TPv3State.maxHeader - L2TPPort.headerLength, Call.maxHeader)
        + IPv4Packet.minHeaderLength + ESPSuite.cbc(.aes256CBC, .sha512).headroom
    static let tailroom = ESPSuite.cbc(.aes256CBC, .sha512).tailroom

    /// Octets of an IP packet behind `header` octets that fit one packet of the path.
    func mtu(_ child: ESPChild, header: Int) -> Int {
        let isIPv4 = child.path.remote.family == .ipv4
        let outside = (isIPv4 ? 20 : 40) + (child.agreed.suite.mode.isInUDP ? 8 : 0)
        let payload = child.agreed.suite.esp.maxPayload(inPacketOf: Self.assumedPathMTU - outside)
        return min(1500, payload - header - (child.isTunnel ? IPv4Packet.minHeaderLength : 0))
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
