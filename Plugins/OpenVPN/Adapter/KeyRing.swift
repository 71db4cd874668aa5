import OpenVPNCore
import PluginKit

/// The keys that clients know by their profiles, so they have to outlive a restart: made once, kept by the
/// host.
struct KeyRing: Sendable {
    let tlsCrypt: StaticKey
    let tlsAuth: StaticKey
    let tlsCryptV2: TLSCryptV2ServerKey

    init(from host: HostServices) throws {
        tlsCrypt = try Self.key("tls-crypt", StaticKey.length, host) { StaticKey(octets: $0) }
        tlsAuth = try Self.key("tls-auth", StaticKey.length, host) { StaticKey(octets: $0) }
        tlsCryptV2 = try Self.key("tls-crypt-v2-server", TLSCryptV2ServerKey.length, host) {
            TLSCryptV2ServerKey(octets: $0)
        }
    }

    private static func key<Key>(
        _ name: String, _ length: Int, _ host: HostServices, _ make: ([UInt8]) -> Key?
    ) throws -> Key {
        if let stored = try host.stored(name) {
            guard let key = make(stored) else {
                throw ModuleFailure("the stored \(name) key has \(stored.count) octets instead of \(length)")
            }
            return key
        }
        let octets = try host.random(length)
        guard let key = make(octets) else { throw ModuleFailure("no \(name) key can be made") }
        try host.store(octets, as: name)
        host.log(.info, "made a key name=\(name)")
        return key
    }
}
