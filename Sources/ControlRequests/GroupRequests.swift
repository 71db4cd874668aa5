/// A group as `group list` prints it.
public struct GroupRow: Codable, Hashable, Sendable {
    public var name: String
    public var members: Int
    public var note: String

    public init(name: String, members: Int, note: String) {
        self.name = name
        self.members = members
        self.note = note
    }
}

public struct GroupCreate: ControlRequest {
    public typealias Answer = Done
    public static let method = "group.create"
    public var hub: String
    public var group: String
    public var note: String?
    public init(hub: String, group: String, note: String? = nil) {
        self.hub = hub
        self.group = group
        self.note = note
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
