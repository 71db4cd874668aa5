import Foundation
import Policy
import Wire

extension StateDocument {
    /// Refuses what is not right with its line, its key and its value, and says what would be accepted.
    init(parsing text: String) throws(AccountError) {
        let file = try DocumentTable(parsing: text)
        try file.expect(["format", "hub"])
        guard let format = try file.number("format") else {
            throw file.refusal("format", "it is missing: format = \(Self.format) is accepted")
        }
        guard format == Self.format else {
            throw file.refusal("format", "\(format) is not known: \(Self.format) is accepted")
        }
        var names: Set<HubName> = []
        for table in try file.tables("hub", named: "hub") {
            let state = try HubState(table)
            guard names.insert(state.hub.name).inserted else {
                throw table.refusal("name", "it is there twice", .exists)
            }
            hubs.append(state)
        }
    }
}

extension StateDocument.HubState {
    fileprivate init(_ table: DocumentTable) throws(AccountError) {
        try table.expect(["name", "note", "enabled", "psk", "policy", "group", "user", "bridge", "nat"])
        let name = try table.requiredText("name")
        hub = Hub(name: try table.make("name") { () throws(AccountError) in try HubName(name) })
        hub.note = try table.text("note") ?? ""
        hub.isEnabled = try table.truth("enabled") ?? true
        preSharedKey = try table.preSharedKey()
        hub.policy = try table.policy()
        for table in try table.tables("group", named: "group") {
            let group = try Group(table, hub.name)
            guard !groups.contains(where: { $0.name == group.name }) else {
                throw table.refusal("name", "it is there twice", .exists)
            }
            groups.append(group)
        }
        var names: Set<UserName> = []
        for table in try table.tables("user", named: "user") {
            let user = try StateDocument.UserState(table, hub.name)
            guard names.insert(user.user.name).inserted else {
                throw table.refusal("name", "it is there twice", .exists)
            }
            users.append(user)
        }
        for table in try table.tables("bridge", named: "bridge") {
            bridges.append(try Bridge(table, hub.name))
        }
        nat = try table.table("nat", named: "nat").map { table throws(AccountError) in try NATSettings(table)
        }
    }
}

extension StateDocument.UserState {
    fileprivate init(_ table: DocumentTable, _ hub: HubName) throws(AccountError) {
        try table.expect([
            "name", "group", "note", "enabled", "expires", "address", "certificate", "ike_id", "psk",
            "policy", "password_hash", "password",
        ])
        let name = try table.requiredText("name")
        user = User(hub: hub, name: try table.make("name") { () throws(AccountError) in try UserName(name) })
        user.note = try table.text("note") ?? ""
        user.isEnabled = try table.truth("enabled") ?? true
        user.policy = try table.policy()
        if let text = try table.text("group") {
            user.group = try table.make("group") { () throws(AccountError) in try UserName(text) }
        }
        if let text = try table.text("expires") {
            user.expires = try table.make("expires") { () throws(AccountError) in try Expiry(text).moment }
        }
        if let text = try table.text("address") {
            try table.make("address") { () throws(AccountError) in try user.setAddress(text) }
        }
        if let text = try table.text("certificate") {
            user.certificate = try table.make("certificate") { () throws(AccountError) in
                try CertificateIdentity(text)
            }
        }
        if let text = try table.text("ike_id") {
            user.ikeIdentity = try table.make("ike_id") { () throws(AccountError) in try IKEIdentity(text) }
        }
        preSharedKey = try table.preSharedKey()
        password = try Self.password(table)
    }

    private static func password(_ table: DocumentTable) throws(AccountError) -> StateDocument.Password {
        switch (try table.text("password_hash"), try table.text("password")) {
        case (nil, nil): return .none
        case (let text?, nil):
            guard let hash = PasswordHash(text) else {
                throw table.refusal(
                    "password_hash",
                    "it is no hash of a password: one like \"$scrypt$ln=14,r=8,p=1$SALT$HASH\" is accepted, "
                        + "of up to \(PasswordHash.maximumMemory >> 20) MiB")
            }
            return .hashed(hash)
        case (nil, let text?):
            return .clear(try table.make("password") { () throws(AccountError) in try ClearPassword(text) })
        case (_?, _?):
            throw table.refusal("password", "there is a password_hash too: one of them is accepted")
        }
    }
}

extension DocumentTable {
    fileprivate func preSharedKey() throws(AccountError) -> PreSharedKey? {
        guard let text = try text("psk") else { return nil }
        return try make("psk") { () throws(AccountError) in try PreSharedKey(text) }
    }

    /// `policy = { router = true, macs = 3 }`, or a table of its own.
    fileprivate func policy() throws(AccountError) -> PolicySettings {
        var settings = PolicySettings()
        guard let table = try table("policy", named: "policy") else { return settings }
        for (key, text) in table.values {
            try table.make(key) { () throws(AccountError) in
                do throws(PolicyFault) { try settings.set(key, to: text) } catch { throw AccountError(error) }
            }
        }
        return settings
    }
}

extension Group {
    fileprivate init(_ table: DocumentTable, _ hub: HubName) throws(AccountError) {
        try table.expect(["name", "note", "policy"])
        let name = try table.requiredText("name")
        self.init(hub: hub, name: try table.make("name") { () throws(AccountError) in try UserName(name) })
        note = try table.text("note") ?? ""
        policy = try table.policy()
    }
}

extension Bridge {
    fileprivate init(_ table: DocumentTable, _ hub: HubName) throws(AccountError) {
        try table.expect(Kind.allCases.map(\.rawValue))
        var given: [(Kind, String)] = []
        for kind in Kind.allCases {
            if let device = try table.text(kind.rawValue) { given.append((kind, device)) }
        }
        guard let (kind, device) = given.first, given.count == 1 else {
            throw table.refusal("tap or interface", "one of them is accepted")
        }
        self = try table.make(kind.rawValue) { () throws(AccountError) in
            try Bridge(hub: hub, kind: kind, device: device)
        }
    }
}

extension NATSettings {
    fileprivate init(_ table: DocumentTable) throws(AccountError) {
        try table.expect(["network", "engine", "enabled"])
        self.init()
        if let text = try table.text("network") {
            network = try table.make("network") { () throws(AccountError) in try RouterNetwork(text) }
        }
        if let text = try table.text("engine") {
            engine = try table.make("engine") { () throws(AccountError) in try Engine(named: text) }
        }
        isEnabled = try table.truth("enabled") ?? true
    }
}
