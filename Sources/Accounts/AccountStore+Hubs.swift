import GRDB
import Policy

extension AccountStore {
    public func createHub(_ hub: Hub) throws(AccountError) {
        try write { database, changes in
            try Self.insert(hub, database)
            changes.append(.hubCreated(hub.name))
            if hub.preSharedKey != nil { changes.append(.peerKeysChanged) }
        }
    }

    /// Changes what `edit` changes of it.
    public func updateHub(_ name: HubName, _ edit: (inout Hub) throws -> Void) throws(AccountError) {
        try write { database, changes in
            var hub = try Self.hub(name, database)
            let formerKey = hub.preSharedKey
            try edit(&hub)
            try Self.update(hub, database)
            changes.append(.hubChanged(hub.name))
            if hub.preSharedKey != formerKey { changes.append(.peerKeysChanged) }
        }
    }

    /// Deletes it and all that is in it.
    public func deleteHub(_ name: HubName) throws(AccountError) {
        try write { database, changes in
            let hub = try Self.hub(name, database)
            let hadKeys = try Self.hasPeerKeys(hub, database)
            try database.execute(sql: "DELETE FROM hub WHERE id = ?", arguments: [hub.id])
            changes.append(.hubDeleted(hub.name))
            if hadKeys { changes.append(.peerKeysChanged) }
        }
    }

    public func hub(_ name: HubName) throws(AccountError) -> Hub {
        try read { try Self.hub(name, $0) }
    }

    /// In the order of their names.
    public func hubs() throws(AccountError) -> [Hub] {
        try read { try Self.hubs($0) }
    }

    // MARK: Within a transaction

    private static let selectHub = """
        SELECT hub.*, (SELECT COUNT(*) FROM user WHERE user.hub = hub.id) AS users,
            (SELECT COUNT(*) FROM member_group WHERE member_group.hub = hub.id) AS groups FROM hub
        """

    static func hubs(_ database: Database) throws -> [Hub] {
        try Row.fetchAll(database, sql: selectHub + " ORDER BY key").map(hub(row:))
    }

    static func hub(_ name: HubName, _ database: Database) throws -> Hub {
        guard let hub = try findHub(name, database) else {
            let all = try String.fetchAll(database, sql: "SELECT name FROM hub ORDER BY key")
            throw AccountError(
                .unknown,
                "there is no hub \(name.description.quoted): "
                    + (all.isEmpty ? "none has been created" : "accepted are \(all.listed)"))
        }
        return hub
    }

    static func findHub(_ name: HubName, _ database: Database) throws -> Hub? {
        try Row.fetchOne(database, sql: selectHub + " WHERE key = ?", arguments: [name.key]).map(hub(row:))
    }

    private static func hub(row: Row) -> Hub {
        var hub = Hub(name: HubName(stored: row["name"]))
        hub.id = row["id"]
        hub.note = row["note"]
        hub.isEnabled = row["enabled"]
        hub.policy = PolicySettings(stored: row["policy"])
        hub.preSharedKey = SealedKey(row: row)
        hub.users = row["users"]
        hub.groups = row["groups"]
        return hub
    }

    static func insert(_ hub: Hub, _ database: Database) throws {
        try checkNote(hub.note)
        guard
            try Int.fetchOne(database, sql: "SELECT 1 FROM hub WHERE key = ?", arguments: [hub.name.key])
                == nil
        else {
            throw AccountError(
                .exists, "there is a hub \(hub.name.description.quoted) already: another name is accepted")
        }
        guard try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM hub") ?? 0 < maximumHubs else {
            throw AccountError(.invalid, "there are \(maximumHubs) hubs already, and no more are accepted")
        }
        try database.execute(
            sql: "INSERT INTO hub (name, key, note, enabled, policy, psk) VALUES (?, ?, ?, ?, ?, ?)",
            arguments: [
                hub.name.description, hub.name.key, hub.note, hub.isEnabled, hub.policy.text,
                hub.preSharedKey?.data,
            ])
    }

    static func update(_ hub: Hub, _ database: Database) throws {
        try checkNote(hub.note)
        try database.execute(
            sql: "UPDATE hub SET name = ?, note = ?, enabled = ?, policy = ?, psk = ? WHERE id = ?",
            arguments: [
                hub.name.description, hub.note, hub.isEnabled, hub.policy.text, hub.preSharedKey?.data,
                hub.id,
            ])
    }

    static func checkNote(_ note: String) throws(AccountError) {
        guard note.utf8.count <= maximumNoteLength else {
            throw AccountError(
                .invalid,
                "a note of \(note.utf8.count) bytes is too long: up to \(maximumNoteLength) are accepted")
        }
    }
}
