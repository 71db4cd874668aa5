import IKEv1
import OpenSSL
import PPPSessions
import PluginKit
import Synchronization

/// The pre-shared keys of hubs and users, and the server's certificate, on their way from the host to the
/// lanes.
final class Credentials: Sendable {
    private let state = Mutex(State())
    /// That of `state`, so that a lane asks without its lock whether there is news.
    private let generation = Atomic(0)

    struct Current {
        var generation = 0
        var keys: [KeyRing.PeerKey] = []
        /// Nil: nobody proves who he is by certificate.
        var certificates: CertificateAuthentication?
        /// What EAP-TLS presents; nil: nobody proves who he is by that.
        var tls: TLSContext?
    }

    private struct State {
        var current = Current()
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
        let doubted = change { state in
            state.current.keys = keys
            defer { state.doubted = ring.unconfinedHubs }
            return ring.unconfinedHubs.subtracting(state.doubted)
        }
        for hub in doubted.sorted() {
            host.log(
                .warn, "the hub's pre-shared key is the server's too, so it leads to every hub hub=\(hub)")
        }
    }

    /// [control] Fetches the server's certificate, if peers may have certificates of `authorities` (PEM).
    func fetchCertificate(from host: HostServices, authorities: [UInt8]?) throws {
        var certificates: CertificateAuthentication?
        if let authorities { certificates = try Self.certificates(host, authorities) }
        change { $0.current.certificates = certificates }
    }

    /// [control] Fetches the same for EAP-TLS, if that is among the methods.
    func fetchTLS(from host: HostServices) throws {
        let tls = try MethodsOption.readTLS(host)
        change { $0.current.tls = tls }
    }

    private static func certificates(
        _ host: HostServices, _ authorities: [UInt8]
    ) throws -> CertificateAuthentication {
        guard host.capabilities.contains(.certificates) else {
            throw ModuleFailure(
                "ike-client-ca needs a host that shows the server's certificate", status: .unsupported)
        }
        var own = try host.serverCertificate()
        defer { wipe(&own.key) }
        let trusted: CertificateAuthorities
        do {
            trusted = try CertificateAuthorities(pem: authorities)
        } catch {
            throw ModuleFailure("ike-client-ca: \(error.reason): a PEM file with certificates is accepted")
        }
        do {
            return CertificateAuthentication(
                own: try RSAIdentity(chain: own.chain, key: own.key), authorities: trusted)
        } catch {
            throw ModuleFailure(
                "ike-client-ca needs a server's certificate that IKEv1 can sign with, \(error): "
                    + "the first one of [tls] has to have an RSA key of 2048 to 4096 bits")
        }
    }

    /// [lane] Nil: those of this generation are still right.
    func newer(than generation: Int) -> Current? {
        guard self.generation.load(ordering: .acquiring) > generation else { return nil }
        return state.withLock { $0.current }
    }

    private func change<Result: Sendable>(_ change: (inout State) -> Result) -> Result {
        state.withLock { state in
            defer { generation.store(state.current.generation, ordering: .releasing) }
            state.current.generation += 1
            return change(&state)
        }
    }
}
