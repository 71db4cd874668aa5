import IKEPeer
import LentPackets
import OpenSSL
import Testing
import Wire

@testable import ESP
@testable import IKEv1
@testable import IPsecCore
@testable import L2TP

/// Parties that go on in another instance of the engine. That all of their state is the same there is seen by
/// `Site.swap`, each time.
@Suite struct HandoverTests {
    private static let stories: [@Sendable () throws -> Void] = [
        {
            try EtherIPTests().`a peer with an identity of ours gets a place, and frames travel both ways`()
        },
        { try EtherIPTests().`frames travel in UDP too, and fit the path's MTU`(.gcm(.aes128GCM)) },
        { try EtherIPTests().`in tunnel mode the inner packet is taken off and put on again`() },
        { try EtherIPTests().`inner fragments and packets of other protocols are dropped`() },
        { try EtherIPTests().`frames that are none are dropped`() },
        { try EtherIPTests().`an identity of nobody is refused, and asked about again after a while`() },
        { try EtherIPTests().`SAs for something else get no place`() },
        { try EtherIPTests().`SAs for everything get a place with the first frame`() },
        { try EtherIPTests().`the place outlives new keys, and ends with the last of them`() },
        {
            try EtherIPTests().`a question whose peer has gone is withdrawn, and its answer means nothing`()
        },
        { try EtherIPTests().`a silent peer loses its place`() },
        { try EtherIPTests().`frames prove that a peer lives, without IKE`() },
        { try EtherIPTests().`a peer whose NAT gives it another port goes on`() },
        { try EtherIPTests().`a packet that was held back does not move a peer`() },
        { try EtherIPTests().`peers of one identity behind one NAT have places of their own`() },
        { try EtherIPTests().`a forged packet does not move a peer`() },
        { try EtherIPTests().`an SA that has carried its share is replaced under way`() },
        { try EtherIPTests().`at the end of the server every place ends`() },
        {
            try L2TPTests()
                .`a telephone is let in by its password, gets an address and DNS, and packets pass`()
        },
        { try L2TPTests().`the largest packet of the tunnel fits the path, numbers and all`() },
        { try L2TPTests().`a peer that wants numbers gets them in all data`() },
        { try L2TPTests().`length, numbers and offset may stand in data`(true, true, 5) },
        { try L2TPTests().`what stands behind the length of a packet is cut off`() },
        {
            try L2TPTests()
                .`a wrong password is refused, the session ends, the tunnel stays for another try`()
        },
        { try L2TPTests().`PAP is an option`() },
        {
            try L2TPTests().`several tunnels of one SA, and sessions of one tunnel, are places of their own`()
        },
        { try L2TPTests().`PPP's goodbye ends the session, StopCCN all of them`() },
        { try L2TPTests().`the host ends a session, and the peer is told in all its words`() },
        { try L2TPTests().`at the end of the server, and of the SAs, nothing stays`() },
        { try L2TPTests().`a peer that is silent is asked by HELLO, and its call ends`() },
        { try L2TPTests().`a tunnel without a call is ended`() },
        { try L2TPTests().`callers who prove nothing have bounds, and no more time than a minute`() },
        { try L2TPTests().`tunnels have a bound, and one with a user gives way to nobody`() },
        { try L2TPTests().`a verdict that comes late is for nobody`() },
        { try L2TPTests().`an accepted user who leaves before there is a session is given back`() },
        { try L2TPTests().`a peer whose NAT gives it another port goes on`() },
        { try L2TPTests().`data of nobody, and messages that are none, are dropped`() },
        { try L2TPv3Tests().`a pseudowire is a place on a hub, over IP and over UDP`(true) },
        { try L2TPv3Tests().`an identity of nobody is told so by CDN`() },
        { try L2TPv3Tests().`a router that hangs up leaves its place, and may call again`() },
        { try L2TPv3Tests().`a router that begins anew takes its place over`() },
        { try L2TPv3Tests().`a place that the host takes away is told`() },
        { try L2TPv3Tests().`data of no session, and messages that are none, are dropped`() },
        { try L2TPv3Tests().`the end of the SAs is the end of the pseudowire`() },
        { try L2TPv3Tests().`at the end of the server a router is told`() },
    ]

    @Test(arguments: stories.indices)
    func `nobody notices that each packet meets another instance`(story: Int) throws {
        try Site.$swapsAllTheTime.withValue(true) { try Self.stories[story]() }
    }

