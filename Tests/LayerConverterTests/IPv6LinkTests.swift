import LayerConverter
import Testing
import Wire

private let lan = "2001:db8:30::/64"
private let upper = IPv6Prefix(lan)!.network.upper
private let far = IPv6Address("2001:db8:ffff::7")!
private let link = IPv6Link(own: 1, peer: 2, mtu: 1400)
private let clientLinkLocal = IPv6Address("fe80::2")!

/// A client with a link of its own behind the converter, as PPP makes one.
private struct Site {
    let segment = Segment(seed: 1)
    let router = SimulatedNode(1, ["2001:db8:30::1"])
    let station: Station

    init(_ link: IPv6Link = link, isHeard: Bool = true) {
        if isHeard {
            router.advertisement = advertisement(
                [prefix(lan)],
                options: [
                    .init(mtu: 1500), .init(recursiveServers: [far], lifetime: 600),
                    .init(searchList: ["lan"], lifetime: 600), .source(router.mac),
                ])
        }
        segment.nodes = [router]
        let lease = AddressLease(fixed: IPv4Subnet("192.168.30.10/24")!, gateway: nil)
        station = Station(.fixed(lease, mac: clientMAC), seed: 1)
        segment.start(station)
        segment.run(for: .seconds(1))
        station.converter.joinLink(link, at: segment.now)
        segment.drain(station)
        segment.run(for: .seconds(1))
    }

    /// The advertisements that the client has got.
    var told: [NeighborDiscovery] {
        station.outputs.compactMap { output in
            guard case .sendPacket(let bytes) = output, let packet = IPv6Packet(bytes.rawSpan),
                packet.source == IPv6Address("fe80::1")
            else { return nil }
            return try? NeighborDiscovery(receiving: packet)
        }
    }

    func solicit() -> LayerConverter.Lift {
        let message = NeighborDiscovery(.routerSolicitation)
        return segment.lift(
            IPv6Datagram(message, from: clientLinkLocal, to: .allRouters).bytes, from: station)
    }

    func address(_ identifier: UInt64) -> IPv6Address { IPv6Address(upper, identifier) }
    var addresses: [IPv6Address] {
        station.converter.ipv6Network(at: segment.now)?.addresses.map(\.address) ?? []
    }
}

@Suite struct IPv6LinkTests {
    @Test func `the client is told what the routers of the hub say`() throws {
        let site = Site()
        #expect(site.solicit() == .consumed)
        let told = try #require(site.told.last)
        guard case .routerAdvertisement(let router) = told.message else {
            Issue.record("\(told)")
            return
        }
        #expect((1790...1800).contains(router.routerLifetime.components.seconds))
        let prefix = try #require(told.prefixes.first)
        #expect(prefix.prefix == IPv6Prefix(lan))
        // Nothing but the converter is on the link.
        #expect(prefix.isAutonomous && !prefix.isOnLink)
        #expect(told.mtu == 1400)
        #expect(told.recursiveServers.map(\.address) == [far])
        #expect(told.searchList.map(\.domain) == ["lan"])
    }

    @Test func `more search domains than fit a packet are cut to those that do`() throws {
        let site = Site()
        let label = String(repeating: "a", count: 63)
        let long = (0..<8).map { "\($0)" + [label, label, label, label].joined(separator: ".").dropFirst(3) }
        #expect(long.allSatisfy { $0.utf8.count == 253 })
        for some in [long.prefix(5), long.suffix(3)] {
            let options: [NeighborDiscovery.Option] = [.init(searchList: Array(some), lifetime: 600)]
            site.segment.send(site.router.frame(of: advertisement([prefix(lan)], options: options)))
            site.segment.run(for: .seconds(5))
        }
        let told = try #require(site.told.last?.searchList.map(\.domain))
        #expect(told.count > 2 && told.first == "lan")
        let largest = site.station.outputs.compactMap { output in
            if case .sendPacket(let packet) = output { packet.count } else { nil }
        }.max()
        #expect((link.mtu - 256...link.mtu).contains(largest ?? 0))
    }

    @Test func `it is told without having asked, and again when something changes`() {
        let site = Site()
        #expect(site.told.count == 1)
        site.segment.run(for: .seconds(10))
        #expect(site.told.count == 1)
        site.segment.send(site.router.frame(of: advertisement([prefix("2001:db8:31::/64")])))
        site.segment.run(for: .seconds(1))
        #expect(site.told.last?.prefixes.count == 2)
    }

    @Test func `a flood of advertisements on the hub is none on the link`() {
        let site = Site()
        for _ in 0..<50 {
            site.segment.send(site.router.frame(of: advertisement([prefix(lan)])))
            site.segment.run(for: .milliseconds(100))
        }
        site.segment.run(for: .seconds(5))
        #expect((2...4).contains(site.told.count))
    }

    @Test func `on a hub without IPv6 the client is told nothing`() {
        let site = Site(isHeard: false)
        #expect(site.solicit() == .consumed)
        site.segment.run(for: .seconds(30))
        #expect(site.told.isEmpty)
    }

