import IKEPeer
import PPPPeer
import Testing
import Wire

@testable import ESP
@testable import IKEv1
@testable import IPsecCore
@testable import L2TP
@testable import L2TPPeer
@testable import PPP

/// A telephone: a LAC within its SAs.
final class Phone: SimulatedLAC {
    let site: Site
    let peer: IKEPeer

    init(_ site: Site, host: UInt32 = 2, port: UInt16 = 1701, peer: IKEPeer? = nil) throws {
        self.site = site
        let accounts = TestAccounts()
        site.judge = { accounts.judge($0) }
        self.peer =
            try peer
            ?? site.peer(host) {
                $0.selectors?.0.protocolNumber = 17
                $0.selectors?.0.port = 1701
                $0.selectors?.1.protocolNumber = 17
                $0.selectors?.1.port = 1701
            }
        super.init(port: port) { site.now }
        transmit = { [unowned self] in _ = try site.deliver($0, nextHeader: 17, from: self.peer) }
        listen()
    }

    func listen() {
        site.heardESP = { [weak self] number, payload in if number == 17 { try self?.receive(payload) } }
    }

    @discardableResult
    func deliver(_ payload: [UInt8]) throws -> (IPsecReceived, [UInt8]) {
        try site.deliver(wrap(payload), nextHeader: 17, from: peer)
    }

    @discardableResult
    func send(frame: [UInt8], _ session: UInt16 = 100) throws -> (IPsecReceived, [UInt8]) {
        try site.deliver(datagram(frame: frame, session), nextHeader: 17, from: peer)
    }
}

@Suite struct L2TPTests {
    private static let packet: [UInt8] = [0x45, 0, 0, 20] + [UInt8](repeating: 7, count: 16)

