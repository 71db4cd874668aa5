/// Somebody wants to be let in: what he says who he is, and where he is.
public struct LoginAttempt: Sendable {
    /// `user@hub`, the last @ separating; without one the default hub is meant. Nil: none was given.
    public var name: String?
    public var defaultHub: HubName
    /// The address that he comes from, or the network that one customer has (IPv6: the /64). Failures are
    /// counted by it. Nil: not known.
    public var source: String?
    /// The `User.id` of whom the connection already is, when he is asked again: he may be nobody else.
    public var continues: Int64?

    public init(
        name: String?, defaultHub: HubName, source: String? = nil, continues: Int64? = nil
    ) {
        self.name = name
        self.defaultHub = defaultHub
        self.source = source
        self.continues = continues
    }

    /// The hub that is meant; nil: no hub can have such a name, or there is no name.
    public var hub: HubName? { login?.hub }

    /// Without a name the certificate alone tells who it is.
    var login: LoginName? { name.map { LoginName($0, defaultHub: defaultHub) } }
}

/// The user and the hub that a login's name means.
struct LoginName: Hashable, Sendable {
    /// Nil: no user can have such a name.
    let user: UserName?
    /// Nil: no hub can have such a name.
    let hub: HubName?

    /// Also as Windows writes it, `hub\user`.
    init(_ written: String, defaultHub: HubName) {
        let name = Self.plain(written)
        let at = name.lastIndex(of: "@")
        user = try? UserName(String(at.map { name[..<$0] } ?? name[...]))
        hub = at.map { try? HubName(String(name[name.index(after: $0)...])) } ?? defaultHub
    }

    private static func plain(_ name: String) -> String {
        guard !name.contains("@"), let backslash = name.firstIndex(of: "\\") else { return name }
        return "\(name[name.index(after: backslash)...])@\(name[..<backslash])"
    }
}
