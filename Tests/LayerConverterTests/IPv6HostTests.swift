import LayerConverter
import Testing
import Wire

private let lan = "2001:db8:30::/64"
private let far = IPv6Address("2001:db8:ffff::7")!
/// What the lent MAC address makes of the prefix.
private let formed = IPv6Prefix(lan)!.address(interface: clientMAC.interfaceIdentifier)
private let ownLinkLocal = IPv6Address.linkLocal(interface: clientMAC.interfaceIdentifier)

/// A segment with a router, and a client with a fixed IPv4 address on it.
private struct Site {
    let segment: Segment
    let router: SimulatedNode
    let station: Station

    init(_ advertisement: NeighborDiscovery?, isExpected: Bool = false, seed: UInt64 = 1) {
        segment = Segment(seed: seed)
        router = SimulatedNode(1, ["2001:db8:30::1"])
        router.advertisement = advertisement
        segment.nodes = [router]
        let lease = AddressLease(fixed: IPv4Subnet("192.168.30.10/24")!, gateway: nil)
        station = Station(.fixed(lease, mac: clientMAC), seed: seed)
        segment.start(station, ipv6IsExpected: isExpected)
    }

    var network: IPv6Network? { station.converter.ipv6Network(at: segment.now) }
    var addresses: [IPv6Address] { network?.addresses.map(\.address) ?? [] }
    var isReady: Bool {
        station.outputs.contains { if case .addressReady = $0 { true } else { false } }
    }
}

@Suite struct IPv6AddressTests {
    @Test func `an advertised prefix gives an address, told before the session opens`() {
        let site = Site(
            advertisement(
                [prefix(lan)],
                options: [
                    .init(mtu: 1400),
                    .init(recursiveServers: [IPv6Address("2001:db8:30::53")!], lifetime: 600),
                    .init(searchList: ["lan.example.org"], lifetime: 600),
                    .source(MACAddress(0x0200_0000_0001)),
                ]))
        site.segment.run(for: .seconds(2))
        let network = site.network
        #expect(network?.addresses == [.init(formed, prefixLength: 64)])
        #expect(network?.router == site.router.linkLocal)
        #expect(network?.prefixes == [IPv6Prefix(lan)!])
        #expect(network?.dns == [IPv6Address("2001:db8:30::53")!])
        #expect(network?.domains == ["lan.example.org"])
        #expect(network?.mtu == 1400)
        #expect(site.station.outputs.first == .ipv6Changed)
        #expect(site.isReady)
        #expect(site.router.heard.first == .routerSolicitation)
    }

    @Test func `a hub without IPv6 costs four solicitations and no delay`() {
        let site = Site(nil)
        site.segment.run(for: .milliseconds(301))
        #expect(site.isReady)
        site.segment.run(for: .seconds(600))
        #expect(site.router.heard == Array(repeating: .routerSolicitation, count: 4))
        #expect(site.network == nil)
        #expect(!site.station.outputs.contains(.ipv6Changed))
        let deadline = site.station.converter.deadline
        #expect(deadline == nil)
    }

    @Test func `where a router is expected, the opening waits for it, but not for long`() {
        let site = Site(nil, isExpected: true)
        site.segment.run(for: .milliseconds(1700))
        #expect(!site.isReady)
        site.segment.run(for: .milliseconds(200))
        #expect(site.isReady)
    }

    @Test func `an expected router that answers ends the waiting`() {
        let site = Site(
            advertisement([prefix(lan)], options: [.init(recursiveServers: [far], lifetime: 60)]),
            isExpected: true)
        site.segment.run(for: .milliseconds(500))
        #expect(site.isReady)
        #expect(site.station.outputs.first == .ipv6Changed)
    }

