import GRDB
public import Policy

extension AccountStore {
    public func createGroup(
        _ name: UserName, note: String, policy: PolicySettings = PolicySettings(), in hub: HubName
    ) throws(AccountError) {
        try write { database, changes in
            let hub = try Self.hub(hub, database)
            guard try !Self.groups(in: hub, database).contains(where: { $0.name == name }) else {
                throw AccountError(
                    .exists,
                    "there is a group \(name.description.quoted) in hub \(hub.name) already: "
                        + "another name is accepted")
            }
            var group = Group(hub: hub.name, name: name)
            (group.note, group.policy) = (note, policy)
            try Self.setGroup(group, in: hub, database)
            changes.append(.groupChanged(hub.name, name))
        }
    }

    /// Changes what `edit` changes of it.
    public func updateGroup(
        _ name: UserName, in hub: HubName, _ edit: (inout Group) throws -> Void
    ) throws(AccountError) {
        try write { database, changes in
            let hub = try Self.hub(hub, database)
            var group = try Self.group(name, in: hub, database)
            try edit(&group)
            try Self.setGroup(group, in: hub, database)
            changes.append(.groupChanged(hub.name, name))
        }
    }

    /// Its members stay, without a group.
    public func deleteGroup(_ name: UserName, in hub: HubName) throws(AccountError) {
        try write { database, changes in
            let hub = try Self.hub(hub, database)
            _ = try Self.group(name, in: hub, database)
            let members = try Self.users(in: hub, database).filter { $0.user.group == name }
            try Self.deleteGroup(name, in: hub, database)
            changes.append(.groupChanged(hub.name, name))
            changes += members.map { .userChanged(hub.name, $0.user.name) }
        }
    }

    public func groups(in hub: HubName) throws(AccountError) -> [Group] {
        try read { database in try Self.groups(in: try Self.hub(hub, database), database) }
    }

    // MARK: Within a transaction

    static func groups(in hub: Hub, _ database: Database) throws -> [Group] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT *, (SELECT COUNT(*) FROM user WHERE user.member_group = member_group.id) AS members
                FROM member_group WHERE hub = ? ORDER BY key
                """, arguments: [hub.id]
        ).map { row in
            var group = Group(hub: hub.name, name: UserName(stored: row["name"]))
            group.note = row["note"]
            group.policy = PolicySettings(stored: row["policy"])
            group.members = row["members"]
            return group
        }
    }

    static func group(_ name: UserName, in hub: Hub, _ database: Database) throws -> Group {
        let groups = try groups(in: hub, database)
        guard let group = groups.first(where: { $0.name == name }) else {
            throw AccountError(
                .unknown,
                "there is no group \(name.description.quoted) in hub \(hub.name): "
                    + (groups.isEmpty
                        ? "it has none" : "accepted are \(groups.map(\.name.description).listed)"))
        }
        return group
    }

    /// Makes it, or changes the one of that name.
    static func setGroup(_ group: Group, in hub: Hub, _ database: Database) throws {
        try checkNote(group.note)
        try database.execute(
            sql: """
                INSERT INTO member_group (hub, name, key, note, policy) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (hub, key) DO UPDATE SET note = excluded.note, policy = excluded.policy
                """,
            arguments: [hub.id, group.name.description, group.name.key, group.note, group.policy.text])
    }

    static func deleteGroup(_ name: UserName, in hub: Hub, _ database: Database) throws {
        try database.execute(
            sql: "DELETE FROM member_group WHERE hub = ? AND key = ?", arguments: [hub.id, name.key])
    }

    /// The number of the group, which is made if it is not there.
    static func groupID(_ name: UserName?, in hub: Hub, _ database: Database) throws -> Int64? {
        guard let name else { return nil }
        try database.execute(
            sql:
                "INSERT INTO member_group (hub, name, key, note) VALUES (?, ?, ?, '') ON CONFLICT DO NOTHING",
            arguments: [hub.id, name.description, name.key])
        return try Int64.fetchOne(
            database, sql: "SELECT id FROM member_group WHERE hub = ? AND key = ?",
            arguments: [hub.id, name.key])
    }
}
