import ESP
import IKEPeer
import OpenSSL
import Testing
import Wire

@testable import IKEv1

@Suite struct QuickModeTests {
    static let suites: [ESPSuite] = [
        .cbc(.aes128CBC, .sha1), .cbc(.aes192CBC, .sha384), .cbc(.aes256CBC, .sha512),
        .cbc(.aes256CBC, .sha256, isExtended: true), .gcm(.aes128GCM), .gcm(.aes256GCM, isExtended: true),
    ]

    @Test(arguments: suites, [nil, DiffieHellmanGroup.modp2048, .ecp384])
    func `every suite is agreed, with and without perfect forward secrecy`(
        _ suite: ESPSuite, _ group: DiffieHellmanGroup?
    ) throws {
        let site = try Site()
        let mode = EncapsulationMode(isTunnel: false, isInUDP: false)
        let peer = try site.connected { $0.suite = PhaseTwoSuite(suite, mode, group: group) }
        let (ours, theirs) = (try #require(site.installed.first), try #require(peer.children.first))
        #expect(ours.suite == peer.suite)
        #expect(octets(ours.inboundKeys) == octets(theirs.outboundKeys))
        #expect(octets(ours.outboundKeys) == octets(theirs.inboundKeys))
        #expect(ours.inboundKeys.count == suite.keyLength)
    }

    @Test func `selectors come back as they were sent`() throws {
        let site = try Site()
        let client = Identification(.ipv4Address, [10, 0, 0, 1], protocolNumber: 17, port: 1701)
        let server = Identification(.ipv4Address, [192, 0, 2, 1], protocolNumber: 17, port: 1701)
        _ = try site.connected { $0.selectors = (client, server) }
        #expect(site.installed.first?.remoteSelector == client)
        #expect(site.installed.first?.localSelector == server)
    }

    @Test func `ESP travels in UDP behind a NAT, and only there`() throws {
        for isBehind in [false, true] {
            let site = try Site()
            let peer = try site.connected {
                $0.claimedAddress = isBehind ? TransportAddress(ipv4: 1, port: 500) : nil
                $0.suite = PhaseTwoSuite(
                    .gcm(.aes128GCM), EncapsulationMode(isTunnel: false, isInUDP: !isBehind))
            }
            #expect(site.installed.isEmpty)
            #expect(peer.transcript.last == "<-- N(14)")
        }
    }

    @Test func `every message may be lost once`() throws {
        for lost in 0..<3 {
            let site = try Site()
            let peer = site.peer()
            try site.send(peer.start(), from: peer)
            var count = 0
            var sent: [[UInt8]] = []
            site.arrives = { isServers, octets in
                if !isServers { sent.append(octets) }
                count += 1
                return count != lost + 1
            }
            try site.send(peer.startQuickMode(), from: peer)
            #expect(site.active.isEmpty)
            if lost == 2 {
                // The server sends its answer again, and the peer, who has it, its confirmation.
                try site.wait(.seconds(3))
                try site.send(try #require(sent.last), from: peer)
            } else {
                try site.send(sent[0], from: peer)
            }
            #expect(site.active.count == 1, "message \(lost) was lost")
            #expect(site.installed.count == 1)
        }
    }

    @Test func `a pair that the peer never confirms is taken back`() throws {
        let site = try Site { $0.deadPeerInterval = .seconds(3600) }
        let peer = site.peer()
        try site.send(peer.start(), from: peer)
        site.arrives = { isServers, _ in !isServers }
        try site.send(peer.startQuickMode(), from: peer)
        #expect(site.installed.count == 1)
        try site.wait(.seconds(120))
        #expect(site.removed.values.map(\.self) == [.unconfirmed])
    }

    @Test func `traffic confirms as well as the third message`() throws {
        let site = try Site { $0.deadPeerInterval = .seconds(3600) }
        let peer = site.peer()
        try site.send(peer.start(), from: peer)
        site.arrives = { isServers, _ in !isServers }
        try site.send(peer.startQuickMode(), from: peer)
        site.server.activate(try #require(site.installed.first?.spi))
        try site.wait(.seconds(120))
        #expect(site.removed.isEmpty && site.active.count == 1)
    }

    @Test func `the first message makes no second pair when it is replayed`() throws {
        let site = try Site()
        var first: [UInt8] = []
        let peer = site.peer()
        try site.send(peer.start(), from: peer)
        first = try peer.startQuickMode()
        try site.send(first, from: peer)
        try site.wait(.seconds(60))
        try site.send(first, from: peer)
        #expect(site.installed.count == 1)
    }

    @Test(arguments: [nil, DiffieHellmanGroup.ecp256])
    func `the server asks for a successor when the peer has not`(_ group: DiffieHellmanGroup?) throws {
        let site = try Site { $0.deadPeerInterval = .seconds(36_000) }
        let peer = try site.connected {
            $0.lifetime = .seconds(1000)
            $0.suite = PhaseTwoSuite(
                .gcm(.aes128GCM), EncapsulationMode(isTunnel: false, isInUDP: false), group: group)
        }
        try site.wait(.seconds(940))
        #expect(site.installed.count == 1)
        try site.wait(.seconds(20))
        #expect(
            peer.transcript.suffix(3) == ["<-- HASH(1), SA, Ni", "HASH(2), SA, Nr -->", "<-- HASH(3)"])
        #expect(site.active.count == 2 && peer.children.count == 2)
        #expect(octets(site.installed[1].inboundKeys) == octets(peer.children[1].outboundKeys))
        #expect(site.removed.isEmpty)
    }

    @Test func `a successor that the peer makes is enough`() throws {
        let site = try Site { $0.deadPeerInterval = .seconds(36_000) }
        let peer = try site.connected { $0.lifetime = .seconds(1000) }
        try site.wait(.seconds(900))
        try site.send(peer.startQuickMode(), from: peer)
        #expect(site.installed.count == 2)
        try site.wait(.seconds(80))
        #expect(site.installed.count == 2)
        try site.wait(.seconds(30))
        #expect(site.removed == [site.installed[0].spi: .expired])
    }

    @Test func `an SA that has carried its share gets a successor`() throws {
        let site = try Site()
        let peer = try site.connected()
        site.server.rekey(site.installed[0].spi, at: site.now)
        try site.drain()
        #expect(peer.children.count == 2)
        site.server.rekey(site.installed[0].spi, at: site.now)
        try site.drain()
        #expect(peer.children.count == 2)
    }

    @Test func `a peer that makes pairs without end loses its oldest`() throws {
        let site = try Site()
        let peer = try site.connected()
        for _ in 0..<ISAKMPSA.maxChildren {
            try site.wait(.seconds(31))
            try site.send(peer.startQuickMode(), from: peer)
        }
        #expect(site.installed.count == ISAKMPSA.maxChildren + 1)
        #expect(site.removed == [site.installed[0].spi: .replaced])
    }
}
