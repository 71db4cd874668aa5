import GRDB

extension AccountStore {
    /// Bytes of a file that is applied.
    public static let maximumDocument = 64 << 20

    /// Everything that is state, as a TOML file that `apply` takes. It holds the users' password hashes, and
    /// pre-shared keys in the clear.
    public func export() throws(AccountError) -> String {
        try read { database in
            var document = StateDocument(
                hubs: try Self.hubs(database).map { try Self.state(of: $0, database) })
            try openKeys(of: &document)
            return document.text
        }
    }

    /// Makes the state what the file says, and deletes what it does not name. All of it is done, or nothing
    /// is.
    public func apply(_ text: String) throws(AccountError) -> AppliedChanges {
        guard text.utf8.count <= Self.maximumDocument else {
            throw AccountError(
                .invalid, "the file has \(text.utf8.count) bytes: up to \(Self.maximumDocument) are accepted")
        }
        let document = try sealingKeys(of: hashingPasswords(of: StateDocument(parsing: text)))
        let report = try write { database, changes in
            var application = DocumentApplication(database: database)
            try application.apply(document)
            for state in document.hubs.flatMap(\.users) {
                guard let password = state.clear, let hub = try? Self.hub(state.user.hub, database),
                    let stored = try Self.findUser(state.user.name, in: hub, database)
                else { continue }
                let sealed = sealedVerifiers(of: stored.user.name, id: stored.user.id, password)
                try Self.setVerifiers(sealed, ofUser: stored.user.id, database)
            }
            changes += application.changes
            if !changes.isEmpty { changes.append(.peerKeysChanged) }
            return application.report
        }
        recentVerdicts.withLock { $0.forgetAll() }
        return report
    }

    static func state(of hub: Hub, _ database: Database) throws -> StateDocument.HubState {
        StateDocument.HubState(
            hub: hub, groups: try groups(in: hub, database),
            users: try users(in: hub, database).map { stored in
                StateDocument.UserState(
                    user: stored.user,
                    password: stored.password.flatMap(PasswordHash.init).map { .hashed($0) } ?? .none)
            },
            bridges: try bridges(of: hub, database), nat: try nat(of: hub, database))
    }

    /// Done before the transaction, since each takes its time. A password that the user has already keeps its
    /// hash, so that applying the same file again changes nothing.
    private func hashingPasswords(of document: StateDocument) throws(AccountError) -> StateDocument {
        var document = document
        for hub in document.hubs.indices {
            for index in document.hubs[hub].users.indices {
                let state = document.hubs[hub].users[index]
                guard case .clear(let password) = state.password else { continue }
                let current = try storedHash(of: state.user)
                let isCurrent = current?.matches(password, of: state.user.name) == true
                let hash = if isCurrent, let current { current } else { try PasswordHash(of: password) }
                document.hubs[hub].users[index].password = .hashed(hash)
                document.hubs[hub].users[index].clear = password
            }
        }
        return document
    }

    private func openKeys(of document: inout StateDocument) throws {
        for hub in document.hubs.indices {
            document.hubs[hub].preSharedKey = try opened(document.hubs[hub].hub.preSharedKey)
            for index in document.hubs[hub].users.indices {
                let sealed = document.hubs[hub].users[index].user.preSharedKey
                document.hubs[hub].users[index].preSharedKey = try opened(sealed)
            }
        }
    }

    private func sealingKeys(of document: StateDocument) throws(AccountError) -> StateDocument {
        var document = document
        let current = try storedKeys()
        for hub in document.hubs.indices {
            let state = document.hubs[hub]
            document.hubs[hub].hub.preSharedKey = try sealed(
                state.preSharedKey, former: current.hubs[state.hub.name])
            for index in state.users.indices {
                let user = state.users[index]
                document.hubs[hub].users[index].user.preSharedKey = try sealed(
                    user.preSharedKey, former: current.users[state.hub.name]?[user.user.name])
            }
        }
        return document
    }

    private typealias StoredKeys = (hubs: [HubName: SealedKey], users: [HubName: [UserName: SealedKey]])

    private func storedKeys() throws(AccountError) -> StoredKeys {
        try read { database in
            var keys: StoredKeys = ([:], [:])
            for hub in try Self.hubs(database) {
                keys.hubs[hub.name] = hub.preSharedKey
                for user in try Self.users(in: hub, database).map(\.user) where user.preSharedKey != nil {
                    keys.users[hub.name, default: [:]][user.name] = user.preSharedKey
                }
            }
            return keys
        }
    }

    private func storedHash(of user: User) throws(AccountError) -> PasswordHash? {
        try read { database in
            guard let hub = try? Self.hub(user.hub, database) else { return nil }
            return try Self.findUser(user.name, in: hub, database)?.password.flatMap(PasswordHash.init)
        }
    }
}
