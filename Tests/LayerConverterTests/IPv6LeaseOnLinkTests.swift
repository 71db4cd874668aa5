import Testing
import Wire

@testable import LayerConverter

private let lan = "2001:db8:30::/64"
private let given = IPv6Address("2001:db8:30::1:23")!
private let far = IPv6Address("2001:db8:ffff::7")!
private let server = IPv6Address("2001:db8:30::53")!
private let clientMAC6 = MACAddress(0x0200_0000_0099)

/// A client with a link of its own on a hub whose routers leave addresses to DHCPv6 alone.
private struct Site {
    let segment = Segment(seed: 1)
    let router = SimulatedNode(1, ["2001:db8:30::1"])
    let station: Station

    /// `peer`: the client's interface identifier; nil: the one that it should have.
    init(peer: UInt64? = nil, isAutonomous: Bool = false) {
        router.advertisement = advertisement([prefix(lan, isAutonomous: isAutonomous)], flags: 0xc0)
        router.lease = .init(given, preferredLifetime: 3600, validLifetime: 7200)
        router.dns = [server]
        segment.nodes = [router]
        let lease = AddressLease(fixed: IPv4Subnet("192.168.30.10/24")!, gateway: nil)
        station = Station(.fixed(lease, mac: clientMAC), seed: 1)
        segment.start(station, ipv6IsExpected: true, ipv6: .link)
        segment.run(for: .seconds(2))
        join(peer: peer ?? addresses.first?.lower ?? 2)
    }

    func join(peer: UInt64) {
        station.converter.joinLink(IPv6Link(own: 1, peer: peer, mtu: 1400), at: segment.now)
        segment.drain(station)
        segment.run(for: .seconds(1))
    }

    var addresses: [IPv6Address] {
        station.converter.ipv6Network(at: segment.now)?.addresses.map(\.address) ?? []
    }
    var types: [DHCPv6Message.MessageType] { router.dhcp.map(\.type) }

    var told: [NeighborDiscovery] {
        station.outputs.compactMap { output in
            guard case .sendPacket(let bytes) = output, let packet = IPv6Packet(bytes.rawSpan) else {
                return nil
            }
            return try? NeighborDiscovery(receiving: packet)
        }
    }

    /// What the client is answered by DHCPv6.
    func ask(_ message: DHCPv6Message, from source: String = "fe80::2") -> DHCPv6Message? {
        let before = station.outputs.count
        let packet = IPv6Datagram(
            udp: message.bytes, from: IPv6Address(source)!, port: DHCPv6Message.clientPort,
            to: .allDHCPServers, port: DHCPv6Message.serverPort)
        #expect(segment.lift(packet.bytes, from: station) != .send)
        for output in station.outputs[before...] {
            guard case .sendPacket(let bytes) = output, let packet = IPv6Packet(bytes.rawSpan),
                let datagram = UDPDatagram(packet.payload), packet.destination == IPv6Address(source)
            else { continue }
            var reader = ByteReader(datagram.payload)
            return try? DHCPv6Message(parsing: &reader)
        }
        return nil
    }
}

@Suite struct IPv6LeaseOnLinkTests {
    @Test func `the address is leased before the session opens`() {
        let site = Site()
        #expect(site.types == [.solicit, .request])
        #expect(site.addresses == [given])
        let changed = site.station.outputs.firstIndex(of: .ipv6Changed)
        let opened = site.station.outputs.firstIndex { if case .addressReady = $0 { true } else { false } }
        #expect(changed.flatMap { changed in opened.map { changed < $0 } } == true)
    }