    @Test func `what is advertised later is told later`() {
        let site = Site(nil)
        site.segment.run(for: .seconds(60))
        #expect(site.isReady)
        site.segment.send(site.router.frame(of: advertisement([prefix(lan)])))
        site.segment.run(for: .seconds(1))
        #expect(site.station.outputs.last == .ipv6Changed)
        #expect(site.addresses == [formed])
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func `advertisements may get lost`(seed: UInt64) {
        let site = Site(nil, seed: seed)
        site.router.advertisement = advertisement([prefix(lan)])
        site.segment.loss = 0.3
        site.segment.run(for: .seconds(20))
        let asked = site.router.heard.contains(.routerSolicitation)
        #expect(site.addresses == [formed] || !asked || site.network == nil)
        site.segment.loss = 0
        site.segment.send(site.router.frame(of: advertisement([prefix(lan)])))
        site.segment.run(for: .seconds(1))
        #expect(site.addresses == [formed])
    }

    @Test func `an address that somebody has is not taken, and another one is`() {
        let site = Site(nil)
        site.router.claims = [formed]
        site.router.advertisement = advertisement([prefix(lan)])
        site.segment.run(for: .seconds(5))
        #expect(site.addresses.count == 1)
        #expect(site.addresses.first != formed)
        #expect(site.addresses.first?.upper == formed.upper)
    }

    @Test func `two who look for the same address at once both leave it`() {
        let site = Site(advertisement([prefix(lan)]))
        site.segment.run(for: .milliseconds(100))
        #expect(site.router.heard.contains(.neighborSolicitation(target: formed)))
        site.segment.send(site.router.question(for: formed, isProbe: true))
        site.segment.run(for: .seconds(1))
        #expect(site.addresses.count == 1)
        #expect(!site.addresses.contains(formed))
    }

    @Test func `where every address is somebody's, there is none, and no end of attempts`() {
        let site = Site(nil)
        site.segment.send(site.router.frame(of: advertisement([prefix(lan)])))
        for _ in 0..<200 {
            site.segment.run(for: .milliseconds(50))
            for case .neighborSolicitation(let target) in site.router.heard {
                site.router.claims.insert(target)
            }
        }
        #expect(site.addresses.isEmpty)
        #expect(site.router.claims.count == 3)
    }

    @Test func `renumbering: the old address stays valid, but is not the first any more`() {
        let site = Site(advertisement([prefix(lan)]))
        site.segment.run(for: .seconds(2))
        let renumbered = [prefix(lan, valid: 0, preferred: 0), prefix("2001:db8:31::/64")]
        site.segment.send(site.router.frame(of: advertisement(renumbered)))
        site.segment.run(for: .seconds(2))
        let new = IPv6Prefix("2001:db8:31::/64")!.address(interface: clientMAC.interfaceIdentifier)
        #expect(site.addresses == [new, formed])
        // RFC 4862 §5.5.3 e: no advertisement ends it within two hours.
        site.segment.run(for: .seconds(7100))
        #expect(site.addresses == [new, formed])
        site.segment.run(for: .seconds(200))
        #expect(site.addresses == [new])
    }

    @Test func `what nobody advertises again ends, and so does everything`() {
        let site = Site(
            advertisement(
                [prefix(lan, valid: 300, preferred: 200)], lifetime: 100,
                options: [.init(recursiveServers: [far], lifetime: 50)]))
        site.segment.run(for: .seconds(20))
        #expect(site.network?.dns == [far])
        site.segment.run(for: .seconds(40))
        #expect(site.network?.dns == [])
        #expect(site.network?.router == site.router.linkLocal)
        site.segment.run(for: .seconds(60))
        #expect(site.network?.router == nil)
        #expect(site.addresses == [formed])
        site.segment.run(for: .seconds(200))
        #expect(site.network == nil)
        #expect(site.station.outputs.last == .ipv6Changed)
        let deadline = site.station.converter.deadline
        #expect(deadline == nil)
    }

    @Test func `a table that routers can fill is bounded`() {
        let site = Site(nil)
        for number in 0..<200 {
            let node = SimulatedNode(UInt64(100 + number))
            let text = "2001:db8:" + String(number, radix: 16) + "::/64"
            let servers = (0..<10).map { IPv6Address(0x2001_0db8_0000_0000, UInt64(number * 16 + $0)) }
            site.segment.send(
                node.frame(
                    of: advertisement(
                        [prefix(text)], options: [.init(recursiveServers: servers, lifetime: 600)])))
        }
        site.segment.run(for: .seconds(5))
        #expect(site.network?.prefixes.count == 8)
        #expect(site.network?.dns.count == 8)
        #expect(site.addresses.count == 8)
    }

    @Test func `what is said of another link, or by a host, is not heard`() {
        let site = Site(nil)
        var far = IPv6Datagram(advertisement([prefix(lan)]), from: site.router.linkLocal, to: .allNodes)
        far.hopLimit = 64
        site.segment.send(far.frame(to: .multicast(.allNodes), from: site.router.mac))
        let global = IPv6Datagram(
            advertisement([prefix(lan)]), from: IPv6Address("2001:db8:30::1")!, to: .allNodes)
        site.segment.send(global.frame(to: .multicast(.allNodes), from: site.router.mac))
        site.segment.run(for: .seconds(2))
        #expect(site.network == nil)
    }

    @Test func `no prefix of an advertisement's frame, and no octet changed, does harm`() {
        let frame = SimulatedNode(1).frame(
            of: advertisement(
                [prefix(lan)], options: [.init(mtu: 1400), .source(MACAddress(0x0200_0000_0001))]))
        for count in 0..<frame.count {
            let site = Site(nil)
            site.segment.send(Array(frame[..<count]))
            site.segment.run(for: .milliseconds(100))
            #expect(site.network == nil)
        }
        for index in 14..<frame.count {
            let site = Site(nil)
            var damaged = frame
            damaged[index] ^= 0x11
            site.segment.send(damaged)
            site.segment.run(for: .milliseconds(100))
            // Traffic class, flow label, and the payload's length where it cuts nothing that was looked at.
            #expect(site.network == nil || (14...17).contains(index))
        }
    }
}

@Suite struct IPv6NeighborTests {
    private func site() -> Site {
        let site = Site(advertisement([prefix(lan)], options: [.source(MACAddress(0x0200_0000_0001))]))
        site.segment.run(for: .seconds(2))
        return site
    }

