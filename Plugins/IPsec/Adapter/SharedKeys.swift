import IKEv1
import OpenSSL
import PluginKit
import Synchronization

/// The pre-shared keys of hubs and users on their way from the host to the lanes.
final class SharedKeys: Sendable {
    private let state = Mutex(State())

    private struct State {
        var generation = 0
        var keys: [KeyRing.PeerKey] = []
    }

    /// [control] Fetches them from a host that has them.
    func fetch(from host: HostServices, own: Int) throws {
        guard host.capabilities.contains(.preSharedKeys) else { return }
        let keys = try host.preSharedKeys().map { given in
            KeyRing.PeerKey(identity: given.identity, key: SecretBytes(copying: given.key), hub: given.hub)
        }
        let count = own + Set(keys.map { Array(copying: $0.key.bytes) }).count
        if count > KeyRing.maxCandidates {
            host.log(
                .warn,
                "main mode tries \(KeyRing.maxCandidates) pre-shared keys and there are more: routers need "
                    + "an identity that is their address, or aggressive mode count=\(count)")
        }
        state.withLock { state in
            state.generation += 1
            state.keys = keys
        }
    }

    /// [lane] Nil: those of this generation are still right.
    func newer(than generation: Int) -> (generation: Int, keys: [KeyRing.PeerKey])? {
        state.withLock { $0.generation > generation ? ($0.generation, $0.keys) : nil }
    }
}
