import IKEPeer
import OpenSSL
import Testing
import Wire

@testable import IKEv1

@Suite struct LifeTests {
    @Test func `a question whether we are there is answered with its number`() throws {
        let site = try Site()
        let peer = try site.connected()
        let question = Notification(.areYouThere, .isakmp, spi: peer.cookies.octets, data: [0, 0, 0, 9])
        try site.send(peer.notify(question), from: peer)
        #expect(peer.transcript.suffix(2) == ["N(36136) -->", "<-- N(36137)"])
    }

    @Test func `a silent peer is asked, and lives while it answers`() throws {
        let site = try Site()
        let peer = try site.connected()
        try site.wait(.seconds(100))
        #expect(peer.transcript.count { $0 == "<-- N(36136)" } == 5)
        #expect(site.removed.isEmpty)
        site.arrives = { isServers, _ in isServers }
        try site.wait(.seconds(60))
        #expect(site.removed.values.map(\.self) == [.dead])
        #expect(site.server.saCount == 0 && site.server.deadline == nil)
    }

    @Test func `a peer without dead peer detection is not asked`() throws {
        let site = try Site()
        let peer = try site.connected { $0.vendorIDs = [.rfc3947] }
        try site.wait(.seconds(600))
        #expect(!peer.transcript.contains("<-- N(36136)"))
    }

    @Test func `what the peer deletes is gone`() throws {
        let site = try Site()
        let peer = try site.connected()
        let child = try #require(peer.children.first)
        try site.send(peer.delete(Deletion(.esp, [child.spi.octets])), from: peer)
        #expect(site.removed == [child.peerSPI: .peer])
        try site.send(peer.delete(Deletion(.isakmp, [peer.cookies.octets])), from: peer)
        #expect(site.server.saCount == 0)
    }

