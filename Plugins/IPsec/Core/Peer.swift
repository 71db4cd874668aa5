import IKEv1
import PluginABI
import Wire

/// Somebody who has proved an identity, for as long as there is a pair of ESP SAs with them. Keys come and
/// go; sessions stay.
final class Peer {
    let id: SlotID
    var name: IPsecServer.Name
    var children: [ESPChild] = []
    /// By which pair each service leaves: the newest that the peer has confirmed.
    private var ways: [ESPChild?] = Array(repeating: nil, count: Service.allCases.count)
    var places = Places()
    var l2tp = L2TPState()
    var l2tpv3 = L2TPv3State()
    /// When the server has asked to be called for its tunnels and connections.
    var scheduledAt: Instant?

    init(_ id: SlotID, _ name: IPsecServer.Name) {
        self.id = id
        self.name = name
    }

    var identity: Identification { name.identity }

    func way(of service: Service) -> ESPChild? { ways[service.rawValue] }

    func activated(_ child: ESPChild) {
        child.isActive = true
        for service in Service.allCases where child.carries(service) { ways[service.rawValue] = child }
    }

    /// As another instance had them.
    func use(ways: [ESPChild?]) { self.ways = ways }

    func removed(_ child: ESPChild) {
        children.removeAll { $0 === child }
        for service in Service.allCases where ways[service.rawValue] === child {
            ways[service.rawValue] = children.last { $0.isActive && $0.carries(service) }
        }
    }
}

/// A peer's own places on hubs; those of its calls are the calls' business.
struct Places {
    enum Kind: CaseIterable {
        case etherIP
        case l2tpv3

        /// Nil: a call's.
        init?(_ kind: PlaceID.Kind) {
            switch kind {
            case .etherIP: self = .etherIP
            case .l2tpv3: self = .l2tpv3
            case .call: return nil
            }
        }

        var ofPlace: PlaceID.Kind { self == .etherIP ? .etherIP : .l2tpv3 }
    }

    var etherIP = Place()
    var l2tpv3 = Place()

    subscript(kind: Kind) -> Place {
        get { kind == .etherIP ? etherIP : l2tpv3 }
        set { if kind == .etherIP { etherIP = newValue } else { l2tpv3 = newValue } }
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

/// Names a place on a hub: a peer's, and of what kind, or a call's.
public struct PlaceID: Hashable, Sendable {
    public enum Kind: UInt64, Sendable {
        case etherIP = 0
        case l2tpv3 = 1
        /// A PPP link in L2TPv2.
        case call = 2

        /// For people.
        var name: String {
            switch self {
            case .etherIP: "EtherIP/IPsec"
            case .l2tpv3: "L2TPv3/IPsec"
            case .call: "L2TP/IPsec"
            }
        }
    }

    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    init(_ holder: SlotID, _ kind: Kind) { rawValue = holder.rawValue << 2 | kind.rawValue }

    /// The peer, or the call.
    var holder: SlotID { SlotID(rawValue: rawValue >> 2) }
    /// A kind that we did not give away is nobody's: the table has no such holder.
    public var kind: Kind { Kind(rawValue: rawValue & 3) ?? .etherIP }

    /// Used again when the holder is gone.
    public var index: Int { Int(rawValue & 0xffff_ffff) }
}
