/// All that is state, as it stands in a file for people: what `export` writes and `apply` reads. Leases
/// and the modules' secrets are not in it.
struct StateDocument {
    /// What `format` says in files of this kind.
    static let format = 1

    var hubs: [HubState] = []

    struct HubState {
        var hub: Hub
        var groups: [Group] = []
        var users: [UserState] = []
        var bridges: [Bridge] = []
        var nat: NATSettings?
        /// In the clear, as files have it.
        var preSharedKey: PreSharedKey?
    }

    struct UserState {
        var user: User
        var password: Password = .none
        /// What stood in the file in the clear, once it is hashed.
        var clear: ClearPassword?
        /// In the clear, as files have it.
        var preSharedKey: PreSharedKey?
    }

    enum Password {
        case none
        case hashed(PasswordHash)
        /// Files that people write may have it; files that we write never do.
        case clear(ClearPassword)
    }
}

/// What applying a file changed, by name: `hub Office`, `user alice@Office`.
public struct AppliedChanges: Hashable, Sendable {
    public internal(set) var created: [String] = []
    public internal(set) var changed: [String] = []
    public internal(set) var deleted: [String] = []
}