    @Test func `a client with the right identifier forms the very address, and no other one`() throws {
        let site = Site()
        let told = try #require(site.told.last)
        guard case .routerAdvertisement(let router) = told.message else {
            Issue.record("\(told)")
            return
        }
        #expect(router.flags == NeighborDiscovery.RouterAdvertisement.managed)
        let announced = try #require(told.prefixes.first)
        #expect(announced.prefix == IPv6Prefix(lan) && announced.isAutonomous && !announced.isOnLink)
        // Deprecated, so that no privacy addresses are formed.
        #expect(announced.preferredLifetime == 0 && announced.validLifetime > 7100)
        let data = packet(from: given, to: far)
        _ = site.segment.lift(data, from: site.station)
        site.segment.run(for: .seconds(1))
        #expect(site.segment.lift(data, from: site.station) == .send)
        let other = packet(from: IPv6Address("2001:db8:30::9")!, to: far)
        #expect(site.segment.lift(other, from: site.station) == .drop(.spoofedSource))
        #expect(site.addresses == [given])
        #expect(site.types == [.solicit, .request])
    }

    @Test func `a client with another identifier is told of no prefix, and gets the address by DHCPv6`()
        throws
    {
        let site = Site(peer: 2)
        #expect(site.told.last?.prefixes == [])
        var client = DHCPv6Client(clientMAC6, AddressTiming(), seed: 7)
        client.start(for: .address, at: site.segment.now)
        var leased: DHCPv6Lease?
        // A few rounds: solicit, request.
        for _ in 0..<4 {
            while let output = client.nextOutput() {
                switch output {
                case .send(let message):
                    let answer = try #require(site.ask(message))
                    client.receive(answer, at: site.segment.now)
                case .leased(let lease): leased = lease
                case .lost, .informed: Issue.record("\(output)")
                }
            }
            site.segment.run(for: .milliseconds(300))
            client.handleTimeout(at: site.segment.now)
        }
        #expect(leased?.address == given)
        #expect(client.configuration.dns == [server])
        // It is the converter's lease: the hub was asked once.
        #expect(site.types == [.solicit, .request])
        client.release(at: site.segment.now)
        while case .send(let message)? = client.nextOutput() { #expect(site.ask(message)?.type == .reply) }
        #expect(site.types == [.solicit, .request])
        #expect(site.addresses == [given])
    }

    @Test func `a link that is negotiated anew keeps the address, and the end gives it back`() {
        let site = Site(peer: 2)
        site.join(peer: given.lower)
        #expect(site.addresses == [given])
        #expect(site.types == [.solicit, .request])
        site.segment.close(site.station)
        site.segment.run(for: .seconds(1))
        #expect(site.types == [.solicit, .request, .release])
    }

    @Test func `where a prefix is advertised, nothing is leased for a client with a link`() {
        let site = Site(isAutonomous: true)
        #expect(!site.types.contains(.solicit))
        #expect(site.addresses.isEmpty)
        #expect(site.told.last?.prefixes.first?.preferredLifetime ?? 0 > 0)
    }

    @Test func `what another server is asked, or nobody may ask, is not answered`() {
        let site = Site()
        let association = DHCPv6Association(id: 1).option
        let identity = DHCPv6Option(.clientIdentifier, [0, 3, 0, 1, 2, 0, 0, 0, 0, 1])
        let foreign = DHCPv6Option(.serverIdentifier, [0, 3, 0, 1, 9, 9, 9, 9, 9, 9])
        for type in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] as [UInt8] {
            let message = DHCPv6Message(
                .init(rawValue: type), transactionID: 1, options: [identity, foreign, association])
            #expect(site.ask(message) == nil)
        }
        let solicit = DHCPv6Message(.solicit, transactionID: 1, options: [association])
        #expect(site.ask(solicit) == nil)
        let good = DHCPv6Message(.solicit, transactionID: 1, options: [identity, association])
        #expect(site.ask(good, from: "2001:db8:30::1:23") == nil)
        #expect(site.ask(good)?.type == .advertise)
        let confirm = DHCPv6Association(
            id: 1, addresses: [.init(IPv6Address("2001:db8:31::1")!, preferredLifetime: 0, validLifetime: 0)])
        let moved = DHCPv6Message(.confirm, transactionID: 2, options: [identity, confirm.option])
        #expect(site.ask(moved)?.options.status == 4)
    }
}
