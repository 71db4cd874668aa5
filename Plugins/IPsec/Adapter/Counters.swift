import IPsecCore
import PluginKit

/// What the module counts. The raw value is the metric's name.
enum Counter: String, CaseIterable {
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

/// One lane's way to the counters.
struct LaneCounters {
    private let metrics: [Metric]
    private let services: LaneServices
    private var clients = 0
    private var drops = [Int](repeating: 0, count: IPsecDrop.allCases.count)

    init(_ metrics: [Metric], _ services: LaneServices) {
        self.metrics = metrics
        self.services = services
    }

    /// Adds what the engine has counted since the last time.
    mutating func take(from server: IPsecServer) {
        if server.saCount != clients {
            add(server.saCount - clients, to: .clients)
            clients = server.saCount
        }
        guard server.drops != drops else { return }
        for reason in IPsecDrop.allCases {
            let more = server.drops[reason.rawValue] - drops[reason.rawValue]
            if more > 0, let counter = Counter(reason) { add(more, to: counter) }
        }
        drops = server.drops
    }

    private func add(_ amount: Int, to counter: Counter) {
        guard let index = Counter.allCases.firstIndex(of: counter) else { return }
        services.add(amount, to: metrics[index])
    }
}
