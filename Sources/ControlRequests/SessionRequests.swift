/// One session of a hub, as `session list` prints it.
public struct SessionRow: Codable, Hashable, Sendable {
    public var id: String
    public var hub: String
    /// Empty for what is no user's: a bridge, SecureNAT.
    public var user: String
    /// The module's name, or the host's word for what stands behind it ("bridge", "nat").
    public var module: String
    public var cipher: String
    public var client: String
    /// Where its packets come from, with the port.
    public var outside: String
    public var inside: String
    public var mac: String
    public var lane: Int
    /// RFC 3339, UTC.
    public var since: String
    public var framesIn: UInt64
    public var framesOut: UInt64
    public var bytesIn: UInt64
    public var bytesOut: UInt64
    /// Frames from it that its policy kept from the hub, by reason.
    public var denied: [String: Int] = [:]

    public init(id: String, hub: String, user: String, module: String, lane: Int, since: String) {
        (self.id, self.hub, self.user, self.module) = (id, hub, user, module)
        (self.lane, self.since) = (lane, since)
        (cipher, client, outside, inside, mac) = ("", "", "", "", "")
        (framesIn, framesOut, bytesIn, bytesOut) = (0, 0, 0, 0)
    }
}

public struct SessionList: ControlRequest {
    public typealias Answer = [SessionRow]
    public static let method = "session.list"
    /// nil: of all hubs.
    public var hub: String?
    public init(hub: String? = nil) { self.hub = hub }
}

public struct SessionDisconnect: ControlRequest {
    public typealias Answer = Done
    public static let method = "session.disconnect"
    public var id: String
    public init(id: String) { self.id = id }
}

/// One entry of a hub's forwarding table.
public struct MACRow: Codable, Hashable, Sendable {
    public var mac: String
    public var session: String
    /// Since a frame was last seen from it.
    public var ageSeconds: Int

    public init(mac: String, session: String, ageSeconds: Int) {
        self.mac = mac
        self.session = session
        self.ageSeconds = ageSeconds
    }
}

public struct MACList: ControlRequest {
    public typealias Answer = [MACRow]
    public static let method = "mac.list"
    public var hub: String
    public init(hub: String) { self.hub = hub }
}

/// One address of a hub: seen in its traffic, leased by a DHCP server to a session of ours, or lent by our
/// own server.
public struct AddressRow: Codable, Hashable, Sendable {
    public enum Kind: String, Codable, Hashable, Sendable {
        case seen, leased, lent
    }

    public var address: String
    public var mac: String
    /// Empty where none is known.
    public var session: String
    public var kind: Kind
    /// RFC 3339, UTC; nil where it does not run out.
    public var expires: String?

    public init(address: String, mac: String, session: String, kind: Kind, expires: String? = nil) {
        self.address = address
        self.mac = mac
        self.session = session
        self.kind = kind
        self.expires = expires
    }
}

public struct AddressList: ControlRequest {
    public typealias Answer = [AddressRow]
    public static let method = "address.list"
    public var hub: String
    public init(hub: String) { self.hub = hub }
}
