import EngineParts
public import IKEv1
public import OpenSSL
public import Wire

/// A swap: parties of this lane go on in another instance of the module.
extension IPsecServer {
    // MARK: What all of them share

    /// To be wiped.
    public var sharedRecord: [UInt8] {
        var record = SecretRecord()
        ike.serializeShared(into: &record)
        return record.whole
    }

    public static func shared(parsing reader: inout ByteReader) throws(WireError) -> IKEServer.Shared {
        let octets = try reader.readCounted()
        var secrets = try RecordSecrets(parsing: &reader)
        var main = ByteReader(octets.rawSpan)
        let shared = try IKEServer.Shared(parsing: &main, &secrets)
        guard main.remaining == 0, secrets.isEmpty else { throw .badLength }
        return shared
    }

    /// Comes before the parties.
    public func take(_ shared: IKEServer.Shared) throws(OpenSSLError) { try ike.take(shared) }

    // MARK: Out

    /// The ISAKMP SAs that there are; each is of one party.
    public var names: [Cookies] { ike.names }

    /// Nil: the SA is gone.
    public func party(of name: Cookies) -> Party? {
        guard ike.contains(name) else { return nil }
        var sas: Set<Cookies> = [name]
        var found: Set<SlotID> = []
        var waiting = [name]
        while let next = waiting.popLast() {
            var known = ike.kin(of: next)
            for spi in ike.spis(of: next) {
                guard let peer = children[spi]?.peer, found.insert(peer.id).inserted else { continue }
                known += peer.children.compactMap { ike.owner(of: $0.agreed.spi) }
            }
            waiting += known.filter { sas.insert($0).inserted }
        }
        let peers = found.sorted { $0.rawValue < $1.rawValue }
        return Party(
            names: sas.sorted { ($0.responder, $0.initiator) < ($1.responder, $1.initiator) },
            peers: peers, places: peers.compactMap { self.peers[$0] }.flatMap(\.allPlaces))
    }

    /// What the engine has said is to be drained first. Nil: it cannot go now. Holds secrets, which are to be
    /// wiped.
    public func record(of party: Party) -> [UInt8]? {
        guard party.peers.compactMap({ peers[$0] }).flatMap(\.l2tp.calls).allSatisfy(\.link.canGo) else {
            return nil
        }
        var record = SecretRecord()
        record.octets.appendBigEndian(UInt32(party.names.count))
        for name in party.names {
            ike.serialize(name, into: &record)
            for spi in ike.spis(of: name) {
                record.octets.appendOptional(children[spi]) { $1.serialize(into: &$0) }
            }
        }
        record.octets.appendBigEndian(UInt32(party.peers.count))
        for id in party.peers {
            guard let peer = peers[id], peer.serialize(into: &record) else { return nil }
        }
        return record.whole
    }

    /// It goes on elsewhere, and nobody hears of it. From now on nothing is sealed with its SAs.
    public func giveUp(_ party: Party) {
        for id in party.peers {
            guard let peer = peers[id] else { continue }
            for call in peer.l2tp.calls { calls.remove(call.place.holder) }
            for child in peer.children { children[child.agreed.spi] = nil }
            forget(peer)
        }
        if peers.count == 0 { timers = TimerQueue<PlaceID>() }
        for name in party.names { ike.giveUp(name) }
    }

    // MARK: In

    /// Whether nothing here has its names. A peer that has begun anew meanwhile is here already.
    public func hasPlace(for party: ArrivingParty) -> Bool {
        party.sas.allSatisfy { ike.hasPlace(for: $0) } && party.peers.allSatisfy { !isKnown($0.name) }
            && party.children.keys.allSatisfy { children[$0] == nil }
    }

    /// Takes a party over; the caller has asked whether it has a place. Its places on hubs, in the order of
    /// the record, with the number by which a question about each is answered.
    public func adopt(_ party: ArrivingParty, at now: Instant) -> [(place: PlaceID, ticket: UInt64)] {
        for sa in party.sas { ike.adopt(sa, at: now) }
        return party.peers.flatMap { adopt($0, party.children) }
    }

    private func adopt(
        _ arrival: ArrivingPeer, _ arriving: [UInt32: ArrivingChild]
    ) -> [(place: PlaceID, ticket: UInt64)] {
        let peer = insertPeer(arrival.name)
        for child in arrival.spis.compactMap({ arriving[$0] }) {
            let child = ESPChild(child, peer)
            children[child.agreed.spi] = child
            peer.children.append(child)
        }
        peer.use(ways: arrival.ways.map { $0.flatMap { children[$0] } })
        peer.places = arrival.places
        peer.l2tpv3 = arrival.l2tpv3
        var adopted: [(place: PlaceID, ticket: UInt64)] = []
        for kind in Places.Kind.allCases {
            let ticket = makeTicket()
            if peer.places[kind].stage.isAuthenticating {
                peer.places[kind].stage = .authenticating(ticket: ticket)
            }
            adopted.append((PlaceID(peer.id, kind.ofPlace), ticket))
        }
        for tunnel in arrival.tunnels {
            let index = peer.l2tp.tunnels.count
            peer.l2tp.tunnels.append(L2TPState.Entry(machine: tunnel.machine, port: tunnel.port))
            for call in tunnel.calls { adopted.append(adopt(call, index, peer)) }
        }
        schedule(peer)
        return adopted
    }

    private func adopt(
        _ arrival: ArrivingCall, _ index: Int, _ peer: Peer
    ) -> (place: PlaceID, ticket: UInt64) {
        let entry = peer.l2tp.tunnels[index]
        let call = calls.insert { Call(arrival, PlaceID($0, .call), peer, entry) }
        let ticket = makeTicket()
        if arrival.isAsked { call.ticket = ticket }
        peer.l2tp.tunnels[index].calls[call.session.localID] = call
        if let deadline = call.link.deadline { setTimer(&call.scheduledAt, call.place, at: deadline) }
        return (call.place, ticket)
    }

    // MARK: Beside another instance

    /// Whether a message of IKE is one of an SA here. Changes nothing.
    public func owns(message: RawSpan, from remote: TransportAddress) -> Bool {
        ike.owns(message, from: remote)
    }

    /// The same for a packet of ESP.
    public func owns(packet: RawSpan) -> Bool {
        packet.byteCount >= 4 && children[packet.bigEndian(at: 0)] != nil
    }
}

extension Peer {
    /// In the order in which they travel.
    fileprivate var allPlaces: [PlaceID] {
        Places.Kind.allCases.map { PlaceID(id, $0.ofPlace) }
            + l2tp.tunnels.flatMap { $0.sortedCalls.map(\.place) }
    }
}
