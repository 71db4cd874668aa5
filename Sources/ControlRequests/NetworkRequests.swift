/// SecureNAT of a hub, as `nat show` prints it.
public struct NATReport: Codable, Hashable, Sendable {
    public var enabled: Bool
    /// The router's address and prefix, as in 192.168.30.1/24.
    public var network: String
    /// `user` or `kernel`.
    public var engine: String
    /// Whether it runs at the moment; if it does not though it is enabled, `problem` says why.
    public var running: Bool
    public var problem: String?
    /// Addresses that are lent.
    public var leases: Int

    public init(
        enabled: Bool, network: String, engine: String, running: Bool, problem: String? = nil, leases: Int = 0
    ) {
        self.enabled = enabled
        self.network = network
        self.engine = engine
        self.running = running
        self.problem = problem
        self.leases = leases
    }
}

public struct NATEnable: ControlRequest {
    public typealias Answer = NATReport
    public static let method = "nat.enable"
    public var hub: String
    /// Left out: as it was, or 192.168.30.1/24.
    public var network: String?
    /// Left out: as it was, or `user`.
    public var engine: String?
    public init(hub: String, network: String? = nil, engine: String? = nil) {
        self.hub = hub
        self.network = network
        self.engine = engine
    }
}

public struct NATDisable: ControlRequest {
    public typealias Answer = Done
    public static let method = "nat.disable"
    public var hub: String
    public init(hub: String) { self.hub = hub }
}

public struct NATShow: ControlRequest {
    public typealias Answer = NATReport
    public static let method = "nat.show"
    public var hub: String
    public init(hub: String) { self.hub = hub }
}

/// A bridge, as `bridge list` prints it.
public struct BridgeRow: Codable, Hashable, Sendable {
    public var hub: String
    /// `tap` or `interface`.
    public var kind: String
    public var device: String
    /// Whether it runs at the moment; if not, `problem` says why.
    public var running: Bool
    public var problem: String?

    public init(hub: String, kind: String, device: String, running: Bool, problem: String? = nil) {
        self.hub = hub
        self.kind = kind
        self.device = device
        self.running = running
        self.problem = problem
    }
}

public struct BridgeAdd: ControlRequest {
    public typealias Answer = BridgeRow
    public static let method = "bridge.add"
    public var hub: String
    /// `tap` or `interface`.
    public var kind: String
    public var device: String
    public init(hub: String, kind: String, device: String) {
        self.hub = hub
        self.kind = kind
        self.device = device
    }
}

public struct BridgeRemove: ControlRequest {
    public typealias Answer = Done
    public static let method = "bridge.remove"
    public var hub: String
    public var device: String
    public init(hub: String, device: String) {
        self.hub = hub
        self.device = device
    }
}

public struct BridgeList: ControlRequest {
    public typealias Answer = [BridgeRow]
    public static let method = "bridge.list"
    /// nil: of all hubs.
    public var hub: String?
    public init(hub: String? = nil) { self.hub = hub }
}
