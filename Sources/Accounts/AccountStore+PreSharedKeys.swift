import Foundation
import GRDB
import OpenSSL

extension SealedKey {
    init?(row: Row) {
        guard let data: Data = row["psk"] else { return nil }
        self.init(stored: [UInt8](data))
    }

    var data: Data { Data(octets) }
}

extension AccountStore {
    private static let sealName = "psk"

    public func seal(_ key: PreSharedKey) throws(AccountError) -> SealedKey {
        do { return SealedKey(stored: try box.seal(key.octets, for: Self.sealName)) } catch {
            throw AccountError(error)
        }
    }

    /// Nil where the key file is not the one that it was sealed with.
    func open(_ key: SealedKey) throws(AccountError) -> [UInt8]? {
        do { return try box.open(key.octets, for: Self.sealName) } catch { throw AccountError(error) }
    }

    /// For a file. A key that does not open is left out: nobody could use it either.
    func opened(_ key: SealedKey?) throws(AccountError) -> PreSharedKey? {
        guard let key, let octets = try open(key) else { return nil }
        return try PreSharedKey(String(decoding: octets, as: UTF8.self))
    }

    /// All keys of hubs and of users' IKE identities. A user without one has that of the hub; a peer that
    /// calls itself as a hub with a key is called has that key, unless it is a user's identity.
    public func peerKeys() throws(AccountError) -> [PeerKey] {
        let rows = try read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT identity, hub.name AS hub, COALESCE(user.psk, hub.psk) AS psk FROM ike_identity
                        JOIN user ON user.id = ike_identity.user JOIN hub ON hub.id = user.hub
                        WHERE COALESCE(user.psk, hub.psk) IS NOT NULL
                    UNION ALL SELECT NULL, name, psk FROM hub WHERE psk IS NOT NULL
                    UNION ALL SELECT name, name, psk FROM hub WHERE psk IS NOT NULL AND NOT EXISTS
                        (SELECT 1 FROM ike_identity WHERE identity = hub.name)
                    """)
        }
        var keys: [PeerKey] = []
        for row in rows {
            let octets: Data = row["psk"]
            guard let key = try open(SealedKey(stored: [UInt8](octets))) else { continue }
            keys.append(PeerKey(identity: row["identity"], hub: HubName(stored: row["hub"]), key: key))
        }
        return keys
    }

    static func hasPeerKeys(_ hub: Hub, _ database: Database) throws -> Bool {
        let users = try Int.fetchOne(
            database, sql: "SELECT 1 FROM user WHERE hub = ? AND psk IS NOT NULL", arguments: [hub.id])
        return hub.preSharedKey != nil || users != nil
    }

    /// Keeps what is sealed already where it says the same, so that applying a file again changes nothing.
    func sealed(_ wanted: PreSharedKey?, former: SealedKey?) throws(AccountError) -> SealedKey? {
        guard let wanted else { return nil }
        if let former, try open(former) == wanted.octets { return former }
        return try seal(wanted)
    }
}
