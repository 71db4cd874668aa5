public import Policy

/// A user as `user list` and `user show` print it. No request gives a password or its hash back.
public struct UserRow: Codable, Hashable, Sendable {
    public var hub: String
    public var name: String
    public var group: String?
    public var enabled: Bool
    /// RFC 3339, UTC.
    public var expires: String?
    public var address: String?
    public var certificate: String?
    public var ikeID: String?
    /// True: that has a pre-shared key of its own.
    public var psk: Bool?
    public var password: Bool
    public var note: String
    /// What was said of the user alone.
    public var policy = PolicySettings()
    /// What counts together with what was said of the group and the hub; `user show` tells it.
    public var policyInEffect: PolicySettings?

    public init(hub: String, name: String, group: String?, enabled: Bool, password: Bool, note: String) {
        self.hub = hub
        self.name = name
        self.group = group
        self.enabled = enabled
        self.password = password
        self.note = note
    }
}

/// What can be set of a user. What is left out stays as it is; an empty text takes away what was set.
public struct UserFields: Codable, Hashable, Sendable {
    public var group: String?
    public var enabled: Bool?
    /// `2027-12-31` (through that day, UTC), `2027-12-31T12:00:00Z`, or `never`.
    public var expires: String?
    /// An IPv4 address, as in 192.168.30.50 or 10.1.2.3/16.
    public var address: String?
    /// A common name, or `sha256:` and a fingerprint.
    public var certificate: String?
    /// What an IPsec peer calls itself that comes as this user.
    public var ikeID: String?
    /// The pre-shared key of that peer.
    public var psk: String?
    public var note: String?
    /// `macs=3`, `router=yes`, or `macs=` to take it back.
    public var policy: [String]?

    public init(
        group: String? = nil, enabled: Bool? = nil, expires: String? = nil, address: String? = nil,
        certificate: String? = nil, note: String? = nil
    ) {
        self.group = group
        self.enabled = enabled
        self.expires = expires
        self.address = address
        self.certificate = certificate
        self.note = note
    }
}

public struct UserCreate: ControlRequest {
    public typealias Answer = UserRow
    public static let method = "user.create"
    public var hub: String
    public var user: String
    /// May be left out for a user who has a certificate or an IKE identity.
    public var password: String?
    public var fields: UserFields?
    public init(hub: String, user: String, password: String?, fields: UserFields? = nil) {
        self.hub = hub
        self.user = user
        self.password = password
        self.fields = fields
    }
}

public struct UserSet: ControlRequest {
    public typealias Answer = UserRow
    public static let method = "user.set"
    public var hub: String
    public var user: String
    public var fields: UserFields
    public init(hub: String, user: String, fields: UserFields) {
        self.hub = hub
        self.user = user
        self.fields = fields
    }
}

public struct UserPassword: ControlRequest {
    public typealias Answer = Done
    public static let method = "user.password"
    public var hub: String
    public var user: String
    public var password: String
    public init(hub: String, user: String, password: String) {
        self.hub = hub
        self.user = user
        self.password = password
    }
}

public struct UserDelete: ControlRequest {
    public typealias Answer = Done
    public static let method = "user.delete"
    public var hub: String
    public var user: String
    public init(hub: String, user: String) {
        self.hub = hub
        self.user = user
    }
}

public struct UserList: ControlRequest {
    public typealias Answer = [UserRow]
    public static let method = "user.list"
    public var hub: String
    public init(hub: String) { self.hub = hub }
}

public struct UserShow: ControlRequest {
    public typealias Answer = UserRow
    public static let method = "user.show"
    public var hub: String
    public var user: String
    public init(hub: String, user: String) {
        self.hub = hub
        self.user = user
    }
}
