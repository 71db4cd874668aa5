public import Foundation
import GRDB
import Policy
public import Wire

extension AccountStore {
    /// Without a password only the user's certificate lets the user in.
    public func createUser(_ user: User, password: ClearPassword?) throws(AccountError) {
        var hash: String?
        if let password { hash = try PasswordHash(of: password).description }
        try write { database, changes in
            let hub = try Self.hub(user.hub, database)
            try Self.insert(user, password: hash, into: hub, database)
            if let password {
                let id = database.lastInsertedRowID
                let sealed = sealedVerifiers(of: user.name, id: id, password)
                try Self.setVerifiers(sealed, ofUser: id, database)
            }
            changes.append(.userCreated(hub.name, user.name))
            if user.ikeIdentity != nil { changes.append(.peerKeysChanged) }
        }
    }

    /// Changes what `edit` changes of the user.
    public func updateUser(
        _ name: UserName, in hub: HubName, _ edit: (inout User) throws -> Void
    ) throws(AccountError) {
        try write { database, changes in
            let hub = try Self.hub(hub, database)
            var user = try Self.user(name, in: hub, database).user
            let former = user
            try edit(&user)
            try Self.update(user, in: hub, database)
            changes.append(.userChanged(hub.name, user.name))
            if user.ikeIdentity != former.ikeIdentity || user.preSharedKey != former.preSharedKey {
                changes.append(.peerKeysChanged)
            }
        }
    }

    public func setPassword(
        _ password: ClearPassword, of name: UserName, in hub: HubName
    ) throws(AccountError) {
        let hash = try PasswordHash(of: password).description
        let id = try write { database, changes in
            let hub = try Self.hub(hub, database)
            let user = try Self.user(name, in: hub, database).user
            try Self.setPassword(hash, of: user, database)
            let sealed = sealedVerifiers(of: user.name, id: user.id, password)
            try Self.setVerifiers(sealed, ofUser: user.id, database)
            changes.append(.userChanged(hub.name, user.name))
            return user.id
        }
        recentVerdicts.withLock { $0.forget(id) }
    }

    public func deleteUser(_ name: UserName, in hub: HubName) throws(AccountError) {
        let id = try write { database, changes in
            let hub = try Self.hub(hub, database)
            let user = try Self.user(name, in: hub, database).user
            try database.execute(sql: "DELETE FROM user WHERE id = ?", arguments: [user.id])
            changes.append(.userDeleted(hub.name, user.name))
            if user.ikeIdentity != nil { changes.append(.peerKeysChanged) }
            return user.id
        }
        recentVerdicts.withLock { $0.forget(id) }
    }

    public func user(_ name: UserName, in hub: HubName) throws(AccountError) -> User {
        try read { database in
            try Self.user(name, in: try Self.hub(hub, database), database).user
        }
    }

    /// In the order of their names.
    public func users(in hub: HubName) throws(AccountError) -> [User] {
        try read { database in
            try Self.users(in: try Self.hub(hub, database), database).map(\.user)
        }
    }

    /// The addresses that users of the hub have for good.
    public func fixedAddresses(in hub: HubName) throws(AccountError) -> Set<IPv4Address> {
        try read { database in
            let hub = try Self.hub(hub, database)
            let numbers = try UInt32.fetchAll(
                database, sql: "SELECT address FROM user WHERE hub = ? AND address IS NOT NULL",
                arguments: [hub.id])
            return Set(numbers.map(IPv4Address.init))
        }
    }

