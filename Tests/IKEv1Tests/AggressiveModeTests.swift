import IKEPeer
import OpenSSL
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
        #expect(one.isEstablished && site.installed.last?.scope.hubs == ["A"])
        #expect(try connected(site, 11).isEstablished && site.installed.last?.scope.hubs == nil)
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

    @Test(arguments: DiffieHellmanGroup.allCases)
    func `nobody gets an exchange in a group that costs much for an address that may be forged`(
        _ group: DiffieHellmanGroup
    ) throws {
        let site = try site()
        let peer = try connected(site) { $0.offers = [PhaseOneSuite(.aes256CBC, .sha256, group)] }
        let costly: Set<DiffieHellmanGroup> = [.modp3072, .modp4096, .modp6144, .modp8192]
        #expect(peer.isEstablished == !costly.contains(group))
        #expect(site.log.contains { $0.contains("no proposal chosen") } == costly.contains(group))
    }

    @Test func `a flood is answered a hundred times, and then fifty times a second`() throws {
        let site = try site()
        var (answers, first): (Int, [UInt8]) = (0, [])
        site.arrives = { isServers, octets in
            if isServers { answers += 1 } else if first.isEmpty { first = octets }
            return !isServers
        }
        for host in 1...120 { _ = try connected(site, UInt32(host) << 8) }
        #expect(answers == 100 && site.server.saCount == 100)
        try site.wait(.seconds(1))
        for host in 121...200 { _ = try connected(site, UInt32(host) << 8) }
        #expect(answers == 150)
        // One that comes again counts, too: it may be somebody else who gets the answers.
        try site.send(first, from: try #require(site.peers.first))
        #expect(answers == 150)
        try site.wait(.milliseconds(20))
        for _ in 0..<2 { try site.send(first, from: try #require(site.peers.first)) }
        #expect(answers == 151)
        // Main mode goes on.
        site.arrives = { _, _ in true }
        #expect(try site.connected(7).isEstablished)
        try site.wait(.seconds(2))
        #expect(try connected(site, 8).isEstablished)
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

    /// libreswan 4.10: the key id `LAB`, and an octet behind the last payload, to a multiple of four.
    private static let libreswan =
        "c443c050b8bf209800000000000000000110040000000000000002000400003800000001000000010000002c"
        + "000100010000002400010000800b0001800c70808001000780020004800300018004000e800e01000a000104"
        + "645330116ef7faf38d90eeba5462b23b1fbb20d90bbe484fb260349874144d4a86d7fd659403dd344b12421b"
        + "0324552ffb50fab1ac2f0a56fe5f107a362f1b2175be31471b25a66c19de46fdb9ba1c64a04169d926919399"
        + "5f6fd2dfae8d4943e85d61ce560f0ae57614c3e3770ae1fc2a52dbe90c61ffc668c44aa5f015062f2e17c56e"
        + "a4767325095e8e5f2c38edad9d6d3d0ff4316e9fdc4b8c4cc1b07413a6cd6335a7451535223a357dc5c475f8"
        + "24934a0a134e1454d708597bb8b66bb7806434dcb10f71cf04e22ad4c7abf4e15fa0abceca8dc420b145cb56"
        + "4b8b9109aa1c8f899531acae766c8ee90220c3302968ccdb7c2b3e12e1a09039dc3c718905000024e2bddbfa"
        + "a8937631ccb00716dcc8bf69ffb3c8c19b39a26c87ad9bb7f46004e90d00000b0b0000004c41420d00001440"
        + "48b7d56ebce88525e7de7f00d6c2d30d000014afcad71368a1f1c96b8696fc775701000d0000144a131c8107"
        + "0358455c5728f20e95452f0d0000147d9419a65310ca6f2c179d9215529d560d00001490cb80913ebb696e08"
        + "6381b5ec427b1f00000014cd60464335df21f87cfdb2fc68b6a44800"

    @Test func `libreswan's first message is answered`() throws {
        let site = try site()
        let text = Array(Self.libreswan.utf8)
        let message = stride(from: 0, to: text.count, by: 2).compactMap { index in
            UInt8(String(decoding: text[index..<index + 2], as: UTF8.self), radix: 16)
        }
        site.server.receive(message, from: Site.path(), at: site.now)
        guard case .send(let answer, _) = site.server.nextOutput() else {
            Issue.record("no answer")
            return
        }
        var input = ByteReader(answer.rawSpan)
        let header = try ISAKMPHeader(parsing: &input)
        #expect(header.exchange == .aggressive && site.server.halfOpenCount == 1)
        let payloads = try Payload.chain(from: header.nextPayload, in: &input)
        let types = payloads.prefix(5).map(\.type)
        #expect(types == [.securityAssociation, .keyExchange, .nonce, .identification, .hash])
    }
}
