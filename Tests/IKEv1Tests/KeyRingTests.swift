import IKEPeer
import OpenSSL
import Testing
import Wire

@testable import IKEv1

@Suite struct KeyRingTests {
    private func secret(_ text: String) -> SecretBytes { SecretBytes(copying: Array(text.utf8)) }

    private func key(_ identity: String, _ text: String, _ hub: String) -> KeyRing.PeerKey {
        KeyRing.PeerKey(identity: identity, key: secret(text), hub: hub)
    }

    /// The hubs that somebody is confined to; nil: he was not let in. Empty: to none.
    private func connect(_ site: Site, _ host: UInt32, _ identity: String, _ text: String) throws -> String? {
        let peer = try site.connected(host) {
            $0.identity = Identification(.fqdn, Array(identity.utf8))
            $0.preSharedKey = secret(text)
        }
        guard peer.isEstablished, let child = site.installed.last else { return nil }
        return child.scope.hubs?.sorted().joined(separator: " ") ?? ""
    }

    @Test func `a key of one's own is the only one that proves the identity`() throws {
        let site = try Site()
        site.server.setPeerKeys([
            key("one.example", "key of one", "A"), key("", "key of hub B", "B"),
            key("two.example", "key of hub B", "B"),
        ])
        #expect(try connect(site, 10, "one.example", "key of one") == "A")
        #expect(try connect(site, 11, "ONE.example", "key of one") == "A")
        #expect(try connect(site, 12, "one.example", "secret") == nil)
        #expect(try connect(site, 13, "one.example", "key of hub B") == nil)
        #expect(try connect(site, 14, "two.example", "key of one") == nil)
        #expect(try connect(site, 15, "two.example", "key of hub B") == "B")
        #expect(try connect(site, 16, "telephone", "key of hub B") == "B")
        #expect(try connect(site, 17, "telephone", "secret") == "")
        #expect(try connect(site, 18, "telephone", "key of one") == nil)
    }

    @Test func `two hubs with one key: it leads to both`() throws {
        let site = try Site()
        site.server.setPeerKeys([
            key("", "a common key", "A"), key("", "a common key", "B"), key("", "key of hub C", "C"),
        ])
        #expect(try connect(site, 10, "telephone", "a common key") == "A B")
        #expect(try connect(site, 11, "telephone", "key of hub C") == "C")
    }

    @Test func `a hub's key that is the server's too leads everywhere, and is told of`() throws {
        let peers = [key("", "secret", "A"), key("", "key of hub B", "B"), key("one.example", "secret", "C")]
        let site = try Site()
        site.server.setPeerKeys(peers)
        #expect(try connect(site, 10, "telephone", "secret") == "")
        #expect(try connect(site, 11, "telephone", "key of hub B") == "B")
        #expect(try connect(site, 12, "one.example", "secret") == "C")
        let ring = KeyRing(own: [secret("newer"), secret("secret")], peers: peers)
        #expect(ring.unconfinedHubs == ["A"])
        #expect(ring.keyCount == 3)
    }

    @Test func `keys that come later count for handshakes that come later`() throws {
        let site = try Site()
        #expect(try connect(site, 10, "one.example", "secret") == "")
        site.server.setPeerKeys([key("one.example", "key of one", "A")])
        #expect(try connect(site, 11, "one.example", "secret") == nil)
        site.server.setPeerKeys([])
        #expect(try connect(site, 12, "one.example", "secret") == "")
    }

    @Test func `so many keys are tried and no more, but that of an address first`() throws {
        let many = (0..<100).map { key("site\($0).example", "the key number \($0)", "A") }
        let ring = KeyRing(own: [secret("secret")], peers: many + [key("198.51.100.9", "of an address", "A")])
        let stranger = Identification(.ipv4Address, [198, 51, 100, 1])
        #expect(ring.keyCount == 102)
        #expect(ring.candidates(for: stranger).count == KeyRing.maxCandidates)
        let known = ring.candidates(for: Identification(.ipv4Address, [198, 51, 100, 9]))
        #expect(known.count == KeyRing.maxCandidates)
        #expect(known.first.map { Array(copying: $0.bytes) } == Array("of an address".utf8))
    }

    @Test func `who shows a wrong proof again and again is not listened to`() throws {
        let site = try Site()
        let peer = site.peer()
        peer.preSharedKey = secret("wrong")
        try site.send(peer.start(), from: peer)
        let header = ISAKMPHeader(
            peer.cookies, .identityProtection, flags: .encryption, nextPayload: .identification)
        for octet in 0..<20 {
            var octets: [UInt8] = []
            header.serialize(into: &octets, bodyLength: 64)
            octets += [UInt8](repeating: UInt8(octet), count: 64)
            try site.send(octets, from: peer)
        }
        #expect(site.server.unauthentic == 4)
    }
}