    private func header(to mac: MACAddress) -> [UInt8] { mac.octets + clientMAC.octets + [0x86, 0xdd] }

    @Test func `a neighbour is asked for once, then packets go in place`() throws {
        let site = site()
        let peer = SimulatedNode(0x42, ["2001:db8:30::42"])
        site.segment.nodes.append(peer)
        let data = packet(from: formed, to: peer.addresses[0])
        #expect(site.segment.lift(data, from: site.station) == .queued)
        site.segment.run(for: .milliseconds(100))
        #expect(peer.heard.filter { $0 == .neighborSolicitation(target: peer.addresses[0]) }.count == 1)
        #expect(site.segment.frames.last == header(to: peer.mac) + data)
        #expect(site.segment.lift(data, from: site.station) == .send)
        #expect(site.segment.frames.last == header(to: peer.mac) + data)
    }

    @Test func `what is not on the link goes to the router, whose MAC address it said itself`() {
        let site = site()
        let data = packet(from: formed, to: far)
        #expect(site.segment.lift(data, from: site.station) == .send)
        #expect(site.segment.frames.last == header(to: site.router.mac) + data)
    }

    @Test func `of two routers the preferred one is used, and the other when it is gone`() {
        let site = site()
        let better = SimulatedNode(2)
        site.segment.nodes.append(better)
        site.segment.send(
            better.frame(of: advertisement(lifetime: 30, flags: 0x08, options: [.source(better.mac)])))
        site.segment.run(for: .seconds(1))
        let data = packet(from: formed, to: far)
        #expect(site.segment.lift(data, from: site.station) == .send)
        #expect(site.segment.frames.last == header(to: better.mac) + data)
        site.segment.run(for: .seconds(31))
        #expect(site.segment.lift(data, from: site.station) == .send)
        #expect(site.segment.frames.last == header(to: site.router.mac) + data)
    }

    @Test func `a router that does not answer gives way to one that does`() {
        let site = site()
        let better = SimulatedNode(2)
        site.segment.send(better.frame(of: advertisement(flags: 0x08, options: [.source(better.mac)])))
        site.segment.run(for: .seconds(61))
        let data = packet(from: formed, to: far)
        #expect(site.segment.lift(data, from: site.station) == .send)
        // It is to be confirmed, too.
        #expect(site.segment.frames.suffix(2).first == header(to: better.mac) + data)
        site.segment.run(for: .seconds(4))
        _ = site.segment.lift(data, from: site.station)
        site.segment.run(for: .seconds(1))
        #expect(site.segment.lift(data, from: site.station) == .send)
        #expect(site.segment.frames.last == header(to: site.router.mac) + data)
    }

