import Accounts
import ControlRequests
import Foundation
import Policy
import Wire

func hubMethods(_ store: AccountStore, _ runtime: any ServerRuntime) -> [ControlMethod] {
    [
        ControlMethod(HubCreate.self) { request in
            var hub = Hub(name: try HubName(request.hub))
            hub.note = request.note ?? ""
            try hub.policy.apply(request.policy)
            hub.preSharedKey = try store.seal(request.psk, former: nil)
            try store.createHub(hub)
            return HubRow(try store.hub(hub.name))
        },
        ControlMethod(HubSet.self) { request in
            let name = try HubName(request.hub)
            try store.updateHub(name) { hub in
                hub.note = request.note ?? hub.note
                hub.isEnabled = request.enabled ?? hub.isEnabled
                try hub.policy.apply(request.policy)
                hub.preSharedKey = try store.seal(request.psk, former: hub.preSharedKey)
            }
            return HubRow(try store.hub(name))
        },
        ControlMethod(HubDelete.self) { request in
            try store.deleteHub(HubName(request.hub))
            return Done()
        },
        ControlMethod(HubList.self) { _ in try store.hubs().map(HubRow.init) },
        ControlMethod(HubShow.self) { request in
            let hub = try store.hub(HubName(request.hub))
            let name = hub.name.description
            return HubDetail(
                hub: HubRow(hub), sessions: try await runtime.sessions(hub: name).count,
                macs: try await runtime.macTable(hub: name).count,
                bridges: try await runtime.bridges(hub: name),
                nat: try await runtime.nat(hub: name))
        },
    ]
}

func userMethods(_ store: AccountStore) -> [ControlMethod] {
    [
        ControlMethod(UserCreate.self) { request in
            var user = User(hub: try HubName(request.hub), name: try UserName(request.user))
            try request.fields?.apply(to: &user, store)
            try store.createUser(user, password: request.password.map { try ClearPassword($0) })
            return UserRow(try store.user(user.name, in: user.hub))
        },
        ControlMethod(UserSet.self) { request in
            let (hub, name) = (try HubName(request.hub), try UserName(request.user))
            try store.updateUser(name, in: hub) { try request.fields.apply(to: &$0, store) }
            return UserRow(try store.user(name, in: hub))
        },
        ControlMethod(UserPassword.self) { request in
            try store.setPassword(
                ClearPassword(request.password), of: UserName(request.user), in: HubName(request.hub))
            return Done()
        },
        ControlMethod(UserDelete.self) { request in
            try store.deleteUser(UserName(request.user), in: HubName(request.hub))
            return Done()
        },
        ControlMethod(UserList.self) { request in
            try store.users(in: HubName(request.hub)).map(UserRow.init)
        },
        ControlMethod(UserShow.self) { request in
            let (hub, name) = (try HubName(request.hub), try UserName(request.user))
            var row = UserRow(try store.user(name, in: hub))
            row.policyInEffect = PolicySettings(inEffect: try store.policyLevels(of: name, in: hub))
            return row
        },
    ]
}

func groupMethods(_ store: AccountStore) -> [ControlMethod] {
    [
        ControlMethod(GroupCreate.self) { request in
            let (hub, name) = (try HubName(request.hub), try UserName(request.group))
            var policy = PolicySettings()
            try policy.apply(request.policy)
            try store.createGroup(name, note: request.note ?? "", policy: policy, in: hub)
            return Done()
        },
        ControlMethod(GroupSet.self) { request in
            let (hub, name) = (try HubName(request.hub), try UserName(request.group))
            var row: GroupRow?
            try store.updateGroup(name, in: hub) { group in
                group.note = request.note ?? group.note
                try group.policy.apply(request.policy)
                row = GroupRow(group)
            }
            guard let row else { throw ControlError(.internalError, "group \(name) is gone again") }
            return row
        },
        ControlMethod(GroupDelete.self) { request in
            try store.deleteGroup(UserName(request.group), in: HubName(request.hub))
            return Done()
        },
        ControlMethod(GroupList.self) { request in
            try store.groups(in: HubName(request.hub)).map(GroupRow.init)
        },
    ]
}

extension HubRow {
    init(_ hub: Hub) {
        self.init(
            name: hub.name.description, enabled: hub.isEnabled, note: hub.note, users: hub.users,
            groups: hub.groups)
        policy = hub.policy
        psk = hub.preSharedKey.map { _ in true }
    }
}

extension AccountStore {
    /// What was asked for; nil: the former one stays, empty: there is none any more.
    fileprivate func seal(_ text: String?, former: SealedKey?) throws(AccountError) -> SealedKey? {
        guard let text else { return former }
        return text.isEmpty ? nil : try seal(PreSharedKey(text))
    }
}

extension GroupRow {
    init(_ group: Group) {
        self.init(
            name: group.name.description, members: group.members, note: group.note, policy: group.policy)
    }
}

extension PolicySettings {
    fileprivate mutating func apply(_ assignments: [String]?) throws(AccountError) {
        for assignment in assignments ?? [] {
            do throws(PolicyFault) { try set(assignment) } catch { throw AccountError(error) }
        }
    }
}

extension UserRow {
    init(_ user: User) {
        self.init(
            hub: user.hub.description, name: user.name.description, group: user.group?.description,
            enabled: user.isEnabled, password: user.hasPassword, note: user.note)
        expires = user.expires?.formatted(.iso8601)
        address = user.addressText
        certificate = user.certificate?.description
        ikeID = user.ikeIdentity?.description
        psk = user.preSharedKey.map { _ in true }
        policy = user.policy
    }
}

extension UserFields {
    func apply(to user: inout User, _ store: AccountStore) throws(AccountError) {
        if let note { user.note = note }
        if let enabled { user.isEnabled = enabled }
        if let group { user.group = group.isEmpty ? nil : try UserName(group) }
        if let expires { user.expires = try Expiry(expires).moment }
        if let certificate {
            user.certificate = certificate.isEmpty ? nil : try CertificateIdentity(certificate)
        }
        if let ikeID { user.ikeIdentity = ikeID.isEmpty ? nil : try IKEIdentity(ikeID) }
        user.preSharedKey = try store.seal(psk, former: user.preSharedKey)
        try user.policy.apply(policy)
        if let address { try user.setAddress(address) }
    }
}
