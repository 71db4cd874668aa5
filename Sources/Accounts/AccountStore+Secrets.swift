import Foundation
import GRDB

extension AccountStore {
    public static let maximumSecretLength = 1 << 20

    /// What a module or the host keeps between restarts and nobody else may read, sealed under the key file.
    /// The name is the caller's, for instance "openvpn/tls-crypt". nil if there is none.
    public func secret(_ name: String) throws(AccountError) -> [UInt8]? {
        let sealed = try read { database in
            try Data.fetchOne(database, sql: "SELECT sealed FROM secret WHERE name = ?", arguments: [name])
        }
        guard let sealed else { return nil }
        let opened: [UInt8]?
        do { opened = try box.open([UInt8](sealed), for: name) } catch { throw AccountError(error) }
        guard let plain = opened else {
            throw AccountError(
                .storage,
                "secret \(name.quoted) does not open with the key in secret.key: "
                    + "the key file that was made together with this database is accepted")
        }
        return plain
    }

    /// nil deletes it.
    public func setSecret(_ plain: [UInt8]?, _ name: String) throws(AccountError) {
        guard let plain else {
            return try write { database, _ in
                try database.execute(sql: "DELETE FROM secret WHERE name = ?", arguments: [name])
            }
        }
        guard plain.count <= Self.maximumSecretLength else {
            throw AccountError(
                .invalid,
                "secret \(name.quoted) has \(plain.count) bytes: "
                    + "up to \(Self.maximumSecretLength) are accepted"
            )
        }
        let sealed: Data
        do { sealed = Data(try box.seal(plain, for: name)) } catch { throw AccountError(error) }
        try write { database, _ in
            try database.execute(
                sql: "INSERT OR REPLACE INTO secret (name, sealed) VALUES (?, ?)", arguments: [name, sealed])
        }
    }
}