    @Test func `the client's addresses are answered for, those of others are not`() throws {
        let site = site()
        for target in [formed, ownLinkLocal] {
            site.segment.send(site.router.question(for: target))
            site.segment.run(for: .milliseconds(50))
            let flags: NeighborDiscovery.AdvertisementFlags = [.solicited, .override]
            #expect(site.router.heard.last == .neighborAdvertisement(target: target, flags: flags))
        }
        let before = site.segment.frames.count
        site.segment.send(site.router.question(for: IPv6Address("2001:db8:30::99")!))
        site.segment.run(for: .milliseconds(50))
        #expect(site.segment.frames.count == before + 1)
        let unwanted = site.router.question(for: IPv6Address("2001:db8:30::99")!)
        let isWanted = site.station.converter.wants(flooded: unwanted.rawSpan)
        #expect(!isWanted)
    }

    @Test func `whoever looks whether our address is free, is told that it is not`() {
        let site = site()
        site.segment.send(site.router.question(for: formed, isProbe: true))
        site.segment.run(for: .milliseconds(50))
        #expect(site.router.heard.last == .neighborAdvertisement(target: formed, flags: [.override]))
    }

    @Test func `a foreign source, and what only the converter may say, stays behind`() {
        let site = site()
        let other = IPv6Address("2001:db8:30::99")!
        #expect(site.segment.lift(packet(from: other, to: far), from: site.station) == .drop(.spoofedSource))
        #expect(
            site.segment.lift(packet(from: ownLinkLocal, to: far), from: site.station)
                == .drop(.spoofedSource))
        #expect(site.segment.lift(packet(from: .any, to: far), from: site.station) == .drop(.spoofedSource))
        for message in [
            advertisement([prefix(lan)]), NeighborDiscovery(.routerSolicitation),
            NeighborDiscovery(.neighborSolicitation(target: other)),
            NeighborDiscovery(.neighborAdvertisement(target: other, flags: [.override])),
        ] {
            let bytes = IPv6Datagram(message, from: formed, to: .allNodes).bytes
            #expect(site.segment.lift(bytes, from: site.station) == .drop(.spoofedSource))
            // Behind a hop-by-hop header, which receivers look through.
            var hidden = Array(bytes[..<40]) + [58, 0, 1, 4, 0, 0, 0, 0] + bytes[40...]
            hidden[6] = 0
            hidden[5] += 8
            #expect(site.segment.lift(hidden, from: site.station) == .drop(.spoofedSource))
            // In a fragment that does not show its end.
            var fragment = Array(bytes[..<40]) + [58, 0, 0, 1, 0, 0, 0, 0]
            (fragment[4], fragment[5], fragment[6]) = (0, 8, 44)
            #expect(site.segment.lift(fragment, from: site.station) == .drop(.malformed))
        }
    }

    @Test func `every prefix of a packet is dropped`() {
        let site = site()
        let data = packet(from: formed, to: far)
        for count in 0..<data.count {
            #expect(site.segment.lift(Array(data[..<count]), from: site.station) == .drop(.malformed))
        }
    }

    @Test func `what is for the client reaches it, what is for the link does not`() {
        let site = site()
        let source = site.router.addresses[0]
        func lower(_ packet: [UInt8], to mac: MACAddress = clientMAC) -> LayerConverter.Lower {
            let frame = mac.octets + site.router.mac.octets + [0x86, 0xdd] + packet + [0, 0]
            return site.station.converter.lower(frame.rawSpan)
        }
        let data = packet(from: source, to: formed)
        #expect(lower(data) == .deliver(offset: 14, length: data.count))
        #expect(lower(packet(from: source, to: IPv6Address("2001:db8:30::99")!)) == .drop(.notForUs))
        #expect(lower(packet(from: site.router.linkLocal, to: formed)) == .drop(.notForUs))
        #expect(lower(packet(from: source, to: .allNodes), to: .multicast(.allNodes)) == .drop(.notForUs))
        let site5 = IPv6Address("ff05::1234")!
        let group = packet(from: source, to: site5)
        #expect(lower(group, to: .multicast(site5)) == .deliver(offset: 14, length: group.count))
    }

