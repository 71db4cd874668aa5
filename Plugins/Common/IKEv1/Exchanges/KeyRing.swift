public import OpenSSL

/// Which pre-shared key belongs to whom.
///
/// An identity that has a key of its own is proved by no other key (by a certificate it is). Everybody else
/// has the server's keys, or one that leads to a certain hub. In main mode the identity comes encrypted under
/// what the key has made, so that keys are tried one after the other; in aggressive mode it comes first, and
/// one key is looked up.
public struct KeyRing: Sendable {
    /// Keys that are tried for one proof in main mode: about a millisecond of work.
    public static let maxCandidates = 64

    /// A key that the server does not have for everybody.
    public struct PeerKey: Sendable {
        /// As administrators write it. Empty: for all identities that have no key of their own.
        public var identity: String
        public var key: SecretBytes
        /// The only hub that the key leads to.
        public var hub: String

        public init(identity: String, key: SecretBytes, hub: String) {
            self.identity = identity
            self.key = key
            self.hub = hub
        }
    }

    /// By what somebody has proved who he is, and what he may by that.
    public struct Scope: Hashable, Sendable {
        /// The only hubs: of everybody whose key it is. Nil: any.
        public let hubs: Set<String>?
        /// Nil: a pre-shared key was the proof.
        public let certificate: PeerCertificate?

        init(hubs: Set<String>?, certificate: PeerCertificate? = nil) {
            self.hubs = hubs
            self.certificate = certificate
        }
    }

    private let own: [SecretBytes]
    private var named: [String: PeerKey] = [:]
    private var shared: [PeerKey] = []
    /// All keys, each once: the server's, those of hubs, those of identities.
    private let all: [SecretBytes]

    public init(own: [SecretBytes], peers: [PeerKey] = []) {
        self.own = own
        for peer in peers {
            if peer.identity.isEmpty {
                shared.append(peer)
            } else {
                named[peer.identity.lowercased()] = peer
            }
        }
        var seen: Set<Distinct> = []
        all = (own + shared.map(\.key) + peers.map(\.key)).filter { seen.insert(Distinct(key: $0)).inserted }
    }

    /// What main mode can tell apart, where nobody comes from an address that is an identity.
    public var keyCount: Int { all.count }

    /// Hubs whose key is the server's as well, so that it leads everywhere.
    public var unconfinedHubs: Set<String> { Set(shared.filter { isOwn($0.key) }.map(\.hub)) }

    private func isOwn(_ key: SecretBytes) -> Bool { own.contains { $0.isSame(as: key) } }

    /// What to try in main mode: where the address is an identity that has a key, that one first.
    func candidates(for address: Identification) -> [SecretBytes] {
        let first = named[address.text].map { [$0.key] } ?? []
        return first + all.prefix(Self.maxCandidates - first.count)
    }

    /// The key of an identity.
    func key(of identity: Identification) -> (key: SecretBytes, scope: Scope)? {
        if let peer = named[identity.text.lowercased()] { return (peer.key, Scope(hubs: [peer.hub])) }
        return own.first.map { ($0, Scope(hubs: nil)) }
    }

    /// Nil: this key is not one that proves this identity.
    func scope(of identity: Identification, provedBy key: SecretBytes) -> Scope? {
        if let peer = named[identity.text.lowercased()] {
            return peer.key.isSame(as: key) ? Scope(hubs: [peer.hub]) : nil
        }
        if isOwn(key) { return Scope(hubs: nil) }
        let hubs = Set(shared.filter { $0.key.isSame(as: key) }.map(\.hub))
        return hubs.isEmpty ? nil : Scope(hubs: hubs)
    }
}

/// A key in a set.
private struct Distinct: Hashable {
    let key: SecretBytes

    static func == (left: Self, right: Self) -> Bool { left.key.isSame(as: right.key) }

    func hash(into hasher: inout Hasher) {
        let bytes = key.bytes
        for index in bytes.byteOffsets {
            hasher.combine(unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))
        }
    }
}

extension SecretBytes {
    fileprivate func isSame(as other: SecretBytes) -> Bool { constantTimeEquals(bytes, other.bytes) }
}
