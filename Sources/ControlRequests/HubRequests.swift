public import Policy

/// A hub as `hub list` and `hub show` print it.
public struct HubRow: Codable, Hashable, Sendable {
    public var name: String
    public var enabled: Bool
    public var note: String
    public var users: Int
    public var groups: Int
    /// What was said of all who are in it.
    public var policy = PolicySettings()
    /// True: it has a pre-shared key of its own.
    public var psk: Bool?

    public init(name: String, enabled: Bool, note: String, users: Int, groups: Int) {
        self.name = name
        self.enabled = enabled
        self.note = note
        self.users = users
        self.groups = groups
    }
}

/// A hub with what belongs to it.
public struct HubDetail: Codable, Hashable, Sendable {
    public var hub: HubRow
    public var sessions: Int
    public var macs: Int
    public var bridges: [BridgeRow]
    /// nil if NAT was never enabled in the hub.
    public var nat: NATReport?

    public init(hub: HubRow, sessions: Int, macs: Int, bridges: [BridgeRow], nat: NATReport?) {
        self.hub = hub
        self.sessions = sessions
        self.macs = macs
        self.bridges = bridges
        self.nat = nat
    }
}

public struct HubCreate: ControlRequest {
    public typealias Answer = HubRow
    public static let method = "hub.create"
    public var hub: String
    public var note: String?
    /// `macs=3`, `router=yes`...
    public var policy: [String]?
    /// The pre-shared key of its IPsec peers.
    public var psk: String?
    public init(hub: String, note: String? = nil, policy: [String]? = nil) {
        self.hub = hub
        self.note = note
        self.policy = policy
    }
}

/// Changes what is given and leaves the rest.
public struct HubSet: ControlRequest {
    public typealias Answer = HubRow
    public static let method = "hub.set"
    public var hub: String
    public var note: String?
    public var enabled: Bool?
    /// `macs=3`, `router=yes`, or `macs=` to take it back.
    public var policy: [String]?
    /// The pre-shared key of its IPsec peers; an empty text takes it away.
    public var psk: String?
    public init(hub: String, note: String? = nil, enabled: Bool? = nil, policy: [String]? = nil) {
        self.hub = hub
        self.note = note
        self.enabled = enabled
        self.policy = policy
    }
}

public struct HubDelete: ControlRequest {
    public typealias Answer = Done
    public static let method = "hub.delete"
    public var hub: String
    public init(hub: String) { self.hub = hub }
}

public struct HubList: ControlRequest {
    public typealias Answer = [HubRow]
    public static let method = "hub.list"
    public init() {}
}

public struct HubShow: ControlRequest {
    public typealias Answer = HubDetail
    public static let method = "hub.show"
    public var hub: String
    public init(hub: String) { self.hub = hub }
}
