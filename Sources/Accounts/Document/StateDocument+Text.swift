import Foundation
import Policy

extension StateDocument {
    private static let heading = """
        # The state of a Polyhub server, for `polyhubctl apply`: what is not in the file will be deleted.
        # It holds password hashes and pre-shared keys: keep it from other people's eyes. In place of a
        # password_hash, password = "..." is accepted too.
        format = \(format)

        """

    /// TOML, in which what has its usual value is left out.
    var text: String {
        var text = Self.heading
        for state in hubs {
            text += "\n[[hub]]\n" + Self.line("name", state.hub.name.description)
            text += Self.line("note", state.hub.note) + Self.line("enabled", state.hub.isEnabled)
            text += Self.line(state.preSharedKey) + Self.line(state.hub.policy)
            for group in state.groups {
                text +=
                    "\n[[hub.group]]\n" + Self.line("name", group.name.description)
                    + Self.line("note", group.note) + Self.line(group.policy)
            }
            for user in state.users { text += "\n[[hub.user]]\n" + Self.lines(user) }
            for bridge in state.bridges {
                text += "\n[[hub.bridge]]\n" + Self.line(bridge.kind.rawValue, bridge.device)
            }
            if let nat = state.nat {
                text += "\n[hub.nat]\n" + Self.line("network", nat.network.description)
                text += Self.line("engine", nat.engine.rawValue) + Self.line("enabled", nat.isEnabled)
            }
        }
        return text
    }

    private static func lines(_ state: UserState) -> String {
        let user = state.user
        var text = line("name", user.name.description)
        text += line("group", user.group?.description ?? "") + line("note", user.note)
        text += line("enabled", user.isEnabled) + line("expires", user.expires?.formatted(.iso8601) ?? "")
        text += line("address", user.addressText ?? "")
        text += line("certificate", user.certificate?.description ?? "")
        text += line("ike_id", user.ikeIdentity?.description ?? "") + line(state.preSharedKey)
        text += line(user.policy)
        if case .hashed(let hash) = state.password { text += line("password_hash", hash.description) }
        return text
    }

    private static func line(_ key: String, _ value: String) -> String {
        value.isEmpty ? "" : "\(key) = \(quoted(value))\n"
    }

    private static func line(_ key: PreSharedKey?) -> String {
        key.map { line("psk", String(decoding: $0.octets, as: UTF8.self)) } ?? ""
    }

    /// An inline table.
    private static func line(_ policy: PolicySettings) -> String {
        guard !policy.isEmpty else { return "" }
        let pairs = policy.all.map { setting, value in
            switch setting.kind {
            case .permission: "\(setting.rawValue) = \(value != 0)"
            case .limit: "\(setting.rawValue) = \(value)"
            }
        }
        return "policy = { \(pairs.joined(separator: ", ")) }\n"
    }

    private static func line(_ key: String, _ value: Bool) -> String { value ? "" : "\(key) = false\n" }

    /// A basic string, TOML 1.0 "String".
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22, 0x5c: result += "\\" + String(scalar)
            case 0..<0x20, 0x7f:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
