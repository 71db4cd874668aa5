import IKEv1
import OpenSSL
import PluginKit

/// Reads the options of plugins.conf. What the host cannot judge by the declarations is judged here, with a
/// sentence that names the option and what would be accepted.
struct SettingsReader {
    let host: HostServices

    func options() throws -> IKEOptions {
        var options = IKEOptions(preSharedKeys: try preSharedKeys())
        if try !host.boolean("weak-groups") {
            options.phaseOne.groups.subtract([.modp1024, .modp1536])
            options.phaseTwo.groups.subtract([.modp1024, .modp1536])
        }
        options.phaseOneLifetime = .seconds(try integer("ike-lifetime"))
        options.phaseTwoLifetime = .seconds(try integer("esp-lifetime"))
        options.deadPeerInterval = .seconds(try integer("dpd-interval"))
        options.maxSAs = Int(try integer("max-clients"))
        options.maxSAsPerSource = Int(try integer("max-clients-per-address"))
        return options
    }

    private func preSharedKeys() throws -> [SecretBytes] {
        guard let first = try host.string("psk"), !first.isEmpty else {
            throw ModuleFailure("psk is missing: section [ipsec] needs a long secret that clients know too")
        }
        let keys = [first] + (try host.strings("previous-psks"))
        guard keys.count <= IKEOptions.maxPreSharedKeys, keys.allSatisfy({ !$0.isEmpty }) else {
            throw ModuleFailure(
                "previous-psks: at most \(IKEOptions.maxPreSharedKeys - 1) keys are accepted, none empty")
        }
        return keys.map { SecretBytes(copying: Array($0.utf8)) }
    }

    private func integer(_ key: String) throws -> Int64 {
        guard let value = try host.integer(key) else { throw ModuleFailure("\(key) is missing") }
        return value
    }
}
