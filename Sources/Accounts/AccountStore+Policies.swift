import GRDB
public import Policy

extension AccountStore {
    /// What counts for a user: what was said of the user, the group and the hub, in this order.
    public func policy(of user: UserName, in hub: HubName) throws(AccountError) -> Policy {
        Policy(try policyLevels(of: user, in: hub))
    }

    /// What was said of the user, the user's group if there is one, and the hub.
    public func policyLevels(of user: UserName, in hub: HubName) throws(AccountError) -> [PolicySettings] {
        try read { database in
            let hub = try Self.hub(hub, database)
            let user = try Self.user(user, in: hub, database).user
            let group = try user.group.map { try Self.group($0, in: hub, database).policy }
            return [user.policy, group, hub.policy].compactMap { $0 }
        }
    }
}

extension PolicySettings {
    /// What the database has. A setting of a later version is nothing that this one could judge by.
    init(stored text: String) {
        self.init()
        for assignment in text.split(separator: " ") { try? set(assignment) }
    }
}

extension AccountError {
    public init(_ fault: PolicyFault) { self.init(.invalid, fault.description) }
}
