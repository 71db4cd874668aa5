import GRDB

/// Brings the database to what a file says, within one transaction, and writes down what it changed.
struct DocumentApplication {
    private let database: Database
    private(set) var report = AppliedChanges()
    private(set) var changes: [AccountChange] = []

    init(database: Database) { self.database = database }

    /// What goes away goes first: a device, an address or a certificate may move to another owner.
    mutating func apply(_ document: StateDocument) throws {
        let wanted = Set(document.hubs.map(\.hub.name))
        for hub in try AccountStore.hubs(database) where !wanted.contains(hub.name) {
            try database.execute(sql: "DELETE FROM hub WHERE id = ?", arguments: [hub.id])
            report.deleted.append("hub \(hub.name)")
            changes.append(.hubDeleted(hub.name))
        }
        var current: [HubName: StateDocument.HubState] = [:]
        for state in document.hubs {
            let hub = try settle(state.hub)
            let before = try AccountStore.state(of: hub, database)
            current[hub.name] = before
            try remove(before, missingIn: state)
        }
        for state in document.hubs {
            guard let before = current[state.hub.name] else { continue }
            try settleGroups(state, before)
            try settleUsers(state, before)
            try settleBridges(state, before)
            try settleNAT(state, before)
        }
    }

    private mutating func settle(_ wanted: Hub) throws -> Hub {
        guard let found = try? AccountStore.hub(wanted.name, database) else {
            try AccountStore.insert(wanted, database)
            report.created.append("hub \(wanted.name)")
            changes.append(.hubCreated(wanted.name))
            return try AccountStore.hub(wanted.name, database)
        }
        let isSame =
            found.note == wanted.note && found.isEnabled == wanted.isEnabled
            && found.policy == wanted.policy && found.preSharedKey == wanted.preSharedKey
            && found.name.description == wanted.name.description
        guard !isSame else { return found }
        var hub = wanted
        hub.id = found.id
        try AccountStore.update(hub, database)
        report.changed.append("hub \(hub.name)")
        changes.append(.hubChanged(hub.name))
        return try AccountStore.hub(wanted.name, database)
    }

    private mutating func remove(_ before: StateDocument.HubState, missingIn wanted: StateDocument.HubState)
        throws
    {
        let hub = before.hub
        let users = Set(wanted.users.map(\.user.name))
        for user in before.users.map(\.user) where !users.contains(user.name) {
            try database.execute(sql: "DELETE FROM user WHERE id = ?", arguments: [user.id])
            report.deleted.append("user \(user.name)@\(hub.name)")
            changes.append(.userDeleted(hub.name, user.name))
        }
        for bridge in before.bridges where !wanted.bridges.contains(where: { $0.isSame(as: bridge) }) {
            try AccountStore.deleteBridge(bridge.device, database)
            report.deleted.append("bridge \(bridge.device) of \(hub.name)")
            changes.append(.bridgesChanged(hub.name))
        }
        try database.execute(
            sql: "UPDATE user SET address = NULL, certificate = NULL WHERE hub = ?", arguments: [hub.id])
        try database.execute(
            sql: "DELETE FROM ike_identity WHERE user IN (SELECT id FROM user WHERE hub = ?)",
            arguments: [hub.id])
    }

    private mutating func settleGroups(_ wanted: StateDocument.HubState, _ before: StateDocument.HubState)
        throws
    {
        let hub = before.hub
        let named = Set(wanted.groups.map(\.name)).union(wanted.users.compactMap(\.user.group))
        for group in before.groups where !named.contains(group.name) {
            try AccountStore.deleteGroup(group.name, in: hub, database)
            report.deleted.append("group \(group.name) of \(hub.name)")
            changes.append(.groupChanged(hub.name, group.name))
        }
        for name in named.sorted(by: { $0.key < $1.key }) {
            let group = wanted.groups.first { $0.name == name } ?? Group(hub: hub.name, name: name)
            let found = before.groups.first { $0.name == name }
            guard found == nil || found?.note != group.note || found?.policy != group.policy else { continue }
            try AccountStore.setGroup(group, in: hub, database)
            let line = "group \(name) of \(hub.name)"
            if found == nil { report.created.append(line) } else { report.changed.append(line) }
            changes.append(.groupChanged(hub.name, name))
        }
    }

    private mutating func settleUsers(_ wanted: StateDocument.HubState, _ before: StateDocument.HubState)
        throws
    {
        let hub = before.hub
        let found = Dictionary(uniqueKeysWithValues: before.users.map { ($0.user.name, $0) })
        for state in wanted.users {
            let line = "user \(state.user.name)@\(hub.name)"
            guard let old = found[state.user.name] else {
                try AccountStore.insert(state.user, password: state.storedPassword, into: hub, database)
                report.created.append(line)
                changes.append(.userCreated(hub.name, state.user.name))
                continue
            }
            var user = state.user
            user.id = old.user.id
            user.hasPassword = state.storedPassword != nil
            // Also where nothing changed, since addresses and identities were taken away above.
            try AccountStore.update(user, in: hub, database)
            let isRenamed = user.name.description != old.user.name.description
            let hasNewPassword = state.storedPassword != old.storedPassword
            guard user != old.user || isRenamed || hasNewPassword else { continue }
            try AccountStore.setPassword(state.storedPassword, of: user, database)
            report.changed.append(line)
            changes.append(.userChanged(hub.name, user.name))
        }
    }

    private mutating func settleBridges(_ wanted: StateDocument.HubState, _ before: StateDocument.HubState)
        throws
    {
        let hub = before.hub
        for bridge in wanted.bridges where !before.bridges.contains(where: { $0.isSame(as: bridge) }) {
            try AccountStore.insert(bridge, into: hub, database)
            report.created.append("bridge \(bridge.device) of \(hub.name)")
            changes.append(.bridgesChanged(hub.name))
        }
    }

    private mutating func settleNAT(_ wanted: StateDocument.HubState, _ before: StateDocument.HubState) throws
    {
        guard wanted.nat != before.nat else { return }
        try AccountStore.setNAT(wanted.nat, of: before.hub, database)
        let line = "nat of \(before.hub.name)"
        switch (before.nat, wanted.nat) {
        case (nil, _): report.created.append(line)
        case (_, nil): report.deleted.append(line)
        case (_?, _?): report.changed.append(line)
        }
        changes.append(.natChanged(before.hub.name))
    }
}

extension StateDocument.UserState {
    fileprivate var storedPassword: String? {
        if case .hashed(let hash) = password { hash.description } else { nil }
    }
}

extension Bridge {
    fileprivate func isSame(as other: Bridge) -> Bool { kind == other.kind && device == other.device }
}