    @Test func `a telephone is let in by its password, gets an address and DNS, and packets pass`() throws {
        let site = try Site()
        let phone = try Phone(site)
        try phone.connect()
        #expect(
            phone.transcript == [
                "SCCRQ -->", "<-- SCCRP", "SCCCN -->", "ICRQ -->", "<-- ICRP", "ICCN -->",
            ])
        #expect(site.events == ["user alice", "open L2TP/IPsec AES-256-CBC, SHA256"])
        let link = try #require(phone.links[100])
        #expect(link.isUp && link.serverIsProved)
        #expect(link.address == IPv4Address(0x0a58_0064) && link.server(129) == IPv4Address(0x0a58_0002))
        let wish = try #require(site.opened.first)
        #expect(wish.network == NetworkWish(address: nil, software: nil, hostName: "phone"))
        let (received, octets) = try phone.send(frame: [0xff, 3, 0, 0x21] + Self.packet)
        #expect(received == .frame(wish.place) && octets == Self.packet)
        let sent = try #require(try site.transmit(Self.packet, to: phone.peer))
        #expect(sent.nextHeader == 17)
        // UDP, L2TP, PPP.
        let header: [UInt8] = [6, 165, 6, 165, 0, 38, 0, 0, 0, 2, 7, 7, 0, 100, 255, 3, 0, 33]
        #expect(sent.payload == header + Self.packet)
        #expect(site.server.drops.allSatisfy { $0 == 0 })
    }

    @Test func `the largest packet of the tunnel fits the path, numbers and all`() throws {
        let site = try Site()
        let phone = try Phone(site)
        try phone.open()
        try phone.call(connected: [AVP(.sequencingRequired, [])])
        let wish = try #require(site.opened.first)
        #expect(LentLength.packet(site, wish, count: wish.mtu) + 20 <= 1492)
        #expect(LentLength.packet(site, wish, count: wish.mtu + 16) + 20 > 1492)
    }

    @Test func `a peer that wants numbers gets them in all data`() throws {
        let site = try Site()
        let phone = try Phone(site)
        try phone.open()
        try phone.call(connected: [AVP(.sequencingRequired, [])])
        let count = phone.headers.count
        #expect(phone.headers.map { $0.numbers?.ns } == (0..<UInt16(count)).map { $0 })
        let sent = try #require(try site.transmit(Self.packet, to: phone.peer))
        let number = UInt8(count)
        #expect(sent.payload[8..<18] == [8, 2, 7, 7, 0, 100, 0, number, 0, 0])
    }

    @Test(arguments: [(true, false, nil), (false, true, nil), (true, true, 5), (false, false, 0)])
    func `length, numbers and offset may stand in data`(
        _ hasLength: Bool, _ hasNumbers: Bool, _ offset: UInt16?
    ) throws {
        let site = try Site()
        let phone = try Phone(site)
        (phone.hasLength, phone.hasNumbers, phone.offset) = (hasLength, hasNumbers, offset)
        try phone.connect()
        #expect(phone.links[100]?.isUp == true)
        #expect(try phone.send(frame: [0x21] + Self.packet).1 == Self.packet)
    }

    @Test func `what stands behind the length of a packet is cut off`() throws {
        let site = try Site()
        let phone = try Phone(site)
        try phone.connect()
        var octets: [UInt8] = [0x40, 2, 0, 29]
        octets.appendBigEndian(phone.tunnel)
        octets += [0, 1, 0x21]
        #expect(try phone.deliver(octets + Self.packet + [1, 2, 3]).1 == Self.packet)
        #expect(try phone.deliver(octets + Self.packet.dropLast()).0 == .consumed)
        #expect(site.drops(.malformed) == 1)
    }

    @Test func `a wrong password is refused, the session ends, the tunnel stays for another try`() throws {
        let site = try Site { $0.deadPeerInterval = .seconds(1000) }
        let phone = try Phone(site)
        var wrong = SimulatedPeer.Options()
        wrong.password = "guess"
        try phone.connect(wrong)
        // It may try again, which it does not.
        try site.wait(.seconds(61))
        #expect(phone.transcript.contains("<-- CDN") && phone.results.first == [0, 3, 0, 0])
        #expect(site.opened.isEmpty && phone.links[100]?.hasEnded == true)
        try phone.call(101)
        #expect(phone.links[101]?.isUp == true)
    }

    @Test func `PAP is an option`() throws {
        var options = SimulatedPeer.Options()
        options.accepts = [.pap]
        let strict = try Site()
        let refused = try Phone(strict)
        try refused.connect(options)
        #expect(strict.users.isEmpty && refused.transcript.last == "<-- CDN")
        let site = try Site(calls: CallOptions(methods: [.msCHAPv2, .pap]))
        let phone = try Phone(site)
        try phone.connect(options)
        #expect(phone.links[100]?.isUp == true)
    }

    @Test func `several tunnels of one SA, and sessions of one tunnel, are places of their own`() throws {
        let site = try Site()
        let first = try Phone(site)
        try first.connect()
        try first.call(101)
        let second = try Phone(site, port: 5555, peer: first.peer)
        try second.connect()
        #expect(Set(site.opened.map(\.place)).count == 3)
        #expect(first.tunnel != second.tunnel)
        #expect(try second.send(frame: [0x21] + Self.packet).0 == .frame(site.opened[2].place))
        #expect(try first.send(frame: [0x21] + Self.packet, 101).0 == .frame(site.opened[1].place))
        let sent = try #require(try site.transmit(Self.packet, to: first.peer, site.opened[1].place))
        #expect(sent.payload.prefix(14).suffix(12) == [6, 165, 0, 38, 0, 0, 0, 2, 7, 7, 0, 101])
        first.listen()
        try first.send(ControlMessage(.CDN, [ResultCode(3).avp]), session: 2)
        #expect(site.events.last == "close client")
        #expect(try first.send(frame: [0x21] + Self.packet, 101).0 == .consumed)
        #expect(try first.send(frame: [0x21] + Self.packet).0 == .frame(site.opened[0].place))
    }

    @Test func `PPP's goodbye ends the session, StopCCN all of them`() throws {
        let site = try Site()
        let phone = try Phone(site)
        try phone.connect()
        try phone.hangUp(100)
        #expect(site.events.last == "close client" && phone.transcript.last == "<-- CDN")
        try phone.call(101)
        try phone.call(102)
        #expect(site.server.calls.count == 2)
        try phone.send(
            ControlMessage(
                .StopCCN,
                [AVP(.assignedTunnelID, number: Phone.tunnelID), ResultCode.clearConnection.avp]))
        #expect(site.events.suffix(2) == ["close client", "close client"] && site.server.calls.count == 0)
        try site.wait(.seconds(6))
        #expect(site.server.peers.all.first?.l2tp.tunnels.isEmpty == true)
    }

    @Test func `the host ends a session, and the peer is told in all its words`() throws {
        let site = try Site()
        let phone = try Phone(site)
        try phone.connect()
        site.server.sessionClosed(site.opened[0].place, "enough", at: site.now)
        try site.drain()
        #expect(phone.links[100]?.hasEnded == true && phone.transcript.last == "<-- CDN")
        #expect(try site.transmit(Self.packet, to: phone.peer) == nil)
        #expect(site.drops(.notSealed) == 1)
    }

    @Test func `at the end of the server, and of the SAs, nothing stays`() throws {
        let site = try Site()
        let phone = try Phone(site)
        try phone.connect()
        site.server.stop(at: site.now)
        try site.drain()
        #expect(phone.links[100]?.hasEnded == true && phone.transcript.last == "<-- StopCCN")
        #expect(site.server.calls.count == 0 && site.server.peerCount == 0)
        let other = try Site()
        let lost = try Phone(other)
        try lost.connect()
        try other.send(
            lost.peer.delete(Deletion(.isakmp, [lost.peer.cookies.octets])), from: lost.peer)
        #expect(other.events.last == "close client")
        #expect(other.server.calls.count == 0 && other.server.peerCount == 0)
        try other.wait(.seconds(200))
    }

    @Test func `a peer that is silent is asked by HELLO, and its call ends`() throws {
        let site = try Site { $0.deadPeerInterval = .seconds(1000) }
        let phone = try Phone(site)
        try phone.connect()
        try site.wait(.seconds(120))
        #expect(phone.transcript.contains("<-- HELLO"))
        #expect(site.events.last == "close client" && site.server.calls.count == 0)
    }

    @Test func `a tunnel without a call is ended`() throws {
        let site = try Site { $0.deadPeerInterval = .seconds(1000) }
        let phone = try Phone(site)
        try phone.open()
        try site.wait(.seconds(59))
        #expect(phone.transcript.last == "SCCCN -->")
        try site.wait(.seconds(2))
        #expect(phone.transcript.contains("<-- StopCCN"))
    }

    @Test func `callers who prove nothing have bounds, and no more time than a minute`() throws {
        let site = try Site { $0.deadPeerInterval = .seconds(1000) }
        let phone = try Phone(site)
        try phone.open()
        for session in 0..<UInt16(L2TPState.maxUnproven + 3) {
            try phone.send(ControlMessage(.ICRQ, [AVP(.assignedSessionID, number: 100 + session)]))
            try phone.send(ControlMessage(.ICCN), session: phone.sessions[100 + session] ?? 0)
        }
        #expect(site.server.calls.count == L2TPState.maxUnproven)
        #expect(phone.results.filter { $0 == [0, 4, 0, 0] }.count == 3)
        try site.wait(.seconds(60))
        #expect(site.server.calls.count == 0)
    }

    @Test func `tunnels have a bound, and one with a user gives way to nobody`() throws {
        let site = try Site()
        let phone = try Phone(site)
        try phone.connect()
        for id in 1...UInt16(100) {
            let other = try Phone(site, port: 1701, peer: phone.peer)
            site.heardESP = { _, _ in }
            try other.send(ControlMessage(.SCCRQ, [AVP(.assignedTunnelID, number: id)]))
        }
        #expect(site.server.peers.all.first?.l2tp.tunnels.count == L2TPState.maxTunnels)
        phone.listen()
        #expect(try phone.send(frame: [0x21] + Self.packet).0 == .frame(site.opened[0].place))
    }

    @Test func `a verdict that comes late is for nobody`() throws {
        let site = try Site()
        site.answersAtOnce = false
        let phone = try Phone(site)
        try phone.connect()
        let question = try #require(site.users.first)
        try phone.send(ControlMessage(.CDN, [ResultCode(1).avp]), session: 1)
        #expect(site.events == ["user alice", "withdraw"])
        site.answer(question)
        try site.drain()
        #expect(site.events == ["user alice", "withdraw"] && site.opened.isEmpty)
    }

    @Test func `an accepted user who leaves before there is a session is given back`() throws {
        let site = try Site()
        site.network = nil
        let phone = try Phone(site)
        try phone.connect()
        #expect(site.events.last?.hasPrefix("open") == true)
        try phone.send(ControlMessage(.CDN, [ResultCode(1).avp]), session: 1)
        #expect(site.events.last == "close client")
        site.server.networkOpened(
            site.opened[0].place, PeerNetwork(address: IPv4Address(1), own: IPv4Address(2)), at: site.now)
        try site.drain()
        #expect(site.events.last == "close client")
    }

    @Test func `a peer whose NAT gives it another port goes on`() throws {
        let site = try Site()
        let phone = try Phone(
            site,
            peer: site.peer(port: 4500) {
                $0.claimedAddress = TransportAddress(ipv4: 0x0a00_0001, port: 500)
                $0.suite = PhaseTwoSuite(
                    .cbc(.aes256CBC, .sha256), EncapsulationMode(isTunnel: false, isInUDP: true))
                $0.selectors?.0.protocolNumber = 17
                $0.selectors?.1.protocolNumber = 17
            })
        try phone.connect()
        #expect(phone.links[100]?.isUp == true)
        let place = try #require(site.opened.first).place
        let frame = phone.wrap(L2TPHeader.data(tunnel: phone.tunnel, session: 1) + [0x21] + Self.packet)
        var path = phone.peer.path
        path.remote = TransportAddress(ipv4: 0xc633_6402, port: 61_000)
        #expect(try site.deliver(frame, nextHeader: 17, from: phone.peer, on: path).0 == .frame(place))
        #expect(site.events.last == "moved 198.51.100.2:61000")
        #expect(site.server.path(to: place)?.remote.port == 61_000)
    }

    @Test func `data of nobody, and messages that are none, are dropped`() throws {
        let site = try Site()
        let phone = try Phone(site)
        try phone.connect()
        let ids: [UInt8] = [UInt8(phone.tunnel >> 8), UInt8(phone.tunnel & 0xff)]
        for octets in [[0], [0, 2], [0, 2] + ids, [0, 2] + ids + [0, 9, 0x21], [0xc8, 2, 0, 12] + ids] {
            #expect(try phone.deliver(octets).0 == .consumed, "\(octets)")
        }
        // Input 7: an offset that is longer than the packet.
        #expect(try phone.deliver([2, 2] + ids + [0, 1, 0xff, 0xff, 0x21]).0 == .consumed)
        #expect(site.drops(.malformed) == 5 && site.drops(.noSession) == 1)
    }
}
