public import Policy
public import Wire

/// Somebody whom the accounts have accepted, on a certain hub. Opens one session.
public struct Identity: Sendable, Equatable {
    /// As the database spells them.
    public var user: String
    public var hub: String
    /// The number of the account, which no other one ever has.
    public var account: Int64
    /// The address that the user's record fixes, with the length of its mask, and the gateway of that
    /// network.
    public var fixedAddress: IPv4Subnet?
    public var fixedGateway: IPv4Address?
    public var policy = Policy.standard
    /// Its session is given all frames of the hub, and may send none. Policy has let it.
    public var isMonitor = false

    public init(user: String, hub: String, account: Int64) {
        self.user = user
        self.hub = hub
        self.account = account
    }
}

/// What is compared of a hub's or a user's name, which may be spelled anew while sessions last: the same in
/// upper and lower case, and, as all strings, in any Unicode composition.
struct NameKey: Hashable {
    private let folded: String
    init(_ name: String) { folded = name.lowercased() }
}