    @Test func `ESP SAs outlive the ISAKMP SA that another one of the same peer replaces`() throws {
        let site = try Site()
        let peer = try site.connected()
        let renewed = IKEPeer(path: peer.path, random: SplitMix64(seed: 5))
        site.peers.append(renewed)
        try site.send(renewed.start(), from: renewed)
        #expect(site.server.saCount == 2)
        try site.send(peer.delete(Deletion(.isakmp, [peer.cookies.octets])), from: peer)
        #expect(site.server.saCount == 1 && site.removed.isEmpty)
        try site.send(
            renewed.delete(Deletion(.esp, [try #require(peer.children.first).spi.octets])), from: renewed)
        #expect(site.removed.count == 1)
    }

    @Test func `an ISAKMP SA ends with its lifetime, its peer is told, and ESP SAs outlive it`() throws {
        let site = try Site { $0.phaseOneLifetime = .seconds(500) }
        let peer = try site.connected()
        try site.wait(.seconds(501))
        #expect(peer.isClosed && peer.deleted.isEmpty && site.removed.isEmpty)
        let renewed = IKEPeer(path: peer.path, random: SplitMix64(seed: 5))
        site.peers.append(renewed)
        try site.send(renewed.start(), from: renewed)
        #expect(site.server.saCount == 1)
        try site.send(renewed.startQuickMode(), from: renewed)
        let spis = peer.children.map(\.spi.octets)
        try site.send(renewed.delete(Deletion(.esp, spis)), from: renewed)
        #expect(site.removed == [site.installed[0].spi: .peer])
    }

    @Test func `ESP SAs end by themselves when the peer never comes again`() throws {
        let site = try Site { $0.phaseOneLifetime = .seconds(500) }
        _ = try site.connected()
        try site.wait(.seconds(3601))
        #expect(site.removed.values.map(\.self) == [.expired])
        #expect(site.server.saCount == 0 && site.server.deadline == nil)
    }

    @Test func `at the end every peer is told`() throws {
        let site = try Site()
        let peers = try (2...5).map { try site.connected($0) }
        site.server.stop(at: site.now)
        try site.drain()
        #expect(peers.allSatisfy { $0.isClosed && $0.deleted.count == 1 })
        #expect(site.server.saCount == 0)
    }

    @Test func `what is not authentic ends nothing`() throws {
        let site = try Site()
        let peer = try site.connected()
        let header = ISAKMPHeader(peer.cookies, .informational, messageID: 5)
        let deletion = Deletion(.isakmp, [peer.cookies.octets])
        let clear = peer.message([Payload(.delete, deletion.body)], header)
        try site.send(clear, from: peer)
        var forged = try peer.delete(deletion)
        forged[forged.count - 1] ^= 1
        try site.send(forged, from: peer)
        #expect(site.server.saCount == 1 && site.removed.isEmpty)
        #expect(site.server.unauthentic == 1)
    }

    @Test func `a replayed message does nothing`() throws {
        let site = try Site()
        let peer = try site.connected()
        let question = Notification(.areYouThere, .isakmp, spi: peer.cookies.octets, data: [0, 0, 0, 1])
        let octets = try peer.notify(question)
        try site.send(octets, from: peer)
        try site.send(octets, from: peer)
        #expect(peer.transcript.count { $0 == "<-- N(36137)" } == 1)
    }

    @Test func `peers of one identity behind one NAT are told apart, also at their ends`() throws {
        let site = try Site()
        func behindNAT(_ port: UInt16) throws -> IKEPeer {
            let peer = site.peer(2, port: port)
            peer.claimedAddress = TransportAddress(ipv4: 0x0a00_0001, port: 500)
            peer.suite = PhaseTwoSuite(
                .cbc(.aes128CBC, .sha1), EncapsulationMode(isTunnel: false, isInUDP: true))
            try site.send(peer.start(), from: peer)
            try site.send(peer.startQuickMode(), from: peer)
            return peer
        }
        let one = try behindNAT(4001)
        _ = try behindNAT(4002)
        #expect(site.active.count == 2)
        try site.send(one.delete(Deletion(.isakmp, [one.cookies.octets])), from: one)
        #expect(site.removed == [site.active[0]: .peer])
        try site.wait(.seconds(30))
        #expect(site.removed.count == 1 && site.server.saCount == 1)
    }

    @Test func `a renewed phase 1 is asked for successors of what the one before has made`() throws {
        let site = try Site()
        let peer = try site.connected { $0.lifetime = .seconds(100) }
        let renewed = IKEPeer(path: peer.path, random: SplitMix64(seed: 5))
        site.peers.append(renewed)
        try site.send(renewed.start(), from: renewed)
        try site.wait(.seconds(96))
        #expect(renewed.transcript.contains("<-- HASH(1), SA, Ni") && renewed.children.count == 1)
        #expect(site.active.count == 2)
    }

    @Test func `a question that is sent again is answered again, but not once a newer one has come`() throws {
        let site = try Site()
        let peer = try site.connected()
        func ask(_ number: UInt8) throws -> Int {
            let data: [UInt8] = [0, 0, 0, number]
            let question = Notification(.areYouThere, .isakmp, spi: peer.cookies.octets, data: data)
            try site.send(peer.notify(question), from: peer)
            return peer.transcript.count { $0 == "<-- N(36137)" }
        }
        #expect(try ask(7) == 1 && ask(7) == 2 && ask(9) == 3)
        #expect(try ask(8) == 3)
    }

    @Test func `an answer with another number is none`() throws {
        let site = try Site()
        let peer = try site.connected()
        site.arrives = { isServers, _ in isServers }
        try site.wait(.seconds(21))
        site.arrives = { _, _ in true }
        let wrong = Notification(
            .areYouThereAcknowledged, .isakmp, spi: peer.cookies.octets, data: [0, 0, 9, 9])
        try site.send(peer.notify(wrong), from: peer)
        site.arrives = { isServers, _ in isServers }
        try site.wait(.seconds(25))
        #expect(site.removed.values.map(\.self) == [.dead])
    }

    @Test func `what the server says itself pushes no message of the peer out of its memory`() throws {
        let site = try Site { $0.deadPeerInterval = .seconds(2) }
        let peer = try site.connected()
        let first = try peer.startQuickMode()
        try site.send(first, from: peer)
        let count = site.server.children.count
        for number in 1...UInt32(ISAKMPSA.maxUsedIDs + 10) {
            let question = Notification(
                .areYouThere, .isakmp, spi: peer.cookies.octets, data: number.octets)
            try site.send(peer.notify(question), from: peer)
        }
        try site.wait(.seconds(40))
        try site.send(first, from: peer)
        #expect(site.server.children.count == count)
    }

    @Test func `messages may come in fragments, in any order and twice`() throws {
        let site = try Site()
        let peer = try site.connected()
        let deletion = Deletion(.esp, (0..<200).map { UInt32($0).octets } + [peer.children[0].spi.octets])
        let whole = try peer.delete(deletion)
        var input = ByteReader(whole.rawSpan)
        let header = try ISAKMPHeader(parsing: &input)
        let pieces = Fragment.pieces(of: whole, header: header, id: 3, limit: 300)
        #expect(pieces.count == 4)
        for piece in [pieces[3], pieces[1], pieces[1], pieces[0]] {
            try site.send(piece, from: peer)
            #expect(site.removed.isEmpty)
        }
        try site.send(pieces[2], from: peer)
        #expect(site.removed.count == 1)
    }
}
