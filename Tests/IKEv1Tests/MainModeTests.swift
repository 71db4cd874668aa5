import IKEPeer
import OpenSSL
import Testing
import Wire

@testable import IKEv1

@Suite struct MainModeTests {
    @Test func `six messages establish an ISAKMP SA, three more a pair of ESP SAs`() throws {
        let site = try Site()
        let peer = try site.connected()
        #expect(
            peer.transcript == [
                "SA -->", "<-- SA", "KE, Ni -->", "<-- KE, Nr", "IDii, HASH_I -->", "<-- IDir, HASH_R",
                "HASH(1), SA, Ni -->", "<-- HASH(2), SA, Nr", "HASH(3) -->",
            ])
        let ours = try #require(site.installed.first)
        let theirs = try #require(peer.children.first)
        #expect(site.active == [ours.spi])
        #expect(ours.spi == theirs.peerSPI && ours.peerSPI == theirs.spi)
        #expect(octets(ours.inboundKeys) == octets(theirs.outboundKeys))
        #expect(octets(ours.outboundKeys) == octets(theirs.inboundKeys))
        #expect(ours.inboundKeys.count == 64)
        #expect(ours.identity == peer.identity)
        #expect(site.server.malformed == 0 && site.server.unauthentic == 0)
    }

    @Test(arguments: DiffieHellmanGroup.allCases)
    func `every group agrees`(_ group: DiffieHellmanGroup) throws {
        let site = try Site()
        let peer = try site.connected { $0.offers = [PhaseOneSuite(.aes128CBC, .sha1, group)] }
        #expect(peer.isEstablished && peer.children.count == 1)
    }

    @Test(
        arguments: [DigestAlgorithm.sha1, .sha256, .sha384, .sha512], [CipherAlgorithm.aes128CBC, .aes256CBC])
    func `every hash serves every cipher`(_ hash: DigestAlgorithm, _ cipher: CipherAlgorithm) throws {
        let site = try Site()
        let peer = try site.connected { $0.offers = [PhaseOneSuite(cipher, hash, .ecp256)] }
        #expect(peer.isEstablished && peer.children.count == 1)
    }

    @Test func `a strong group is chosen before a weak one that stands in front of it`() throws {
        let site = try Site()
        let peer = try site.connected {
            $0.offers = [
                PhaseOneSuite(.aes256CBC, .sha1, .modp1024), PhaseOneSuite(.aes128CBC, .sha1, .modp2048),
            ]
        }
        #expect(peer.chosen?.group == .modp2048)
    }

    @Test func `an offer without anything acceptable is refused in clear`() throws {
        let site = try Site { $0.phaseOne.hashes = [.sha512] }
        let peer = site.peer()
        try site.send(peer.start(), from: peer)
        #expect(peer.transcript == ["SA -->", "<-- N(14) in clear"])
        #expect(site.server.saCount == 0)
    }

    @Test func `one of several pre-shared keys fits, and no other one`() throws {
        let site = try Site {
            $0.preSharedKeys = ["one", "two", "three"].map { SecretBytes(copying: Array($0.utf8)) }
        }
        let right = site.peer()
        right.preSharedKey = SecretBytes(copying: Array("three".utf8))
        try site.send(right.start(), from: right)
        #expect(right.isEstablished)
        let wrong = site.peer(3)
        wrong.preSharedKey = SecretBytes(copying: Array("four".utf8))
        try site.send(wrong.start(), from: wrong)
        #expect(!wrong.isEstablished)
        #expect(site.server.unauthentic == 1)
        try site.wait(.seconds(25))
        #expect(site.server.saCount == 1)
    }

    @Test func `every message may be lost once`() throws {
        for lost in 0..<6 {
            let site = try Site()
            let peer = site.peer()
            var count = 0
            var sent: [[UInt8]] = []
            site.arrives = { isServers, octets in
                if !isServers { sent.append(octets) }
                count += 1
                return count != lost + 1
            }
            try site.send(peer.start(), from: peer)
            #expect(!peer.isEstablished)
            // The peer sends its last message again.
            try site.send(try #require(sent.last), from: peer)
            #expect(peer.isEstablished, "message \(lost) was lost")
        }
    }

    @Test func `nothing is kept of a peer that only offers`() throws {
        let site = try Site()
        site.arrives = { isServers, _ in !isServers }
        for host in 1...1000 {
            let peer = site.peer(UInt32(host))
            try site.send(peer.start(), from: peer)
        }
        #expect(site.server.saCount == 0 && site.server.halfOpenCount == 0)
        #expect(site.server.deadline == nil)
    }

    @Test func `a cookie is good at its address alone, and not for long`() throws {
        let site = try Site()
        let peer = site.peer()
        var messages: [[UInt8]] = []
        site.arrives = { isServers, octets in
            if !isServers { messages.append(octets) }
            return isServers || messages.count == 1
        }
        try site.send(peer.start(), from: peer)
        let keyExchange = try #require(messages.last)
        site.server.receive(keyExchange, from: Site.path(9), at: site.now)
        #expect(site.server.saCount == 0)
        site.server.receive(keyExchange, from: peer.path, at: site.now + .seconds(61))
        #expect(site.server.saCount == 0)
        site.server.receive(keyExchange, from: peer.path, at: site.now + .seconds(5))
        #expect(site.server.saCount == 1)
    }

    @Test func `a client whose offer is known connects through a flood of made-up ones`() throws {
        let site = try Site()
        _ = try site.connected()
        let late = site.peer(3)
        var held: [[UInt8]] = []
        site.arrives = { isServers, octets in
            if isServers { held.append(octets) }
            return !isServers
        }
        try site.send(late.start(), from: late)
        for flood in 0..<10_000 {
            let attacker = IKEPeer(path: Site.path(200), random: SplitMix64(seed: UInt64(flood)))
            attacker.lifetime = .seconds(flood + 4000)
            try site.send(attacker.start(), from: attacker)
        }
        site.arrives = { _, _ in true }
        for answer in try late.receive(held[0]) { try site.send(answer, from: late) }
        #expect(late.isEstablished)
    }

    @Test func `half-open SAs are bounded by address, and go by themselves`() throws {
        let site = try Site { $0.maxHalfOpenPerSource = 4 }
        site.arrives = { isServers, octets in octets[19] & 1 == 0 }
        for port in 1...8 {
            let peer = site.peer(2, port: UInt16(port))
            try site.send(peer.start(), from: peer)
        }
        #expect(site.server.halfOpenCount == 4)
        let other = site.peer(3)
        try site.send(other.start(), from: other)
        #expect(site.server.halfOpenCount == 5)
        try site.wait(.seconds(21))
        #expect(site.server.halfOpenCount == 0 && site.server.saCount == 0)
    }

    @Test func `a few addresses that hold all half-open places do not keep the others out`() throws {
        let site = try Site {
            $0.maxHalfOpen = 16
            $0.maxHalfOpenPerSource = 8
        }
        site.arrives = { isServers, octets in octets[19] & 1 == 0 }
        for host in 10...11 as ClosedRange<UInt32> {
            for port in 1...8 {
                let peer = site.peer(host, port: UInt16(port))
                try site.send(peer.start(), from: peer)
            }
        }
        #expect(site.server.halfOpenCount == 16)
        site.arrives = { _, _ in true }
        let peer = try site.connected(3)
        #expect(peer.isEstablished && site.server.halfOpenCount == 15)
    }

    @Test func `a NAT is seen by either side's address, and by the numbers of RFC and drafts`() throws {
        for id in [VendorID.rfc3947, .draft02WithNewline, .draft03] {
            let site = try Site()
            let peer = try site.connected {
                $0.vendorIDs = [id]
                $0.claimedAddress = TransportAddress(ipv4: 0x0a00_0001, port: 500)
                $0.suite = PhaseTwoSuite(
                    .cbc(.aes128CBC, .sha1), EncapsulationMode(isTunnel: false, isInUDP: true))
            }
            #expect(peer.children.count == 1)
            #expect(site.installed.first?.nat == .peerIsBehind)
        }
        let site = try Site()
        _ = try site.connected()
        #expect(site.installed.first?.nat == [])
    }

    @Test func `several clients behind one NAT have SAs of their own`() throws {
        let site = try Site()
        for port in 1...20 {
            let peer = site.peer(2, port: UInt16(4000 + port))
            peer.identity = Identification(.ipv4Address, [192, 168, 0, UInt8(port)])
            peer.claimedAddress = TransportAddress(ipv4: 0xc0a8_0000 + UInt32(port), port: 500)
            peer.suite = PhaseTwoSuite(
                .gcm(.aes128GCM), EncapsulationMode(isTunnel: false, isInUDP: true))
            peer.isInitialContact = true
            try site.send(peer.start(), from: peer)
            try site.send(peer.startQuickMode(), from: peer)
        }
        #expect(site.server.saCount == 20)
        #expect(Set(site.installed.map(\.spi)).count == 20 && site.removed.isEmpty)
    }

    @Test func `the port floats in the fifth message, and later ones leave by it`() throws {
        let site = try Site()
        let peer = site.peer()
        peer.claimedAddress = TransportAddress(ipv4: 0x0a00_0001, port: 500)
        peer.suite = PhaseTwoSuite(.gcm(.aes256GCM), EncapsulationMode(isTunnel: false, isInUDP: true))
        site.arrives = { isServers, octets in
            if !isServers, octets[19] & 1 == 1 {
                peer.path.remote = TransportAddress(ipv4: 0xc633_6402, port: 31_000)
                peer.path.isEncapsulated = true
            }
            return true
        }
        try site.send(peer.start(), from: peer)
        try site.send(peer.startQuickMode(), from: peer)
        #expect(peer.children.count == 1)
        #expect(site.installed.first?.path == peer.path)
    }

    @Test func `initial contact ends what the same peer had before`() throws {
        let site = try Site()
        let old = try site.connected()
        let new = site.peer()
        new.random = SplitMix64(seed: 99)
        let again = IKEPeer(path: old.path, random: SplitMix64(seed: 77))
        again.isInitialContact = true
        site.peers.append(again)
        try site.send(again.start(), from: again)
        #expect(site.server.saCount == 1)
        #expect(site.removed.values.map(\.self) == [.initialContact])
    }
}
