import GRDB

/// The tables, and how older files come to have them. A migration that has been released is never edited.
enum Schema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in try database.execute(sql: first) }
        migrator.registerMigration("verifier") { database in try database.execute(sql: verifier) }
        migrator.registerMigration("policies") { database in try database.execute(sql: policies) }
        migrator.registerMigration("prefix") { database in
            try database.execute(sql: "ALTER TABLE user ADD COLUMN prefix INTEGER")
        }
        migrator.registerMigration("ike") { database in try database.execute(sql: ikeIdentities) }
        migrator.registerMigration("psk") { database in
            try database.execute(
                sql: "ALTER TABLE hub ADD COLUMN psk BLOB; ALTER TABLE user ADD COLUMN psk BLOB")
        }
        return migrator
    }

    /// What was said of each, as `PolicySettings.text`.
    private static let policies = """
        ALTER TABLE hub ADD COLUMN policy TEXT NOT NULL DEFAULT '';
        ALTER TABLE member_group ADD COLUMN policy TEXT NOT NULL DEFAULT '';
        ALTER TABLE user ADD COLUMN policy TEXT NOT NULL DEFAULT '';
        """

    /// An identity stands for one user of all hubs: it is by the identity that the hub is found.
    private static let ikeIdentities = """
        CREATE TABLE ike_identity (
            user INTEGER PRIMARY KEY REFERENCES user ON DELETE CASCADE,
            identity TEXT NOT NULL COLLATE NOCASE UNIQUE) STRICT;
        """

    /// Names are stored twice: as written, and as compared. Times are seconds since 1970, addresses 32-bit
    /// numbers.
    private static let first = """
        CREATE TABLE hub (
            id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, key TEXT NOT NULL UNIQUE,
            note TEXT NOT NULL, enabled INTEGER NOT NULL) STRICT;
        CREATE TABLE member_group (
            id INTEGER PRIMARY KEY AUTOINCREMENT, hub INTEGER NOT NULL REFERENCES hub ON DELETE CASCADE,
            name TEXT NOT NULL, key TEXT NOT NULL, note TEXT NOT NULL, UNIQUE (hub, key)) STRICT;
        CREATE TABLE user (
            id INTEGER PRIMARY KEY AUTOINCREMENT, hub INTEGER NOT NULL REFERENCES hub ON DELETE CASCADE,
            name TEXT NOT NULL, key TEXT NOT NULL, note TEXT NOT NULL,
            member_group INTEGER REFERENCES member_group ON DELETE SET NULL,
            enabled INTEGER NOT NULL, expires INTEGER, address INTEGER, certificate TEXT, password TEXT,
            UNIQUE (hub, key), UNIQUE (hub, address), UNIQUE (hub, certificate)) STRICT;
        CREATE INDEX user_by_group ON user (member_group);
        CREATE TABLE bridge (
            hub INTEGER NOT NULL REFERENCES hub ON DELETE CASCADE,
            kind TEXT NOT NULL, device TEXT NOT NULL PRIMARY KEY) STRICT;
        CREATE INDEX bridge_by_hub ON bridge (hub);
        CREATE TABLE nat (
            hub INTEGER PRIMARY KEY REFERENCES hub ON DELETE CASCADE,
            address INTEGER NOT NULL, prefix INTEGER NOT NULL, engine TEXT NOT NULL,
            enabled INTEGER NOT NULL) STRICT;
        CREATE TABLE lease (
            hub INTEGER NOT NULL REFERENCES hub ON DELETE CASCADE, address INTEGER NOT NULL,
            client BLOB NOT NULL, mac INTEGER NOT NULL, expires INTEGER NOT NULL, hostname TEXT NOT NULL,
            PRIMARY KEY (hub, address)) STRICT;
        CREATE TABLE secret (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
        """

    private static let verifier = """
        CREATE TABLE verifier (
            user INTEGER NOT NULL REFERENCES user ON DELETE CASCADE, kind TEXT NOT NULL,
            sealed BLOB NOT NULL, PRIMARY KEY (user, kind)) STRICT;
        """
}
