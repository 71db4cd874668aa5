import EngineParts
import IKEv1
import L2TP
import PPP
import Wire

/// A peer with its places, tunnels, calls and pseudowires, of which nothing is in the tables yet.
struct ArrivingPeer {
    let name: IPsecServer.Name
    let spis: [UInt32]
    let ways: [UInt32?]
    let places: Places
    let l2tpv3: L2TPv3State
    let tunnels: [ArrivingTunnel]

    init(
        parsing reader: inout ByteReader, _ secrets: RecordSecrets, _ children: [UInt32: ArrivingChild],
        _ random: () -> any RandomNumberGenerator & Sendable
    ) throws(WireError) {
        name = try IPsecServer.Name(parsing: &reader, secrets)
        var spis: [UInt32] = []
        for _ in 0..<(try reader.readCount()) { spis.append(try reader.read(UInt32.self)) }
        var ways: [UInt32?] = []
        for service in Service.allCases {
            let spi = try reader.readFlag() ? try reader.read(UInt32.self) : nil
            if let spi, !spis.contains(spi) || children[spi]?.mayCarry(service) != true { throw .badValue }
            ways.append(spi)
        }
        guard !spis.isEmpty, spis.allSatisfy({ children[$0] != nil }) else { throw .badValue }
        places = Places(
            etherIP: try Place(parsing: &reader), l2tpv3: try Place(parsing: &reader))
        l2tpv3 = try L2TPv3State(parsing: &reader)
        var tunnels: [ArrivingTunnel] = []
        let count = Int(try reader.read(UInt8.self))
        guard count <= L2TPState.maxTunnels else { throw .badLength }
        for _ in 0..<count { tunnels.append(try ArrivingTunnel(parsing: &reader, random)) }
        guard Set(tunnels.map(\.machine.localID)).count == count else { throw .badValue }
        (self.spis, self.ways, self.tunnels) = (spis, ways, tunnels)
    }

    var arrivingPlaces: [ArrivingPlace] {
        let own = Places.Kind.allCases.map { kind in
            let stage = places[kind].stage
            return ArrivingPlace(
                kind: kind.ofPlace, isAsked: stage.isAuthenticating, isOpening: stage == .opening,
                isOpen: stage == .open, hubs: name.scope.hubs)
        }
        return own
            + tunnels.flatMap(\.calls).map {
                ArrivingPlace(
                    kind: .call, isAsked: $0.isAsked, isOpening: false, isOpen: $0.hasSession,
                    hubs: name.scope.hubs)
            }
    }
}

extension ArrivingChild {
    fileprivate func mayCarry(_ service: Service) -> Bool {
        isActive
            && [agreed.localSelector, agreed.remoteSelector].allSatisfy { $0.map(service.fits) ?? true }
    }
}

extension Peer {
    /// False where one of its machines cannot go now.
    func serialize(into record: inout SecretRecord) -> Bool {
        name.serialize(into: &record)
        record.octets.appendBigEndian(UInt32(children.count))
        for child in children { record.octets.appendBigEndian(child.agreed.spi) }
        for service in Service.allCases {
            record.octets.appendOptional(way(of: service)) { $0.appendBigEndian($1.agreed.spi) }
        }
        places.etherIP.serialize(into: &record.octets)
        places.l2tpv3.serialize(into: &record.octets)
        guard l2tpv3.serialize(into: &record.octets) else { return false }
        record.octets.append(UInt8(clamping: l2tp.tunnels.count))
        return l2tp.tunnels.allSatisfy { $0.serialize(into: &record.octets) }
    }
}

extension IPsecServer.Name {
    fileprivate func serialize(into record: inout SecretRecord) {
        identity.serialize(into: &record.octets)
        source.serialize(into: &record.octets)
        scope.serialize(into: &record)
    }

    fileprivate init(parsing reader: inout ByteReader, _ secrets: RecordSecrets) throws(WireError) {
        identity = try Identification(parsing: &reader)
        source = try TransportAddress(parsing: &reader)
        scope = try KeyRing.Scope(parsing: &reader, secrets)
    }
}

extension Place {
    /// The number of a question is the other instance's own.
    fileprivate func serialize(into octets: inout [UInt8]) {
        switch stage {
        case .closed: octets.append(0)
        case .authenticating: octets.append(1)
        case .opening: octets.append(2)
        case .open: octets.append(3)
        case .refused(let until):
            octets.append(4)
            octets.append(until)
        }
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 0: stage = .closed
        case 1: stage = .authenticating(ticket: 0)
        case 2: stage = .opening
        case 3: stage = .open
        case 4: stage = .refused(until: try reader.readInstant())
        default: throw .badValue
        }
    }
}

