import IKEPeer
import OpenSSL
import SeededGenerators
import Testing
import Wire

@testable import IKEv1

@Suite struct AggressiveModeTests {
    private func site(_ change: (inout IKEOptions) -> Void = { _ in }) throws -> Site {
        try Site { options in
            options.allowsAggressiveMode = true
            change(&options)
        }
    }

    /// With SAs, if it got them.
    private func connected(
        _ site: Site, _ host: UInt32 = 2, _ change: (IKEPeer) -> Void = { _ in }
    ) throws -> IKEPeer {
        let peer = site.peer(host)
        change(peer)
        try site.send(peer.startAggressively(), from: peer)
        if peer.isEstablished { try site.send(peer.startQuickMode(), from: peer) }
        return peer
    }

    @Test(arguments: [true, false])
    func `three messages establish an ISAKMP SA, the last one encrypted or not`(_ encrypts: Bool) throws {
        let site = try site()
        let peer = try connected(site) { $0.encryptsProof = encrypts }
        #expect(
            peer.transcript == [
                "SA, KE, Ni, IDii -->", "<-- SA, KE, Nr, IDir, HASH_R", "HASH_I -->", "HASH(1), SA, Ni -->",
                "<-- HASH(2), SA, Nr", "HASH(3) -->",
            ])
        let (ours, theirs) = (try #require(site.installed.first), try #require(peer.children.first))
        #expect(octets(ours.inboundKeys) == octets(theirs.outboundKeys))
        #expect(ours.identity == peer.identity && ours.nat.isEmpty)
        #expect(site.server.halfOpenCount == 0 && site.server.malformed == 0 && site.server.unauthentic == 0)
    }

    @Test func `nobody is answered unless the administrator wants it`() throws {
        let site = try Site()
        let peer = try connected(site)
        #expect(peer.transcript == ["SA, KE, Ni, IDii -->"])
        #expect(site.log.contains { $0.contains("aggressive mode") } && site.server.saCount == 0)
    }

    @Test func `each identity has its own key, and everybody else the server's`() throws {
        let site = try site()
        let own = SecretBytes(copying: Array("the key of one".utf8))
        site.server.setPeerKeys([KeyRing.PeerKey(identity: "one.example", key: own, hub: "A")])
        let one = try connected(site, 10) {
            $0.identity = Identification(.fqdn, Array("One.example".utf8))
            $0.preSharedKey = own
        }
        #expect(one.isEstablished && site.installed.last?.hub == "A")
        #expect(try connected(site, 11).isEstablished && site.installed.last?.hub == nil)
        let thief = try connected(site, 12) { $0.identity = Identification(.fqdn, Array("one.example".utf8)) }
        #expect(!thief.isEstablished && site.installed.count == 2)
        #expect(site.server.unauthentic == 1)
    }

    @Test func `a message that was lost is made up for by the peer's next one`() throws {
        for lost in 1...3 {
            let site = try site()
            var (count, sent): (Int, [[UInt8]]) = (0, [])
            site.arrives = { isServers, octets in
                if !isServers { sent.append(octets) }
                count += 1
                return count != lost
            }
            let peer = try connected(site)
            // The first message again; or quick mode's, when the proof was lost.
            try site.send(try #require(sent.last), from: peer)
            if peer.children.isEmpty { try site.send(peer.startQuickMode(), from: peer) }
            #expect(peer.children.count == 1, "message \(lost) was lost")
            #expect(site.server.saCount == 1)
        }
    }

    @Test func `a NAT is found by what the proof says of addresses`() throws {
        let site = try site()
        _ = try connected(site) {
            $0.claimedAddress = TransportAddress(ipv4: 0x0a00_0001, port: 500)
            $0.suite = PhaseTwoSuite(
                .cbc(.aes256CBC, .sha256), EncapsulationMode(isTunnel: false, isInUDP: true))
        }
        #expect(site.installed.first?.nat == .peerIsBehind)
    }

    @Test func `addresses that prove nothing hold a quarter of the places, and for a while`() throws {
        let site = try site { $0.maxHalfOpen = 40 }
        site.arrives = { isServers, _ in !isServers }
        for host in 1...100 { _ = try connected(site, UInt32(host) << 8) }
        #expect(site.server.halfOpenCount == 10)
        site.arrives = { _, _ in true }
        #expect(try site.connected(7).isEstablished)
        try site.wait(.seconds(25))
        #expect(site.server.halfOpenCount == 0 && site.server.saCount == 1)
    }

    @Test func `every prefix of the first message is refused`() throws {
        let site = try site()
        let peer = site.peer()
        let octets = try peer.startAggressively()
        for count in 0..<octets.count {
            var prefix = Array(octets.prefix(count))
            if count >= 28 {
                for (index, octet) in UInt32(count).octets.enumerated() { prefix[24 + index] = octet }
            }
            site.server.receive(prefix, from: peer.path, at: site.now)
        }
        #expect(site.server.saCount == 0)
        #expect(site.server.malformed == octets.count)
    }
}