    @Test func `a client that scans its network is held back`() {
        let site = site()
        for host in 0..<1000 as Range<UInt64> {
            _ = site.segment.lift(
                packet(from: formed, to: IPv6Address(formed.upper, 0x1000 + host)), from: site.station)
        }
        site.segment.run(for: .milliseconds(50))
        let questions = site.router.heard.count { if case .neighborSolicitation = $0 { true } else { false } }
        #expect(questions <= 40)
    }

    @Test func `a neighbour that does not answer is unreachable for a while`() {
        let site = site()
        let data = packet(from: formed, to: IPv6Address("2001:db8:30::77")!)
        #expect(site.segment.lift(data, from: site.station) == .queued)
        site.segment.run(for: .seconds(4))
        #expect(site.segment.lift(data, from: site.station) == .drop(.unreachable))
        site.segment.run(for: .seconds(3))
        #expect(site.segment.lift(data, from: site.station) == .queued)
    }

    @Test func `without having been asked for, IPv6 is dropped`() {
        let segment = Segment(seed: 1)
        let lease = AddressLease(fixed: IPv4Subnet("192.168.30.10/24")!, gateway: nil)
        let station = Station(.fixed(lease, mac: clientMAC), seed: 1)
        segment.start(station)
        segment.run(for: .seconds(1))
        #expect(segment.lift(packet(from: formed, to: far), from: station) == .drop(.ipv6))
        let frame = SimulatedNode(1).frame(of: advertisement([prefix(lan)]))
        let verdict = station.converter.lower(frame.rawSpan)
        #expect(verdict == .drop(.ipv6))
    }
}

@Suite struct IPv6GroupTests {
    /// The groups of the reports among the frames.
    private func reports(_ frames: [[UInt8]]) -> [[IPv6Address]] {
        frames.compactMap { frame in
            guard frame.count > 70, Array(frame[0..<6]) == MACAddress(0x3333_0000_0016).octets,
                frame[21] == 1, frame[62] == 143
            else { return nil }
            let count = Int(frame[68]) << 8 | Int(frame[69])
            return (0..<count).map { index in
                let start = 70 + 20 * index + 4
                return IPv6Address(
                    frame.rawSpan.bigEndian(at: start), frame.rawSpan.bigEndian(at: start + 8))
            }
        }
    }

    private func query(_ maxResponse: UInt16) -> [UInt8] {
        var frame: [UInt8] = []
        frame.appendEthernetHeader(
            to: .multicast(.allNodes), from: MACAddress(0x0200_0000_0001), carrying: .ipv6)
        frame += [0x60, 0, 0, 0, 0, 36, 0, 1]
        frame.append(IPv6Address("fe80::1")!)
        frame.append(IPv6Address.allNodes)
        frame += [58, 0, 5, 2, 0, 0, 1, 0, 130, 0, 0, 0]
        frame.appendBigEndian(maxResponse)
        return frame + [UInt8](repeating: 0, count: 22)
    }

    @Test func `switches that snoop are told where neighbours' questions are wanted`() {
        let site = Site(advertisement([prefix(lan)]))
        site.segment.run(for: .seconds(3))
        // Of the link-local address and the one that is formed of the same identifier: one group.
        #expect(reports(site.segment.frames) == [[formed.solicitedNode], [formed.solicitedNode]])
    }

    @Test func `a query is answered within its time`() {
        let site = Site(advertisement([prefix(lan)]))
        site.segment.run(for: .seconds(3))
        let before = site.segment.frames.count
        site.segment.send(query(2000))
        site.segment.run(for: .milliseconds(2010))
        #expect(reports(Array(site.segment.frames[before...])) == [[formed.solicitedNode]])
    }

    @Test func `every prefix of a query is ignored`() {
        let site = Site(advertisement([prefix(lan)]))
        site.segment.run(for: .seconds(3))
        let before = site.segment.frames.count
        let whole = query(100)
        for count in 0..<whole.count { site.segment.send(Array(whole[..<count])) }
        site.segment.run(for: .seconds(6))
        #expect(reports(Array(site.segment.frames[before...])).isEmpty)
    }
}

@Suite struct IPv6LeaseTests {
    private let given = IPv6Address("2001:db8:30::1:23")!

    private func site(t1: UInt32 = 1800, flags: UInt8 = 0xc0) -> Site {
        let site = Site(nil)
        site.router.advertisement = advertisement([prefix(lan, isAutonomous: false)], flags: flags)
        site.router.lease = .init(given, preferredLifetime: 3600, validLifetime: 3600)
        site.router.dns = [IPv6Address("2001:db8:30::53")!]
        site.router.t1 = t1
        return site
    }

