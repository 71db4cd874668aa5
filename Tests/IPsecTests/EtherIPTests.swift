import IKEPeer
import LentPackets
import OpenSSL
import PluginABI
import Testing
import Wire

@testable import ESP
@testable import IKEv1
@testable import IPsecCore

@Suite struct EtherIPTests {
    /// A broadcast of 02:00:00:00:00:01.
    static let frame: [UInt8] = [255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6] + Array(0..<46)
    static let packet = [0x30, 0] + frame

    @Test func `a peer with an identity of ours gets a place, and frames travel both ways`() throws {
        let site = try Site()
        let peer = try site.peer()
        #expect(
            site.events == ["authenticate peer.example", "open EtherIP/IPsec AES-256-CBC, SHA256"])
        let (received, octets) = try site.deliver(Self.packet, from: peer)
        #expect(received == .frame(try #require(site.opened.first).place))
        #expect(octets == Self.frame)
        let sent = try #require(try site.transmit(Self.frame, to: peer))
        #expect(sent.nextHeader == 97 && sent.payload == Self.packet)
        #expect(site.server.drops.allSatisfy { $0 == 0 })
    }

    @Test(arguments: [ESPSuite.cbc(.aes128CBC, .sha1), .gcm(.aes128GCM), .cbc(.aes256CBC, .sha512)])
    func `frames travel in UDP too, and fit the path's MTU`(_ suite: ESPSuite) throws {
        let site = try Site()
        let peer = try site.peer {
            $0.claimedAddress = TransportAddress(ipv4: 0x0a00_0001, port: 500)
            $0.suite = PhaseTwoSuite(suite, EncapsulationMode(isTunnel: false, isInUDP: true))
        }
        #expect(try site.deliver(Self.packet, from: peer).1 == Self.frame)
        let wish = try #require(site.opened.first)
        let largest = LentLength.packet(site, wish, count: wish.mtu + 14)
        #expect(largest + 20 + 8 <= 1492)
        #expect(LentLength.packet(site, wish, count: wish.mtu + 14 + suite.alignment) + 20 + 8 > 1492)
    }

    @Test func `in tunnel mode the inner packet is taken off and put on again`() throws {
        let site = try Site()
        let peer = try site.peer {
            $0.suite = PhaseTwoSuite(.gcm(.aes256GCM), EncapsulationMode(isTunnel: true, isInUDP: false))
        }
        var inner: [UInt8] = []
        let client = IPv4Address(0xc633_6402)
        let server = IPv4Address(0xc000_0201)
        IPv4Header(from: client, to: server, carrying: .etherIP, length: Self.packet.count)
            .serialize(into: &inner)
        let (received, octets) = try site.deliver(inner + Self.packet, nextHeader: 4, from: peer)
        #expect(received == .frame(try #require(site.opened.first).place) && octets == Self.frame)
        let sent = try #require(try site.transmit(Self.frame, to: peer))
        #expect(sent.nextHeader == 4)
        guard let packet = IPv4Packet(sent.payload.rawSpan) else {
            Issue.record("no IPv4 packet")
            return
        }
        let (isValid, source, destination) = (packet.hasValidChecksum, packet.source, packet.destination)
        #expect(isValid && source == server && destination == client)
        #expect(Array(copying: packet.payload) == Self.packet)
    }

    @Test func `inner fragments and packets of other protocols are dropped`() throws {
        let site = try Site()
        let peer = try site.peer {
            $0.suite = PhaseTwoSuite(.gcm(.aes256GCM), EncapsulationMode(isTunnel: true, isInUDP: false))
        }
        var header = IPv4Header(from: .any, to: .any, carrying: .etherIP, length: Self.packet.count)
        var fragment: [UInt8] = []
        header.serialize(into: &fragment)
        fragment[6] = 0x20
        #expect(try site.deliver(fragment + Self.packet, nextHeader: 4, from: peer).0 == .consumed)
        #expect(site.drops(.fragment) == 1)
        header.protocol = .tcp
        var other: [UInt8] = []
        header.serialize(into: &other)
        #expect(try site.deliver(other + Self.packet, nextHeader: 4, from: peer).0 == .consumed)
        #expect(try site.deliver(Self.packet, nextHeader: 97, from: peer).0 == .consumed)
        #expect(site.drops(.notAgreed) == 2)
    }

    @Test func `frames that are none are dropped`() throws {
        let site = try Site()
        let peer = try site.peer()
        for packet in [[], [0x30], [0x30, 0], [0x30, 0] + Array(Self.frame.prefix(13))] {
            #expect(try site.deliver(packet, from: peer).0 == .consumed)
        }
        for (first, second) in [(0x20, 0), (0x40, 0), (0x31, 0), (0x30, 1)] as [(UInt8, UInt8)] {
            #expect(try site.deliver([first, second] + Self.frame, from: peer).0 == .consumed)
        }
        #expect(site.drops(.malformed) == 8)
    }

    @Test func `an identity of nobody is refused, and asked about again after a while`() throws {
        let site = try Site()
        site.refusal = { _ in "nobody" }
        let peer = try site.peer()
        #expect(site.events == ["authenticate peer.example"])
        for _ in 0..<10 { #expect(try site.deliver(Self.packet, from: peer).0 == .consumed) }
        #expect(site.events.count == 1 && site.drops(.noSession) == 10)
        #expect(try site.transmit(Self.frame, to: peer) == nil)
        site.refusal = { _ in nil }
        try site.wait(.seconds(31))
        _ = try site.deliver(Self.packet, from: peer)
        #expect(site.events.last == "open EtherIP/IPsec AES-256-CBC, SHA256")
    }

    @Test func `SAs for something else get no place`() throws {
        let site = try Site()
        let peer = try site.peer {
            $0.selectors?.0.protocolNumber = 17
            $0.selectors?.1.protocolNumber = 17
        }
        #expect(try site.deliver(Self.packet, from: peer).0 == .consumed)
        #expect(site.events.isEmpty && site.drops(.notAgreed) == 1)
    }

    @Test func `SAs for everything get a place with the first frame`() throws {
        let site = try Site()
        let peer = try site.peer { $0.selectors = nil }
        #expect(site.events.isEmpty)
        _ = try site.deliver(Self.packet, from: peer)
        #expect(site.events.count == 2)
        #expect(try site.deliver(Self.packet, from: peer).1 == Self.frame)
    }

    @Test func `the place outlives new keys, and ends with the last of them`() throws {
        let site = try Site()
        let peer = try site.peer()
        try site.send(peer.startQuickMode(), from: peer)
        #expect(try site.deliver(Self.packet, from: peer).1 == Self.frame)
        let sent = try #require(try site.transmit(Self.frame, to: peer))
        #expect(sent.payload == Self.packet)
        #expect(try site.newest(of: peer).inbound.packets == 1)
        try site.send(peer.delete(Deletion(.esp, [peer.children[0].spi.octets])), from: peer)
        #expect(try site.deliver(Self.packet, from: peer).1 == Self.frame)
        #expect(site.events.count == 2)
        try site.send(peer.delete(Deletion(.esp, [peer.children[1].spi.octets])), from: peer)
        #expect(site.events.last == "close client" && site.server.peerCount == 0)
        #expect(try site.deliver(Self.packet, from: peer).0 == .consumed)
        #expect(site.drops(.unknownSPI) == 1)
    }

    @Test func `a question whose peer has gone is withdrawn, and its answer means nothing`() throws {
        let site = try Site()
        site.answersAtOnce = false
        let peer = try site.peer()
        try site.send(peer.delete(Deletion(.isakmp, [peer.cookies.octets])), from: peer)
        #expect(site.events == ["authenticate peer.example", "withdraw"])
        site.answer(site.questions[0])
        try site.drain()
        #expect(site.events.count == 2)
    }

    @Test func `a silent peer loses its place`() throws {
        let site = try Site()
        let peer = try site.peer()
        site.peers = []
        try site.wait(.seconds(60))
        #expect(site.events.last == "close timeout")
        _ = peer
    }

    @Test func `frames prove that a peer lives, without IKE`() throws {
        let site = try Site()
        let peer = try site.peer()
        for _ in 0..<60 {
            try site.wait(.seconds(10))
            #expect(try site.deliver(Self.packet, from: peer).1 == Self.frame)
        }
        #expect(!peer.transcript.contains("<-- N(36136)"))
    }

    @Test func `a peer whose NAT gives it another port goes on`() throws {
        let site = try Site()
        let peer = try site.peer { Self.putBehindNAT($0) }
        var path = peer.path
        path.remote = TransportAddress(ipv4: 0xc633_6402, port: 31_000)
        #expect(try site.deliver(Self.packet, from: peer, on: path).1 == Self.frame)
        #expect(site.events.last == "moved 198.51.100.2:31000")
        #expect(site.server.path(to: site.opened[0].place)?.remote == path.remote)
    }

    @Test func `a packet that was held back does not move a peer`() throws {
        let site = try Site()
        let peer = try site.peer { Self.putBehindNAT($0) }
        let child = try site.newest(of: peer)
        let held = LentPacket(Self.packet)
        _ = child.outbound.seal(&held.slice, nextHeader: 97)
        #expect(try site.deliver(Self.packet, from: peer).1 == Self.frame)
        var path = peer.path
        path.remote = TransportAddress(ipv4: 0x0707_0707, port: 31_000)
        let place = try #require(site.opened.first).place
        #expect(site.server.open(&held.slice, from: path, at: site.now) == .frame(place))
        #expect(site.server.path(to: place)?.remote == peer.path.remote)
        #expect(site.drops(.replayed) == 0)
    }

    @Test func `peers of one identity behind one NAT have places of their own`() throws {
        let site = try Site()
        let one = try site.peer(port: 4001) { Self.putBehindNAT($0) }
        let two = try site.peer(port: 4002) { Self.putBehindNAT($0) }
        #expect(site.server.peerCount == 2 && site.opened.count == 2)
        #expect(try site.deliver(Self.packet, from: one).0 == .frame(site.opened[0].place))
        #expect(try site.deliver(Self.packet, from: two).0 == .frame(site.opened[1].place))
        // The first one moves, and renews its keys: it is still the same.
        one.path.remote = TransportAddress(ipv4: 0xc633_6402, port: 4003)
        #expect(try site.deliver(Self.packet, from: one).0 == .frame(site.opened[0].place))
        try site.send(one.startQuickMode(), from: one)
        #expect(try site.deliver(Self.packet, from: one).0 == .frame(site.opened[0].place))
        try site.send(one.delete(Deletion(.isakmp, [one.cookies.octets])), from: one)
        #expect(site.server.peerCount == 1 && site.opened.count == 2)
        #expect(try site.deliver(Self.packet, from: two).0 == .frame(site.opened[1].place))
    }

    private static func putBehindNAT(_ peer: IKEPeer) {
        peer.claimedAddress = TransportAddress(ipv4: 0x0a00_0001, port: 500)
        peer.suite = PhaseTwoSuite(.gcm(.aes128GCM), EncapsulationMode(isTunnel: false, isInUDP: true))
    }

    @Test func `a forged packet does not move a peer`() throws {
        let site = try Site()
        let peer = try site.peer()
        var path = Site.dataPath(of: peer)
        path.remote = TransportAddress(ipv4: 1, port: 0)
        let spi = peer.children[0].peerSPI.octets
        for count in 0..<200 {
            let packet = LentPacket(spi + [UInt8](repeating: 1, count: count))
            #expect(site.server.open(&packet.slice, from: path, at: site.now) == .consumed)
        }
        #expect(site.server.path(to: site.opened[0].place) == Site.dataPath(of: peer))
    }

    @Test func `an SA that has carried its share is replaced under way`() throws {
        let site = try Site { $0.phaseTwoOctets = 10_000 }
        let peer = try site.peer()
        for _ in 0..<120 { #expect(try site.deliver(Self.packet, from: peer).1 == Self.frame) }
        #expect(peer.children.count == 2)
        #expect(site.events.count == 2)
    }

    @Test func `at the end of the server every place ends`() throws {
        let site = try Site()
        let peer = try site.peer()
        site.server.stop(at: site.now)
        try site.drain()
        #expect(peer.isClosed && site.events.last == "close shutdown")
    }
}
