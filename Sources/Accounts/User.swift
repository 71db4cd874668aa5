public import Foundation
public import Wire

/// One user of one hub. The password is not in it: it goes into the store and never comes out.
public struct User: Hashable, Sendable {
    /// Never given to another user, not even to one of the same name after this one is deleted. 0 until it is
    /// stored.
    public internal(set) var id: Int64 = 0
    public internal(set) var hub: HubName
    public internal(set) var name: UserName
    public var note = ""
    /// A group comes into being with its first member.
    public var group: UserName?
    public var isEnabled = true
    /// From this moment on the user is refused.
    public var expires: Date?
    /// The address that the user always gets in the hub; no two users of a hub have the same.
    public var address: IPv4Address?
    /// The certificate that stands for the user; no two users of a hub have the same.
    public var certificate: CertificateIdentity?
    /// What an IPsec peer is called that comes as this user; no two users of all hubs have the same.
    public var ikeIdentity: IKEIdentity?
    public internal(set) var hasPassword = false

    public init(hub: HubName, name: UserName) {
        self.hub = hub
        self.name = name
    }
}

/// A group of users of one hub.
public struct Group: Hashable, Sendable {
    public internal(set) var hub: HubName
    public internal(set) var name: UserName
    public var note = ""
    public internal(set) var members = 0
}

/// A hub as the accounts know it; its sessions and its forwarding table are elsewhere.
public struct Hub: Hashable, Sendable {
    public internal(set) var id: Int64 = 0
    public internal(set) var name: HubName
    public var note = ""
    /// Nobody is let into a hub that is not enabled.
    public var isEnabled = true
    public internal(set) var users = 0
    public internal(set) var groups = 0

    public init(name: HubName) { self.name = name }
}