    @Test func `an address that the client shows is looked for on the hub, then its packets go`() {
        let site = Site()
        let address = site.address(2)
        let data = packet(from: address, to: far)
        #expect(site.segment.lift(data, from: site.station) == .queued)
        site.segment.run(for: .milliseconds(500))
        #expect(site.router.heard.contains(.neighborSolicitation(target: address)))
        #expect(site.segment.frames.last.map { Array($0.dropFirst(14)) } == data)
        #expect(site.segment.lift(data, from: site.station) == .send)
        #expect(site.addresses == [address])
        site.segment.send(site.router.question(for: address))
        site.segment.run(for: .milliseconds(50))
        #expect(
            site.router.heard.last == .neighborAdvertisement(target: address, flags: [.solicited, .override]))
    }

    @Test func `the client's own look for duplicates is enough`() {
        let site = Site()
        let address = site.address(0xabcd)
        let probe = NeighborDiscovery(.neighborSolicitation(target: address))
        let bytes = IPv6Datagram(probe, from: .any, to: address.solicitedNode).bytes
        #expect(site.segment.lift(bytes, from: site.station) == .consumed)
        site.segment.run(for: .milliseconds(500))
        #expect(site.addresses == [address])
        #expect(site.segment.lift(packet(from: address, to: far), from: site.station) == .send)
    }

    @Test func `an address of another host is not the client's, however often it is shown`() {
        let site = Site()
        let taken = site.router.addresses[0]
        for _ in 0..<20 {
            _ = site.segment.lift(packet(from: taken, to: far), from: site.station)
            site.segment.run(for: .milliseconds(500))
        }
        #expect(site.segment.lift(packet(from: taken, to: far), from: site.station) == .drop(.spoofedSource))
        #expect(site.addresses.isEmpty)
        let probes = site.router.heard.count { $0 == .neighborSolicitation(target: taken) }
        #expect(probes == 1)
    }

    @Test
    func `only addresses of the hub's prefixes, and only the identifier of the link where policy says so`() {
        let site = Site(IPv6Link(own: 1, peer: 2, mtu: 1400, mayChoose: false))
        let foreign = packet(from: IPv6Address("2001:db8:99::2")!, to: far)
        #expect(site.segment.lift(foreign, from: site.station) == .drop(.spoofedSource))
        let chosen = packet(from: site.address(3), to: far)
        #expect(site.segment.lift(chosen, from: site.station) == .drop(.spoofedSource))
        #expect(site.segment.lift(packet(from: site.address(2), to: far), from: site.station) == .queued)
    }

    @Test func `privacy addresses come and go within a bound`() {
        let site = Site(IPv6Link(own: 1, peer: 2, mtu: 1400, maxAddresses: 4))
        for identifier in 10..<40 as Range<UInt64> {
            #expect(
                site.segment.lift(packet(from: site.address(identifier), to: far), from: site.station)
                    == .queued)
            site.segment.run(for: .seconds(10))
        }
        #expect(site.addresses == (36..<40).map(site.address))
    }

    @Test func `new addresses are few after the first ones, and those that are there go on`() {
        let site = Site()
        var shown: [UInt64] = []
        for identifier in 100..<200 as Range<UInt64> {
            let verdict = site.segment.lift(
                packet(from: site.address(identifier), to: far), from: site.station)
            if verdict == .queued {
                shown.append(identifier)
            } else {
                #expect(verdict == .drop(.spoofedSource))
            }
            site.segment.run(for: .seconds(1))
        }
        #expect((16 + 9...16 + 10).contains(shown.count))
        #expect(site.addresses == shown.suffix(16).map(site.address))
        let used = packet(from: site.addresses[0], to: far)
        for _ in 0..<100 { #expect(site.segment.lift(used, from: site.station) == .send) }
        site.segment.run(for: .seconds(3600))
        for identifier in 300..<320 as Range<UInt64> {
            _ = site.segment.lift(packet(from: site.address(identifier), to: far), from: site.station)
            site.segment.run(for: .milliseconds(400))
        }
        #expect(site.addresses == (300..<316).map(site.address))
    }

    @Test func `to negotiate the link anew gives no more new addresses`() {
        let site = Site()
        var shown = 0
        for round in 0..<5 as Range<UInt64> {
            for identifier in (100 + 10 * round)..<(110 + 10 * round) {
                let data = packet(from: site.address(identifier), to: far)
                if site.segment.lift(data, from: site.station) == .queued { shown += 1 }
                site.segment.run(for: .milliseconds(400))
            }
            site.station.converter.joinLink(link, at: site.segment.now)
            site.segment.drain(site.station)
            site.segment.run(for: .seconds(1))
        }
        #expect((16...19).contains(shown))
    }

    @Test func `a client that shows many addresses at once is held back`() {
        let site = Site()
        var queued = 0
        for identifier in 10..<1000 as Range<UInt64> {
            let verdict = site.segment.lift(
                packet(from: site.address(identifier), to: far), from: site.station)
            if verdict == .queued { queued += 1 }
        }
        #expect(queued == 4)
    }

    @Test func `what else the client says on its link stays there`() {
        let site = Site()
        let before = site.segment.frames.count
        let mDNS = packet(from: clientLinkLocal, to: IPv6Address("ff02::fb")!)
        #expect(site.segment.lift(mDNS, from: site.station) == .consumed)
        let forged = IPv6Datagram(advertisement([prefix(lan)]), from: clientLinkLocal, to: .allNodes).bytes
        #expect(site.segment.lift(forged, from: site.station) == .drop(.spoofedSource))
        #expect(site.segment.frames.count == before)
    }
}
