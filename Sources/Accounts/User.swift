public import Foundation
public import Policy
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
    /// The length of its network's prefix; nil: that of the hub's SecureNAT where the address is in its
    /// network, or else 24.
    public var prefixLength: Int?
    /// The certificate that stands for the user; no two users of a hub have the same.
    public var certificate: CertificateIdentity?
    /// What an IPsec peer is called that comes as this user; no two users of all hubs have the same.
    public var ikeIdentity: IKEIdentity?
    /// What the peer of that name has to know; nil: the hub's, or else the server's.
    public var preSharedKey: SealedKey?
    public var policy = PolicySettings()
    public internal(set) var hasPassword = false

    public init(hub: HubName, name: UserName) {
        self.hub = hub
        self.name = name
    }

    /// As a person writes it, with the prefix if there is one.
    public var addressText: String? {
        address.map { address in prefixLength.map { "\(address)/\($0)" } ?? "\(address)" }
    }

    /// Reads an address with or without a prefix; an empty text takes it away.
    public mutating func setAddress(_ text: String) throws(AccountError) {
        if text.isEmpty {
            (address, prefixLength) = (nil, nil)
        } else if let subnet = IPv4Subnet(text), (1...32).contains(subnet.prefixLength) {
            guard subnet.prefixLength >= 31 || ![subnet.network, subnet.broadcast].contains(subnet.address)
            else {
                throw AccountError(
                    .invalid,
                    "\(text.quoted) is no host's address: one between \(subnet.network) and "
                        + "\(subnet.broadcast) is accepted")
            }
            (address, prefixLength) = (subnet.address, subnet.prefixLength)
        } else if let parsed = IPv4Address(text) {
            (address, prefixLength) = (parsed, nil)
        } else {
            throw AccountError(
                .invalid,
                "\(text.quoted) is no address: one like 192.168.30.50 or 10.1.2.3/16 is accepted")
        }
    }
}

/// A group of users of one hub.
public struct Group: Hashable, Sendable {
    public internal(set) var hub: HubName
    public internal(set) var name: UserName
    public var note = ""
    public var policy = PolicySettings()
    public internal(set) var members = 0

    init(hub: HubName, name: UserName) {
        self.hub = hub
        self.name = name
    }
}

/// A hub as the accounts know it; its sessions and its forwarding table are elsewhere.
public struct Hub: Hashable, Sendable {
    public internal(set) var id: Int64 = 0
    public internal(set) var name: HubName
    public var note = ""
    /// Nobody is let into a hub that is not enabled.
    public var isEnabled = true
    public var policy = PolicySettings()
    /// What its IPsec peers have to know that have no key of their own.
    public var preSharedKey: SealedKey?
    public internal(set) var users = 0
    public internal(set) var groups = 0

    public init(name: HubName) { self.name = name }
}
