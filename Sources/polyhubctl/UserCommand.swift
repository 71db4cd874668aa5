import ArgumentParser
import ControlRequests

struct UserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Users of a hub.",
        subcommands: [Create.self, Delete.self, List.self, Show.self, Change.self, Password.self])

    struct Create: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Creates a user.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        @Argument var user: String
        @OptionGroup var password: PasswordOptions
        @OptionGroup var fields: UserFieldOptions
        @OptionGroup var key: PreSharedKeyOptions
        func validate() throws {
            guard !password.passwordStdin || !key.pskStdin else {
                throw ValidationError("Give either --password-stdin or --psk-stdin.")
            }
            guard password.isGiven || fields.certificate != nil || fields.ikeID != nil else {
                throw ValidationError(
                    "Give --password P or --password-stdin, or --certificate CN, or --ike-id ID.")
            }
        }
        func request() throws -> UserCreate {
            var given = fields.given
            given.psk = try key.read()
            return UserCreate(hub: hub, user: user, password: try password.read(), fields: given)
        }
    }

    struct Delete: RequestCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes a user and ends the user's sessions.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        @Argument var user: String
        func request() -> UserDelete { UserDelete(hub: hub, user: user) }
    }

    struct List: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the users of a hub.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        func request() -> UserList { UserList(hub: hub) }
        func show(_ users: [UserRow]) -> String {
            TextTable(
                ["USER", "GROUP", "ENABLED", "EXPIRES", "ADDRESS", "NOTE"],
                users.map { user in
                    [
                        user.name, user.group ?? "", yesOrNo(user.enabled), user.expires ?? "never",
                        user.address ?? "", user.note,
                    ]
                }
            ).text
        }
    }

    struct Show: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Shows a user.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        @Argument var user: String
        func request() -> UserShow { UserShow(hub: hub, user: user) }
        func show(_ user: UserRow) -> String {
            properties([
                ("user", user.name), ("hub", user.hub), ("group", user.group ?? ""),
                ("enabled", yesOrNo(user.enabled)), ("expires", user.expires ?? "never"),
                ("address", user.address ?? ""), ("password", user.password ? "set" : ""),
                ("certificate", user.certificate ?? ""), ("IKE identity", user.ikeID ?? ""),
                ("psk", user.psk == true ? "set" : ""),
                ("policy", user.policy.text), ("policy in effect", user.policyInEffect?.text ?? ""),
                ("note", user.note),
            ])
        }
    }

    struct Change: RequestCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Changes what is given and leaves the rest; '' takes a value away.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        @Argument var user: String
        @Flag(help: "Whether the user is let in.") var standing: Standing?
        @OptionGroup var fields: UserFieldOptions
        @OptionGroup var key: PreSharedKeyOptions
        func request() throws -> UserSet {
            var given = fields.given
            given.psk = try key.read()
            given.enabled = standing?.isEnabled
            return UserSet(hub: hub, user: user, fields: given)
        }
    }

    struct Password: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Gives a user another password.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        @Argument var user: String
        @OptionGroup var password: PasswordOptions
        func validate() throws {
            guard password.isGiven else { throw ValidationError("Give --password P or --password-stdin.") }
        }
        func request() throws -> UserPassword {
            UserPassword(hub: hub, user: user, password: try password.read() ?? "")
        }
    }
}

struct UserFieldOptions: ParsableArguments {
    @Option(help: "The user's group, which is made if it is not there.") var group: String?
    @Option(help: "2027-12-31 (through that day, UTC), 2027-12-31T12:00:00Z or never.") var expires: String?
    @Option(help: "The IPv4 address that the user always gets, perhaps with its prefix: 10.1.2.3/16.")
    var address: String?
    @Option(help: "The certificate that stands for the user: its common name, or sha256:FINGERPRINT.")
    var certificate: String?
    @Option(help: "What an IPsec peer (EtherIP) calls itself that comes as this user.") var ikeID: String?
    @Option(help: "A text for people.") var note: String?
    @OptionGroup var policy: PolicyOptions

    var given: UserFields {
        var fields = UserFields(
            group: group, expires: expires, address: address, certificate: certificate, note: note)
        fields.policy = policy.given
        fields.ikeID = ikeID
        return fields
    }
}

struct GroupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "group", abstract: "Groups of users.",
        subcommands: [Create.self, Delete.self, List.self, Change.self])

    struct Create: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Creates a group without members.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        @Argument var group: String
        @Option(help: "A text for people.") var note: String?
        @OptionGroup var policy: PolicyOptions
        func request() -> GroupCreate {
            GroupCreate(hub: hub, group: group, note: note, policy: policy.given)
        }
    }

    struct Change: RequestCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Changes what is given and leaves the rest.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        @Argument var group: String
        @Option(help: "A text for people.") var note: String?
        @OptionGroup var policy: PolicyOptions
        func request() -> GroupSet { GroupSet(hub: hub, group: group, note: note, policy: policy.given) }
    }

    struct Delete: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Deletes a group; its members stay.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        @Argument var group: String
        func request() -> GroupDelete { GroupDelete(hub: hub, group: group) }
    }

    struct List: RequestCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the groups of a hub.")
        @OptionGroup var server: ServerOptions
        @Argument var hub: String
        func request() -> GroupList { GroupList(hub: hub) }
        func show(_ groups: [GroupRow]) -> String {
            TextTable(
                ["GROUP", "MEMBERS", "POLICY", "NOTE"],
                groups.map { [$0.name, "\($0.members)", $0.policy.text, $0.note] }
            ).text
        }
    }
}
