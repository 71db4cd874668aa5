import ESP
import EngineParts
public import IKEv1
import L2TP
import OpenSSL
import PPP
public import Wire

/// ISAKMP SAs, by their names, and peers that know of each other, and so go on together in another instance
/// of the module: as a rule one of each.
public struct Party: Sendable {
    /// Of the octets of its record. A change to what is written is a new version.
    public static let recordVersion: UInt32 = 2

    public let names: [Cookies]
    let peers: [SlotID]
    /// What may have a place on a hub, in the order in which it stands in the record.
    public let places: [PlaceID]

    public var number: UInt64 { names.first?.responder ?? 0 }
}

/// A party of which nothing is in the tables yet.
public struct ArrivingParty {
    let sas: [IKEServer.Arrival]
    let children: [UInt32: ArrivingChild]
    let peers: [ArrivingPeer]

    /// The octets, and nothing behind them.
    public init(
        parsing record: [UInt8], random: () -> any RandomNumberGenerator & Sendable
    ) throws(WireError) {
        var reader = ByteReader(record.rawSpan)
        let octets = try reader.readCounted()
        var secrets = try RecordSecrets(parsing: &reader)
        guard reader.remaining == 0 else { throw .badLength }
        var main = ByteReader(octets.rawSpan)
        var sas: [IKEServer.Arrival] = []
        var children: [UInt32: ArrivingChild] = [:]
        for _ in 0..<(try main.readCount()) {
            let sa = try IKEServer.Arrival(parsing: &main, &secrets)
            for (agreed, isActive, isBeingReplaced) in sa.agreed where try main.readFlag() {
                guard children[agreed.spi] == nil else { throw .badValue }
                children[agreed.spi] = try ArrivingChild(
                    agreed, isActive: isActive, askedForSuccessor: isBeingReplaced, parsing: &main)
            }
            sas.append(sa)
        }
        var peers: [ArrivingPeer] = []
        for _ in 0..<(try main.readCount()) {
            peers.append(try ArrivingPeer(parsing: &main, secrets, children, random))
        }
        guard main.remaining == 0, secrets.isEmpty, !sas.isEmpty else { throw .badLength }
        let owned = peers.flatMap(\.spis)
        guard owned.count == Set(owned).count, Set(owned) == Set(children.keys),
            Set(sas.map(\.cookies)).count == sas.count,
            Set(sas.flatMap { $0.agreed.map(\.sa.spi) }).count == sas.reduce(0, { $0 + $1.agreed.count }),
            Set(peers.map(\.name)).count == peers.count
        else { throw .badValue }
        (self.sas, self.children, self.peers) = (sas, children, peers)
    }

    /// What may have a place on a hub, in the order of `Party.places`.
    public var places: [ArrivingPlace] { peers.flatMap(\.arrivingPlaces) }
}

/// What the host has of a place on a hub.
public struct ArrivingPlace: Sendable {
    public let kind: PlaceID.Kind
    /// A question about it is being decided.
    public let isAsked: Bool
    /// A session on layer 2 is being opened.
    public let isOpening: Bool
    /// There is a session.
    public let isOpen: Bool
    /// The only hubs that the peer's key leads to; nil: any.
    public let hubs: Set<String>?
}

// MARK: - SAs

struct ArrivingChild {
    let agreed: ChildSA
    let inbound: InboundSA
    let outbound: OutboundSA
    let isActive: Bool
    let askedForSuccessor: Bool
    let path: IKEPath
    let inner: (local: IPv4Address, remote: IPv4Address)?

    init(
        _ agreed: ChildSA, isActive: Bool, askedForSuccessor: Bool, parsing reader: inout ByteReader
    ) throws(WireError) {
        guard let inbound = try? InboundSA(spi: agreed.spi, agreed.suite.esp, keys: agreed.inboundKeys),
            let outbound = try? OutboundSA(
                spi: agreed.peerSPI, agreed.suite.esp, keys: agreed.outboundKeys)
        else { throw .badValue }
        try inbound.resume(parsing: &reader)
        try outbound.resume(parsing: &reader)
        (self.agreed, self.inbound, self.outbound) = (agreed, inbound, outbound)
        (self.isActive, self.askedForSuccessor) = (isActive, askedForSuccessor)
        path = try IKEPath(parsing: &reader)
        inner =
            try reader.readFlag() ? (try reader.readIPv4Address(), try reader.readIPv4Address()) : nil
    }
}

extension ESPChild {
    func serialize(into octets: inout [UInt8]) {
        inbound.serialize(into: &octets)
        outbound.serialize(into: &octets)
        path.serialize(into: &octets)
        octets.appendOptional(inner) { octets, inner in
            octets.appendBigEndian(inner.local.bits)
            octets.appendBigEndian(inner.remote.bits)
        }
    }

    /// One that another instance had.
    convenience init(_ arrival: ArrivingChild, _ peer: Peer) {
        self.init(arrival.agreed, peer, arrival.inbound, arrival.outbound, path: arrival.path)
        isActive = arrival.isActive
        inner = arrival.inner
        askedForSuccessor = arrival.askedForSuccessor
    }
}
