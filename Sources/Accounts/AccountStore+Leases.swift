import Foundation
import GRDB
public import Wire

extension AccountStore {
    /// Keeps what was lent and forgets what was given back, in one flush of the disk for the whole batch.
    /// A lease replaces the one that its address had.
    public func recordLeases(
        _ lent: [Lease], returned: [IPv4Address] = [], in hub: HubName
    ) throws(AccountError) {
        try write { database, _ in
            let hub = try Self.hub(hub, database)
            for address in returned {
                try database.execute(
                    sql: "DELETE FROM lease WHERE hub = ? AND address = ?", arguments: [hub.id, address.bits])
            }
            for lease in lent {
                try database.execute(
                    sql: """
                        INSERT OR REPLACE INTO lease (hub, address, client, mac, expires, hostname)
                        VALUES (?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        hub.id, lease.address.bits, Data(lease.client.prefix(255)), Int64(lease.mac.bits),
                        lease.expires, String(lease.hostname.prefix(255)),
                    ])
            }
        }
    }

    /// Those that have not run out, in the order of their addresses. The others are deleted.
    public func leases(in hub: HubName) throws(AccountError) -> [Lease] {
        let now = Int64(now().timeIntervalSince1970)
        return try write { database, _ in
            let hub = try Self.hub(hub, database)
            try database.execute(
                sql: "DELETE FROM lease WHERE hub = ? AND expires <= ?", arguments: [hub.id, now])
            return try Row.fetchAll(
                database, sql: "SELECT * FROM lease WHERE hub = ? ORDER BY address", arguments: [hub.id]
            ).map { row in
                Lease(
                    address: IPv4Address(row["address"]), client: [UInt8](row["client"] as Data),
                    mac: MACAddress(UInt64(bitPattern: row["mac"])), expires: row["expires"],
                    hostname: row["hostname"])
            }
        }
    }
}