    @Test func `a number is never used twice`() throws {
        let site = try Site()
        let peer = try site.peer()
        _ = try site.transmit(EtherIPTests.frame, to: peer)
        let (party, record) = try #require(site.records().first)
        let former = site.server
        let place = try #require(site.opened.first).place
        let sent = try #require(former.children.values.first).outbound
        let other = try site.successor()
        let arrival = try ArrivingParty(parsing: record) { SplitMix64(seed: 1) }
        former.giveUp(party)
        _ = other.adopt(arrival, at: site.now)
        let taken = try #require(other.children.values.first).outbound
        #expect(taken.sequenceNumber == sent.sequenceNumber && taken.octets == sent.octets)
        let packet = LentPacket(EtherIPTests.frame)
        #expect(!former.seal(&packet.slice, to: place, at: site.now))
        #expect(former.path(to: place) == nil && sent.sequenceNumber == 1)
        #expect(other.owns(packet: taken.spi.octets.rawSpan) == false)
    }

    @Test func `a packet that was seen by the one is a replay to the other`() throws {
        let site = try Site()
        let peer = try site.peer()
        let child = try site.newest(of: peer)
        let packet = LentPacket(EtherIPTests.packet)
        _ = child.outbound.seal(&packet.slice, nextHeader: 97)
        let again = LentPacket(packet.octets)
        let place = try #require(site.opened.first).place
        #expect(site.server.open(&packet.slice, from: Site.dataPath(of: peer), at: site.now) == .frame(place))
        try site.swap()
        #expect(site.server.open(&again.slice, from: Site.dataPath(of: peer), at: site.now) == .consumed)
        #expect(site.drops(.replayed) == 1)
    }

    @Test func `SPIs of two instances are never the same`() throws {
        let site = try Site()
        let peer = try site.peer()
        for generation in 1...3 as ClosedRange<UInt32> {
            try site.swap()
            try site.send(peer.startQuickMode(), from: peer)
            let newest = try #require(peer.children.last)
            #expect(newest.peerSPI & 0xff == generation)
        }
        #expect(try site.deliver(EtherIPTests.packet, from: peer).1 == EtherIPTests.frame)
    }

    // MARK: Octets

    /// Parties of several kinds, in several states.
    func records() throws -> [String: [UInt8]] {
        var records: [String: [UInt8]] = [:]
        func note(_ name: String, _ site: Site) throws { records[name] = try site.records().first?.1 }
        let half = try Site()
        let stranger = try half.peer { $0.preSharedKey = SecretBytes(copying: [1]) }
        try note("half-open", half)
        let asking = try Site()
        asking.answersAtOnce = false
        _ = try asking.peer()
        try note("asking", asking)
        let phone = try Site()
        let telephone = try Phone(phone)
        try telephone.connect()
        try telephone.call(101)
        try note("two calls", phone)
        for isUDP in [false, true] {
            let site = try Site()
            try L2TPv3Tests.Router(site, isUDP: isUDP).connect()
            try note("pseudowire \(isUDP)", site)
        }
        #expect(!stranger.isEstablished)
        return records
    }

    @Test func `records of all kinds are whole, and each cut of them is refused`() throws {
        let records = try records()
        #expect(records.count == 5)
        for record in records.values {
            for length in record.indices {
                #expect(throws: WireError.self) { try arrival(Array(record[..<length])) }
            }
            #expect(throws: WireError.self) { try arrival(record + [0]) }
        }
    }

    private func arrival(_ record: [UInt8]) throws(WireError) -> ArrivingParty {
        try ArrivingParty(parsing: record) { SplitMix64(seed: 1) }
    }

    @Test(arguments: 0..<64 as Range<UInt64>)
    func `a record with octets of its own is refused, or is a party`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for (_, whole) in try records().sorted(by: { $0.key < $1.key }) {
            var record = whole
            for _ in 0..<3 {
                record[Int.random(in: record.indices, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            guard let taken = try? arrival(record) else { continue }
            let site = try Site()
            guard site.server.hasPlace(for: taken) else { continue }
            _ = site.server.adopt(taken, at: site.now)
            try site.wait(.seconds(200))
            site.server.stop(at: site.now)
            try site.drain()
        }
    }

    @Test func `a party whose peer is here already has no place`() throws {
        let site = try Site()
        _ = try site.peer()
        let record = try #require(site.records().first).1
        #expect(!site.server.hasPlace(for: try arrival(record)))
        let other = try Site()
        _ = try other.peer()
        #expect(!other.server.hasPlace(for: try arrival(record)), "it has begun anew")
        #expect(other.server.peerCount == 1)
    }
}
