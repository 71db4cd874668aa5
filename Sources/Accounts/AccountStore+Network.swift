import GRDB
import Wire

extension AccountStore {
    public func addBridge(_ bridge: Bridge) throws(AccountError) {
        try write { database, changes in
            let hub = try Self.hub(bridge.hub, database)
            try Self.insert(bridge, into: hub, database)
            changes.append(.bridgesChanged(hub.name))
        }
    }

    public func removeBridge(_ device: String, from hub: HubName) throws(AccountError) {
        try write { database, changes in
            let hub = try Self.hub(hub, database)
            let devices = try Self.bridges(of: hub, database).map(\.device)
            guard devices.contains(device) else {
                throw AccountError(
                    .unknown,
                    "hub \(hub.name) has no bridge to \(device.quoted): "
                        + (devices.isEmpty ? "it has none" : "accepted are \(devices.listed)"))
            }
            try Self.deleteBridge(device, database)
            changes.append(.bridgesChanged(hub.name))
        }
    }

    /// Those of one hub, or all.
    public func bridges(of hub: HubName? = nil) throws(AccountError) -> [Bridge] {
        try read { database in
            let hubs = try hub.map { [try Self.hub($0, database)] } ?? Self.hubs(database)
            return try hubs.flatMap { try Self.bridges(of: $0, database) }
        }
    }

    public func setNAT(_ settings: NATSettings, of hub: HubName) throws(AccountError) {
        try write { database, changes in
            let hub = try Self.hub(hub, database)
            try Self.setNAT(settings, of: hub, database)
            changes.append(.natChanged(hub.name))
        }
    }

    /// nil if NAT was never enabled in the hub.
    public func nat(of hub: HubName) throws(AccountError) -> NATSettings? {
        try read { database in try Self.nat(of: try Self.hub(hub, database), database) }
    }

    // MARK: Within a transaction

    static func bridges(of hub: Hub, _ database: Database) throws -> [Bridge] {
        try Row.fetchAll(
            database, sql: "SELECT kind, device FROM bridge WHERE hub = ? ORDER BY device",
            arguments: [hub.id]
        ).map { row in
            try Bridge(
                hub: hub.name, kind: Bridge.Kind(rawValue: row["kind"]) ?? .interface, device: row["device"])
        }
    }

    static func insert(_ bridge: Bridge, into hub: Hub, _ database: Database) throws {
        let owner = try String.fetchOne(
            database, sql: "SELECT hub.name FROM bridge JOIN hub ON hub.id = bridge.hub WHERE device = ?",
            arguments: [bridge.device])
        if let owner {
            throw AccountError(
                .exists,
                "\(bridge.device.quoted) is a bridge of hub \(owner) already: "
                    + "a device that belongs to no hub is accepted")
        }
        try database.execute(
            sql: "INSERT INTO bridge (hub, kind, device) VALUES (?, ?, ?)",
            arguments: [hub.id, bridge.kind.rawValue, bridge.device])
    }

    static func deleteBridge(_ device: String, _ database: Database) throws {
        try database.execute(sql: "DELETE FROM bridge WHERE device = ?", arguments: [device])
    }

    static func nat(of hub: Hub, _ database: Database) throws -> NATSettings? {
        try Row.fetchOne(database, sql: "SELECT * FROM nat WHERE hub = ?", arguments: [hub.id]).map { row in
            NATSettings(
                network: RouterNetwork(address: IPv4Address(row["address"]), prefixLength: row["prefix"]),
                engine: NATSettings.Engine(rawValue: row["engine"]) ?? .user, isEnabled: row["enabled"])
        }
    }

    static func setNAT(_ settings: NATSettings?, of hub: Hub, _ database: Database) throws {
        guard let settings else {
            return try database.execute(sql: "DELETE FROM nat WHERE hub = ?", arguments: [hub.id])
        }
        try database.execute(
            sql: "INSERT OR REPLACE INTO nat (hub, address, prefix, engine, enabled) VALUES (?, ?, ?, ?, ?)",
            arguments: [
                hub.id, settings.network.address.bits, settings.network.prefixLength,
                settings.engine.rawValue,
                settings.isEnabled,
            ])
    }
}