    /// Whose accounts have ended since `moment`, by now.
    public func expired(since moment: Date) throws(AccountError) -> [(hub: HubName, user: UserName)] {
        let now = now()
        return try read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT hub.name AS hub_name, user.name FROM user JOIN hub ON hub.id = user.hub
                        WHERE expires > ? AND expires <= ?
                    """,
                arguments: [Int64(moment.timeIntervalSince1970), Int64(now.timeIntervalSince1970)]
            ).map { (HubName(stored: $0["hub_name"]), UserName(stored: $0["name"])) }
        }
    }

    // MARK: Within a transaction

    /// A user together with what only the judge of passwords may see.
    struct StoredUser {
        var user: User
        var password: String?
    }

    private static let selectUser = """
        SELECT user.*, member_group.name AS group_name, ike_identity.identity AS ike_identity FROM user
            LEFT JOIN member_group ON member_group.id = user.member_group
            LEFT JOIN ike_identity ON ike_identity.user = user.id WHERE user.hub = ?
        """

    static func users(in hub: Hub, _ database: Database) throws -> [StoredUser] {
        try Row.fetchAll(database, sql: selectUser + " ORDER BY user.key", arguments: [hub.id])
            .map { storedUser(row: $0, hub) }
    }

    static func findUser(_ name: UserName, in hub: Hub, _ database: Database) throws -> StoredUser? {
        try Row.fetchOne(database, sql: selectUser + " AND user.key = ?", arguments: [hub.id, name.key])
            .map { storedUser(row: $0, hub) }
    }

    static func findUser(
        _ identity: CertificateIdentity, in hub: Hub, _ database: Database
    ) throws -> StoredUser? {
        try Row.fetchOne(
            database, sql: selectUser + " AND user.certificate = ?",
            arguments: [hub.id, identity.description]
        ).map { storedUser(row: $0, hub) }
    }

    static func findUser(id: Int64, in hub: Hub, _ database: Database) throws -> StoredUser? {
        try Row.fetchOne(database, sql: selectUser + " AND user.id = ?", arguments: [hub.id, id])
            .map { storedUser(row: $0, hub) }
    }

    static func user(_ name: UserName, in hub: Hub, _ database: Database) throws -> StoredUser {
        guard let user = try findUser(name, in: hub, database) else {
            let some = try String.fetchAll(
                database, sql: "SELECT name FROM user WHERE hub = ? ORDER BY key", arguments: [hub.id])
            throw AccountError(
                .unknown,
                "there is no user \(name.description.quoted) in hub \(hub.name): "
                    + (some.isEmpty ? "it has none" : "accepted are \(some.listed)"))
        }
        return user
    }

    private static func storedUser(row: Row, _ hub: Hub) -> StoredUser {
        var user = User(hub: hub.name, name: UserName(stored: row["name"]))
        user.id = row["id"]
        user.note = row["note"]
        user.group = (row["group_name"] as String?).map(UserName.init(stored:))
        user.isEnabled = row["enabled"]
        user.expires = (row["expires"] as Int64?).map { Date(timeIntervalSince1970: Double($0)) }
        user.address = (row["address"] as UInt32?).map(IPv4Address.init)
        user.prefixLength = row["prefix"]
        user.certificate = (row["certificate"] as String?).flatMap { try? CertificateIdentity($0) }
        user.policy = PolicySettings(stored: row["policy"])
        user.ikeIdentity = (row["ike_identity"] as String?).map(IKEIdentity.init(stored:))
        user.preSharedKey = SealedKey(row: row)
        let password: String? = row["password"]
        user.hasPassword = password != nil
        return StoredUser(user: user, password: password)
    }

    static func insert(_ user: User, password: String?, into hub: Hub, _ database: Database) throws {
        guard try findUser(user.name, in: hub, database) == nil else {
            throw AccountError(
                .exists,
                "there is a user \(user.name.description.quoted) in hub \(hub.name) already: "
                    + "another name is accepted")
        }
        guard password != nil || user.certificate != nil || user.ikeIdentity != nil else {
            throw AccountError(
                .invalid,
                "user \(user.name.description.quoted) could never come in: "
                    + "a password, a certificate or an IKE identity is wanted"
            )
        }
        guard hub.users < maximumUsersPerHub else {
            throw AccountError(
                .invalid, "hub \(hub.name) has \(maximumUsersPerHub) users already, and no more are accepted")
        }
        try check(user, in: hub, database)
        try database.execute(
            sql: """
                INSERT INTO user (
                    hub, name, key, note, member_group, enabled, expires, address, prefix, certificate,
                    policy, psk, password)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                hub.id, user.name.description, user.name.key, user.note,
                try groupID(user.group, in: hub, database), user.isEnabled,
                user.expires.map { Int64($0.timeIntervalSince1970) }, user.address?.bits,
                user.prefixLength, user.certificate?.description, user.policy.text,
                user.preSharedKey?.data, password,
            ])
        try setIKEIdentity(of: user, id: database.lastInsertedRowID, database)
    }

    static func update(_ user: User, in hub: Hub, _ database: Database) throws {
        try check(user, in: hub, database)
        try database.execute(
            sql: """
                UPDATE user SET name = ?, note = ?, member_group = ?, enabled = ?, expires = ?, address = ?,
                    prefix = ?, certificate = ?, policy = ?, psk = ?
                WHERE id = ?
                """,
            arguments: [
                user.name.description, user.note, try groupID(user.group, in: hub, database), user.isEnabled,
                user.expires.map { Int64($0.timeIntervalSince1970) }, user.address?.bits,
                user.prefixLength, user.certificate?.description, user.policy.text,
                user.preSharedKey?.data, user.id,
            ])
        try setIKEIdentity(of: user, id: user.id, database)
    }

    /// What was kept of another password goes.
    static func setPassword(_ hash: String?, of user: User, _ database: Database) throws {
        try setVerifiers([:], ofUser: user.id, database)
        try database.execute(sql: "UPDATE user SET password = ? WHERE id = ?", arguments: [hash, user.id])
    }

    /// That nobody else of the hub has what can belong to one user alone.
    private static func check(_ user: User, in hub: Hub, _ database: Database) throws {
        try checkNote(user.note)
        guard user.preSharedKey == nil || user.ikeIdentity != nil else {
            throw AccountError(
                .invalid,
                "user \(user.name.description.quoted) has no IKE identity that a pre-shared key could belong "
                    + "to: one is wanted beside it")
        }
        func owner(of column: String, _ value: (any DatabaseValueConvertible)?) throws -> String? {
            guard let value else { return nil }
            return try String.fetchOne(
                database, sql: "SELECT name FROM user WHERE hub = ? AND \(column) = ? AND id <> ?",
                arguments: [hub.id, value, user.id])
        }
        if let address = user.address {
            guard !address.isMulticast, address != .any, address != .broadcast else {
                throw AccountError(
                    .invalid, "\(address) cannot be a user's address: one of a single host is accepted")
            }
        }
        if let other = try owner(of: "address", user.address?.bits) {
            throw AccountError(
                .exists,
                "address \(user.address ?? .any) belongs to user \(other.quoted) of hub \(hub.name) already: "
                    + "another one is accepted")
        }
        if let other = try owner(of: "certificate", user.certificate?.description) {
            throw AccountError(
                .exists,
                "certificate \((user.certificate?.description ?? "").quoted) stands for user "
                    + "\(other.quoted) of hub \(hub.name) already: another one is accepted")
        }
    }
}
