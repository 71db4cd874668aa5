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
        /// Hubs of which was said that their key confines nobody.
        var doubted: Set<String> = []
    }

    /// [control] Fetches them from a host that has them.
    func fetch(from host: HostServices, own: [SecretBytes]) throws {
        guard host.capabilities.contains(.preSharedKeys) else { return }
        var given = try host.preSharedKeys()
        let keys = given.indices.map { index in
            defer { wipe(&given[index].key) }
            return KeyRing.PeerKey(
                identity: given[index].identity, key: SecretBytes(copying: given[index].key),
                hub: given[index].hub)
        }
        let ring = KeyRing(own: own, peers: keys)
        let count = ring.keyCount
        if count > KeyRing.maxCandidates {
            host.log(
                .warn,
                "main mode tries \(KeyRing.maxCandidates) pre-shared keys and there are more: routers need "
                    + "an identity that is their address, or aggressive mode count=\(count)")
        }
        let doubted = state.withLock { state in
            state.generation += 1
            state.keys = keys
            defer { state.doubted = ring.unconfinedHubs }
            return ring.unconfinedHubs.subtracting(state.doubted)
        }
        for hub in doubted.sorted() {
            host.log(
                .warn, "the hub's pre-shared key is the server's too, so it leads to every hub hub=\(hub)")
        }
    }

    /// [lane] Nil: those of this generation are still right.
    func newer(than generation: Int) -> (generation: Int, keys: [KeyRing.PeerKey])? {
        state.withLock { $0.generation > generation ? ($0.generation, $0.keys) : nil }
    }
}
