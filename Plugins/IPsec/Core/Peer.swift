import IKEv1
import PluginABI
import Wire

/// Somebody who has proved an identity, for as long as there is a pair of ESP SAs with them. Keys come and
/// go; sessions stay.
final class Peer {
    let id: PeerID
    let identity: Identification
    let source: TransportAddress
    var children: [ESPChild] = []
    /// By which pair each service leaves: the newest that the peer has confirmed.
    private var ways: [ESPChild?] = Array(repeating: nil, count: Service.allCases.count)
    var places = Places()
    var l2tp = L2TPv3State()

    init(_ id: PeerID, _ identity: Identification, _ source: TransportAddress) {
        self.id = id
        self.identity = identity
        self.source = source
    }

    func way(of service: Service) -> ESPChild? { ways[service.rawValue] }

    func activated(_ child: ESPChild) {
        child.isActive = true
        for service in Service.allCases where child.carries(service) { ways[service.rawValue] = child }
    }

    func removed(_ child: ESPChild) {
        children.removeAll { $0 === child }
        for service in Service.allCases where ways[service.rawValue] === child {
            ways[service.rawValue] = children.last { $0.isActive && $0.carries(service) }
        }
    }
}

/// A peer's places on hubs.
struct Places {
    var etherIP = Place()
    var l2tp = Place()

    subscript(kind: PlaceID.Kind) -> Place {
        get { kind == .etherIP ? etherIP : l2tp }
        set { if kind == .etherIP { etherIP = newValue } else { l2tp = newValue } }
    }
}

/// How far a place on a hub has come.
struct Place {
    /// A peer that was refused is asked about again after this time, if it still sends.
    static let pause: Duration = .seconds(30)

    enum Stage: Equatable {
        case closed
        case authenticating(ticket: UInt64)
        case opening
        case open
        case refused(until: Instant)
    }

    var stage = Stage.closed

    func mayBegin(at now: Instant) -> Bool {
        switch stage {
        case .closed: true
        case .refused(let until): now >= until
        case .authenticating, .opening, .open: false
        }
    }
}

/// Names a place on a hub: a peer, and what it brings.
public struct PlaceID: Hashable, Sendable {
    public enum Kind: UInt64, Sendable {
        case etherIP = 0
        case l2tp = 1

        /// For people.
        var name: String { self == .etherIP ? "EtherIP/IPsec" : "L2TPv3/IPsec" }
    }

    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    init(_ peer: PeerID, _ kind: Kind) { rawValue = peer.rawValue << 1 | kind.rawValue }

    var peer: PeerID { PeerID(rawValue: rawValue >> 1) }
    var kind: Kind { rawValue & 1 == 0 ? .etherIP : .l2tp }

    /// Used again when the peer is gone.
    public var index: Int { Int(rawValue & 0xffff_ffff) }
}

/// Names a peer for as long as the process lives; never used twice. The low half is its place in the table.
struct PeerID: Hashable, Sendable {
    let rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }

    init(generation: UInt32, index: Int) { rawValue = UInt64(generation) << 31 | UInt64(index) }

    /// Used again when the peer is gone.
    var index: Int { Int(rawValue & 0x7fff_ffff) }
}
