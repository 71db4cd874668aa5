public import Policy
public import Wire

/// Somebody whom the accounts have accepted, on a certain hub. Opens one session.
public struct Identity: Sendable, Equatable {
    /// As the database spells them.
    public var user: String
    public var hub: String
    /// The address that the user's record fixes, with the length of its mask, and the gateway of that
    /// network.
    public var fixedAddress: IPv4Subnet?
    public var fixedGateway: IPv4Address?
    public var policy = Policy.standard

    public init(user: String, hub: String) {
        self.user = user
        self.hub = hub
    }
}
