import IKEv1
import OpenSSL
import PluginKit

/// Reads the options of plugins.conf. What the host cannot judge by the declarations is judged here, with a
/// sentence that names the option and what would be accepted.
struct SettingsReader {
    let host: HostServices

    func options(_ key: String) throws -> IKEOptions {
        var options = IKEOptions(preSharedKeys: try preSharedKeys(key))
        if try !host.boolean("weak-groups") {
            options.phaseOne.groups.subtract([.modp1024, .modp1536])
            options.phaseTwo.groups.subtract([.modp1024, .modp1536])
        }
        if try host.boolean("weak-ciphers") {
            options.phaseOne.ciphers.insert(.tripleDESCBC)
            options.phaseTwo.ciphers.insert(.tripleDESCBC)
        }
        options.allowsAggressiveMode = try host.boolean("aggressive-mode")
        if options.allowsAggressiveMode {
            host.log(.warn, "aggressive-mode is on: strangers are told a hash of pre-shared keys")
        }
        options.phaseOneLifetime = .seconds(try integer("ike-lifetime"))
        options.phaseTwoLifetime = .seconds(try integer("esp-lifetime"))
        options.deadPeerInterval = .seconds(try integer("dpd-interval"))
        options.maxSAs = Int(try integer("max-clients"))
        options.maxSAsPerSource = Int(try integer("max-clients-per-address"))
        return options
    }

    /// What clients are to be given: that of plugins.conf, or else one that is made once and kept.
    func preSharedKey() throws -> String {
        guard let written = try host.string("psk") else { return try ownPreSharedKey() }
        guard !written.isEmpty else {
            throw ModuleFailure("psk is empty; a long secret is accepted, or leave it out and one is made")
        }
        if written.utf8.count < Self.shortestGoodKey {
            let length = written.utf8.count
            host.log(.warn, "psk is short: who listens to a client may guess it length=\(length)")
        }
        return written
    }

    private static let shortestGoodKey = 16
    /// Letters and digits that nobody takes for each other when they type them into a telephone.
    private static let alphabet = Array("abcdefghijkmnpqrstuvwxyz23456789")

    /// 120 random bits in six groups.
    private func ownPreSharedKey() throws -> String {
        if let kept = try host.stored("psk") { return String(decoding: kept, as: UTF8.self) }
        let letters = try host.random(24).map { Self.alphabet[Int($0) % Self.alphabet.count] }
        let groups = stride(from: 0, to: letters.count, by: 4).map { String(letters[$0..<$0 + 4]) }
        let key = groups.joined(separator: "-")
        try host.store(Array(key.utf8), as: "psk")
        host.log(.info, "made a key name=psk")
        return key
    }

    private func preSharedKeys(_ first: String) throws -> [SecretBytes] {
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
