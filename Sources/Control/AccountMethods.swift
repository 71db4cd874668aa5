import Accounts
import ControlRequests
import Foundation
import Wire

func hubMethods(_ store: AccountStore, _ runtime: any ServerRuntime) -> [ControlMethod] {
    [
        ControlMethod(HubCreate.self) { request in
            var hub = Hub(name: try HubName(request.hub))
            hub.note = request.note ?? ""
            try store.createHub(hub)
            return HubRow(try store.hub(hub.name))
        },
        ControlMethod(HubSet.self) { request in
            let name = try HubName(request.hub)
            try store.updateHub(name) { hub in
                hub.note = request.note ?? hub.note
                hub.isEnabled = request.enabled ?? hub.isEnabled
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
            try request.fields?.apply(to: &user)
            try store.createUser(user, password: request.password.map { try ClearPassword($0) })
            return UserRow(try store.user(user.name, in: user.hub))
        },
        ControlMethod(UserSet.self) { request in
            let (hub, name) = (try HubName(request.hub), try UserName(request.user))
            try store.updateUser(name, in: hub) { try request.fields.apply(to: &$0) }
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
            UserRow(try store.user(UserName(request.user), in: HubName(request.hub)))
        },
    ]
}

func groupMethods(_ store: AccountStore) -> [ControlMethod] {
    [
        ControlMethod(GroupCreate.self) { request in
            let (hub, name) = (try HubName(request.hub), try UserName(request.group))
            try store.createGroup(name, note: request.note ?? "", in: hub)
            return Done()
        },
        ControlMethod(GroupDelete.self) { request in
            try store.deleteGroup(UserName(request.group), in: HubName(request.hub))
            return Done()
        },
        ControlMethod(GroupList.self) { request in
            try store.groups(in: HubName(request.hub)).map { group in
                GroupRow(name: group.name.description, members: group.members, note: group.note)
            }
        },
    ]
}

extension HubRow {
    init(_ hub: Hub) {
        self.init(
            name: hub.name.description, enabled: hub.isEnabled, note: hub.note, users: hub.users,
            groups: hub.groups)
    }
}

extension UserRow {
    init(_ user: User) {
        self.init(
            hub: user.hub.description, name: user.name.description, group: user.group?.description,
            enabled: user.isEnabled, password: user.hasPassword, note: user.note)
        expires = user.expires?.formatted(.iso8601)
        address = user.address?.description
        certificate = user.certificate?.description
        ikeID = user.ikeIdentity?.description
    }
}

extension UserFields {
    func apply(to user: inout User) throws(AccountError) {
        if let note { user.note = note }
        if let enabled { user.isEnabled = enabled }
        if let group { user.group = group.isEmpty ? nil : try UserName(group) }
        if let expires { user.expires = try Expiry(expires).moment }
        if let certificate {
            user.certificate = certificate.isEmpty ? nil : try CertificateIdentity(certificate)
        }
        if let ikeID { user.ikeIdentity = ikeID.isEmpty ? nil : try IKEIdentity(ikeID) }
        if let address {
            let parsed = IPv4Address(address)
            guard parsed != nil || address.isEmpty else {
                throw AccountError(
                    .invalid, "\"\(address.prefix(40))\" is no address: one like 192.168.30.50 is accepted")
            }
            user.address = parsed
        }
    }
}