extension Place.Stage {
    var isAuthenticating: Bool {
        if case .authenticating = self { true } else { false }
    }
}

// MARK: - L2TPv3

extension L2TPv3State {
    fileprivate func serialize(into octets: inout [UInt8]) -> Bool {
        octets.append(UInt8(clamping: connections.count))
        for connection in connections where !connection.serialize(into: &octets) { return false }
        octets.appendOptional(owner) { $0.appendBigEndian($1) }
        octets.append(service, of: Service.allCases)
        octets.appendBigEndian(remotePort)
        return true
    }

    fileprivate init(parsing reader: inout ByteReader) throws(WireError) {
        self.init()
        let count = Int(try reader.read(UInt8.self))
        guard count <= Self.maxConnections else { throw .badLength }
        for _ in 0..<count { connections.append(try ControlConnection(parsing: &reader)) }
        owner = try reader.readFlag() ? try reader.read(UInt32.self) : nil
        service = try reader.readOne(of: Service.allCases)
        remotePort = try reader.read(UInt16.self)
        guard service != .etherIP, Set(connections.map(\.localID)).count == count else { throw .badValue }
        if let owner, let index = index(of: owner), connections[index].hasOpenSession {
            use(connections[index].session)
        }
    }
}

// MARK: - L2TPv2

struct ArrivingTunnel {
    let machine: Tunnel
    let port: UInt16
    let calls: [ArrivingCall]

    init(
        parsing reader: inout ByteReader, _ random: () -> any RandomNumberGenerator & Sendable
    ) throws(WireError) {
        machine = try Tunnel(parsing: &reader)
        port = try reader.read(UInt16.self)
        var calls: [ArrivingCall] = []
        for _ in 0..<(try reader.readCount()) {
            calls.append(try ArrivingCall(of: machine, parsing: &reader, random))
        }
        guard calls.map(\.session.localID) == machine.establishedSessions else { throw .badValue }
        self.calls = calls
    }
}

extension L2TPState.Entry {
    /// By their sessions' ids.
    var sortedCalls: [Call] { calls.sorted { $0.key < $1.key }.map(\.value) }

    fileprivate func serialize(into octets: inout [UInt8]) -> Bool {
        guard machine.serialize(into: &octets) else { return false }
        octets.appendBigEndian(port)
        octets.appendBigEndian(UInt32(calls.count))
        return sortedCalls.allSatisfy { $0.serialize(into: &octets) }
    }
}

struct ArrivingCall {
    let session: Tunnel.Session
    let link: Link
    let name: String
    let isAsked: Bool
    let isKnown: Bool
    let isProven: Bool
    let hasSession: Bool
    let isOpen: Bool
    let isIPv6Open: Bool
    let ns: UInt16

    init(
        of tunnel: Tunnel, parsing reader: inout ByteReader,
        _ random: () -> any RandomNumberGenerator & Sendable
    ) throws(WireError) {
        guard let session = tunnel.session(try reader.read(UInt16.self)) else { throw .badValue }
        self.session = session
        link = try Link(try reader.readCounted(), random: random())
        name = try reader.readText()
        isAsked = try reader.readFlag()
        isKnown = try reader.readFlag()
        isProven = try reader.readFlag()
        hasSession = try reader.readFlag()
        isOpen = try reader.readFlag()
        isIPv6Open = try reader.readFlag()
        ns = try reader.read(UInt16.self)
        guard isKnown || !hasSession, hasSession || !isOpen, isOpen || !isIPv6Open else { throw .badValue }
    }
}

extension Call {
    fileprivate func serialize(into octets: inout [UInt8]) -> Bool {
        guard let record = link.record else { return false }
        octets.appendBigEndian(session.localID)
        octets.appendCounted(record)
        octets.append(name)
        for flag in [ticket != nil, isKnown, isProven, hasSession, isOpen, isIPv6Open] { octets.append(flag) }
        octets.appendBigEndian(ns)
        return true
    }

    /// One that another instance had.
    convenience init(_ arrival: ArrivingCall, _ place: PlaceID, _ peer: Peer, _ entry: L2TPState.Entry) {
        self.init(place, peer, entry, arrival.session, arrival.link)
        name = arrival.name
        isKnown = arrival.isKnown
        isProven = arrival.isProven
        hasSession = arrival.hasSession
        if arrival.isOpen { networkIsUp() }
        if arrival.isIPv6Open { ipv6IsUp() }
        ns = arrival.ns
    }
}
