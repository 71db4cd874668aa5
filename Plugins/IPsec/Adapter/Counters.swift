import IPsecCore
import PluginKit

/// What the module counts. The raw value is the metric's name.
enum Counter: String, ModuleCounter {
    case clients
    case unauthentic
    case replayed
    case malformed
    case unknownSPI = "unknown_spi"
    case refusedTraffic = "refused_traffic"
    case unsent

    var help: String {
        switch self {
        case .clients: "ISAKMP SAs, those that are not established yet included"
        case .unauthentic: "packets that are forged, damaged or of other keys"
        case .replayed: "packets that came twice or too late"
        case .malformed: "packets that cannot be"
        case .unknownSPI: "packets of SAs that are gone"
        case .refusedTraffic: "packets that are not what their SA is for"
        case .unsent: "frames that could not be sealed"
        }
    }

    var isGauge: Bool { self == .clients }

    /// What a dropped packet counts as; nil: nothing that anybody did wrong.
    init?(_ reason: IPsecDrop) {
        switch reason {
        case .unknownSPI: self = .unknownSPI
        case .notAuthentic: self = .unauthentic
        case .replayed: self = .replayed
        case .malformed, .fragment: self = .malformed
        case .notAgreed: self = .refusedTraffic
        case .notSealed: self = .unsent
        case .noSession, .dummy: return nil
        }
    }
}

extension LaneCounters<Counter> {
    /// Adds what the engine has counted since the last time.
    mutating func take(from server: IPsecServer) {
        note(server.saCount, as: .clients)
        note(events: server.drops) { IPsecDrop(rawValue: $0).flatMap(Counter.init) }
    }
}