    private func types(_ site: Site) -> [DHCPv6Message.MessageType] { site.router.dhcp.map(\.type) }

    @Test func `an address is leased where the router says so, and the opening waits for it`() {
        let site = site()
        site.segment.run(for: .seconds(2))
        #expect(types(site) == [.solicit, .request])
        #expect(site.network?.addresses == [.init(given, prefixLength: 64)])
        #expect(site.network?.dns == [IPv6Address("2001:db8:30::53")!])
        let told = site.station.outputs.lastIndex(of: .ipv6Changed)
        let opened = site.station.outputs.firstIndex { if case .addressReady = $0 { true } else { false } }
        #expect(told.flatMap { told in opened.map { told < $0 } } == true)
    }

    @Test func `it is renewed at T1, and with anybody at T2`() {
        let site = site()
        site.segment.run(for: .seconds(1805))
        #expect(types(site) == [.solicit, .request, .renew])
        site.router.isSilent = true
        site.segment.run(for: .seconds(3000))
        site.router.isSilent = false
        // The clock stands behind T2 of the second lease.
        site.segment.run(for: .seconds(500))
        #expect(types(site).last == .rebind)
        #expect(site.router.dhcp.last?.options[.serverIdentifier] == nil)
        #expect(site.addresses == [given])
    }

    @Test func `a lease that nobody extends ends, and another one is asked for`() {
        let site = site()
        site.segment.run(for: .seconds(2))
        site.router.isSilent = true
        site.segment.run(for: .seconds(3610))
        #expect(site.addresses.isEmpty)
        site.router.isSilent = false
        site.segment.run(for: .seconds(600))
        #expect(site.addresses == [given])
    }

    @Test func `it is given back at the end`() {
        let site = site()
        site.segment.run(for: .seconds(2))
        site.segment.close(site.station)
        site.segment.run(for: .seconds(1))
        #expect(types(site) == [.solicit, .request, .release])
        let association = site.router.dhcp.last?.options[.identityAssociation] ?? []
        #expect((try? DHCPv6Association(parsing: association))?.addresses.map(\.address) == [given])
    }

    @Test func `an address that somebody has is declined`() {
        let site = site()
        let owner = SimulatedNode(9, ["2001:db8:30::1:23"])
        site.segment.nodes.append(owner)
        site.segment.run(for: .milliseconds(900))
        #expect(types(site) == [.solicit, .request, .decline])
        site.segment.nodes.removeLast()
        site.segment.run(for: .seconds(3))
        #expect(site.addresses == [given])
    }

    @Test func `where other configuration alone is served, it is asked for`() {
        let site = Site(nil)
        site.router.advertisement = advertisement([prefix(lan)], flags: 0x40)
        site.router.dns = [far]
        site.segment.run(for: .seconds(2))
        #expect(types(site) == [.informationRequest])
        #expect(site.network?.dns == [far])
        #expect(site.addresses == [formed])
        site.segment.run(for: .seconds(86_500))
        #expect(types(site).count == 2)
    }

    @Test func `no server: solicits grow rare, and the session opens without`() {
        let site = site()
        site.router.lease = nil
        site.router.dns = []
        site.segment.run(for: .seconds(2))
        #expect(site.isReady)
        site.segment.run(for: .seconds(3600))
        #expect((8...16).contains(types(site).count))
    }

    @Test func `no prefix of an answer, and no octet changed, does harm`() throws {
        let site = site()
        site.segment.run(for: .seconds(2))
        let frame = try #require(
            site.segment.frames.last { $0.count > 60 && $0[20] == 17 && $0[12] == 0x86 && $0[56] == 0x02 })
        let fresh = self.site()
        fresh.router.lease = nil
        fresh.segment.run(for: .milliseconds(20))
        for count in 0..<frame.count { fresh.segment.send(Array(frame[..<count])) }
        for index in 14..<frame.count {
            var damaged = frame
            damaged[index] ^= 0x81
            fresh.segment.send(damaged)
        }
        fresh.segment.run(for: .seconds(1))
        #expect(fresh.addresses.isEmpty)
    }
}
