public import Policy

/// A group as `group list` prints it.
public struct GroupRow: Codable, Hashable, Sendable {
    public var name: String
    public var members: Int
    public var note: String
    public var policy: PolicySettings

    public init(name: String, members: Int, note: String, policy: PolicySettings) {
        self.name = name
        self.members = members
        self.note = note
        self.policy = policy
    }
}

public struct GroupCreate: ControlRequest {
    public typealias Answer = Done
    public static let method = "group.create"
    public var hub: String
    public var group: String
    public var note: String?
    /// `macs=3`, `router=yes`...
    public var policy: [String]?
    public init(hub: String, group: String, note: String? = nil, policy: [String]? = nil) {
        self.hub = hub
        self.group = group
        self.note = note
        self.policy = policy
    }
}

/// Changes what is given and leaves the rest.
public struct GroupSet: ControlRequest {
    public typealias Answer = GroupRow
    public static let method = "group.set"
    public var hub: String
    public var group: String
    public var note: String?
    /// `macs=3`, `router=yes`, or `macs=` to take it back.
    public var policy: [String]?
    public init(hub: String, group: String, note: String? = nil, policy: [String]? = nil) {
        self.hub = hub
        self.group = group
        self.note = note
        self.policy = policy
    }
}

public struct GroupDelete: ControlRequest {
    public typealias Answer = Done
    public static let method = "group.delete"
    public var hub: String
    public var group: String
    public init(hub: String, group: String) {
        self.hub = hub
        self.group = group
    }
}

public struct GroupList: ControlRequest {
    public typealias Answer = [GroupRow]
    public static let method = "group.list"
    public var hub: String
    public init(hub: String) { self.hub = hub }
}
