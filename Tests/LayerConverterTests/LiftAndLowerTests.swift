import LayerConverter
import Testing
import Wire

private let gateway = (mac: MACAddress(0x0200_0000_0001), address: serverA)
private let peer = (mac: MACAddress(0x0200_0000_0042), address: IPv4Address("192.168.30.42")!)
private let far = IPv4Address("198.51.100.7")!

/// A station with a fixed address and no probes, so that each test begins with an address.
private func station(routes: [IPv4Route] = [], subnet: String = "192.168.30.10/24") -> Station {
    var lease = AddressLease(fixed: IPv4Subnet(subnet)!, gateway: gateway.address)
    lease.routes = routes
    var timing = AddressTiming()
    timing.probes = 0
    let station = Station(.fixed(lease, mac: clientMAC), timing: timing, seed: 1)
    station.converter.start(at: .at(0))
    _ = station.frames()
    return station
}

extension Station {
    /// The frames to send; other outputs are kept.
    func frames() -> [[UInt8]] {
        var frames: [[UInt8]] = []
        while let output = converter.nextOutput() {
            if case .sendFrame(let frame) = output { frames.append(frame) } else { outputs.append(output) }
        }
        return frames
    }

    /// What `lift` says, and the frame as it is now.
    func lift(_ packet: [UInt8], at seconds: Double) -> (verdict: LayerConverter.Lift, frame: [UInt8]) {
        var frame = [UInt8](repeating: 0, count: LayerConverter.headroom) + packet
        let verdict = Segment.lift(&frame, &converter, at: .at(seconds))
        return (verdict, frame)
    }

    func hear(
        _ packet: ARPPacket, from source: MACAddress? = nil, to destination: MACAddress, at seconds: Double
    ) {
        var frame = packet.frame(to: destination)
        if let source { frame.replaceSubrange(6..<12, with: source.octets) }
        #expect(converter.lower(frame.rawSpan) == .consume)
        converter.receive(frame.rawSpan, at: .at(seconds))
    }

    func run(until seconds: Double) {
        while let deadline = converter.deadline, deadline <= .at(seconds) {
            converter.handleTimeout(at: deadline)
        }
    }
}

private func header(to destination: MACAddress) -> [UInt8] { destination.octets + clientMAC.octets + [8, 0] }

private func ask(_ address: IPv4Address) -> [UInt8] {
    ARPPacket.request(for: address, from: clientMAC, leased).frame(to: .broadcast)
}

private func answer(_ host: (mac: MACAddress, address: IPv4Address)) -> ARPPacket {
    ARPPacket.request(for: host.address, from: clientMAC, leased).reply(from: host.mac)
}

@Suite struct LiftTests {
    @Test func `the first packet waits for ARP, the next ones go in place`() {
        let station = station()
        let first = packet(from: leased, to: peer.address, [1])
        let second = packet(from: leased, to: peer.address, [2])
        #expect(station.lift(first, at: 1).verdict == .queued)
        #expect(station.frames() == [ask(peer.address)])
        station.hear(answer(peer), to: clientMAC, at: 1.01)
        #expect(station.frames() == [header(to: peer.mac) + first])
        let (verdict, frame) = station.lift(second, at: 1.02)
        #expect(verdict == .send)
        #expect(frame == header(to: peer.mac) + second)
        #expect(station.frames().isEmpty)
    }

    @Test func `what is not on the link goes to the gateway, or by a route`() {
        let route = IPv4Route(to: IPv4Subnet("10.1.0.0/16")!, through: peer.address)
        let onLink = IPv4Route(to: IPv4Subnet("10.2.0.0/16")!, through: .any)
        let station = station(routes: [route, onLink])
        #expect(station.lift(packet(from: leased, to: far), at: 1).verdict == .queued)
        #expect(station.frames() == [ask(gateway.address)])
        #expect(station.lift(packet(from: leased, to: IPv4Address("10.1.2.3")!), at: 1).verdict == .queued)
        #expect(station.frames() == [ask(peer.address)])
        #expect(station.lift(packet(from: leased, to: IPv4Address("10.2.2.3")!), at: 1).verdict == .queued)
        #expect(station.frames() == [ask(IPv4Address("10.2.2.3")!)])
    }

    @Test func `broadcast and multicast need no ARP`() {
        let station = station()
        for (address, mac) in [
            ("255.255.255.255", "ff:ff:ff:ff:ff:ff"), ("192.168.30.255", "ff:ff:ff:ff:ff:ff"),
            ("224.0.0.251", "01:00:5e:00:00:fb"), ("239.255.255.250", "01:00:5e:7f:ff:fa"),
        ] {
            let (verdict, frame) = station.lift(packet(from: leased, to: IPv4Address(address)!), at: 1)
            #expect(verdict == .send)
            #expect(Array(frame[..<14]) == header(to: MACAddress(mac)!))
        }
    }

    @Test func `a foreign source address is dropped`() {
        let station = station()
        for source in [peer.address, .any, .broadcast] {
            #expect(
                station.lift(packet(from: source, to: peer.address), at: 1).verdict == .drop(.spoofedSource))
        }
        #expect(station.frames().isEmpty)
    }

    @Test func `before there is an address nothing goes`() {
        let station = Station(.dhcp(DHCPIdentity(mac: clientMAC)), seed: 1)
        #expect(station.lift(packet(from: leased, to: far), at: 1).verdict == .drop(.noAddress))
        #expect(
            station.lift(packet(from: IPv4Address.any, to: IPv4Address.any), at: 1).verdict
                == .drop(.noAddress))
    }

    @Test func `malformed packets and IPv6 are dropped`() {
        let station = station()
        let good = packet(from: leased, to: .broadcast)
        for count in 0..<good.count {
            #expect(station.lift(Array(good[..<count]), at: 1).verdict == .drop(.malformed))
        }
        var lies = [good, good, good]
        lies[0][0] = 0x44
        lies[1][0] = 0x4f
        lies[2][3] = 19
        for lie in lies { #expect(station.lift(lie, at: 1).verdict == .drop(.malformed)) }
        #expect(station.lift([0x60] + good.dropFirst(), at: 1).verdict == .drop(.ipv6))
        #expect(station.lift(good, at: 1).verdict == .send)
    }

    /// Input 26: nothing is put together here.
    @Test func `overlapping fragments go as they are`() {
        let station = station()
        for offset: UInt8 in [0, 1, 1, 0] {
            var fragment = packet(from: leased, to: .broadcast)
            (fragment[6], fragment[7]) = (0x20, offset)
            let (verdict, frame) = station.lift(fragment, at: 1)
            #expect(verdict == .send)
            #expect(frame.suffix(fragment.count) == fragment[...])
        }
    }

    @Test func `destinations that no host has are dropped`() {
        let station = station()
        for address in [
            leased, IPv4Address("127.0.0.1")!, IPv4Address("0.1.2.3")!, IPv4Address("250.0.0.1")!,
        ] {
            #expect(station.lift(packet(from: leased, to: address), at: 1).verdict == .drop(.noRoute))
        }
    }

    @Test func `a host that does not answer is unreachable for a while`() {
        let station = station()
        #expect(station.lift(packet(from: leased, to: peer.address), at: 1).verdict == .queued)
        station.run(until: 5)
        #expect(station.frames() == [ask(peer.address), ask(peer.address), ask(peer.address)])
        #expect(
            station.lift(packet(from: leased, to: peer.address), at: 5).verdict == .drop(.unreachable))
        #expect(station.lift(packet(from: leased, to: peer.address), at: 7.1).verdict == .queued)
        station.hear(answer(peer), to: clientMAC, at: 7.2)
        #expect(station.frames().count == 2)  // the question, and the one packet that still waits
        #expect(station.outputs.count == 1)
    }

    @Test func `the queue is bounded`() {
        let station = station()
        for _ in 0..<8 { #expect(station.lift(packet(from: leased, to: far), at: 1).verdict == .queued) }
        #expect(station.lift(packet(from: leased, to: far), at: 1).verdict == .drop(.queueFull))
        for host in 1...3 as ClosedRange<UInt32> {
            let address = IPv4Address(peer.address.bits + host)
            for _ in 0..<8 {
                #expect(station.lift(packet(from: leased, to: address), at: 1).verdict == .queued)
            }
        }
        #expect(station.lift(packet(from: leased, to: peer.address), at: 1).verdict == .drop(.queueFull))
    }

    @Test func `a client that scans its network is held back`() {
        let station = station(subnet: "192.168.30.10/16")
        for host in 0..<1000 as Range<UInt32> {
            _ = station.lift(packet(from: leased, to: IPv4Address(0xc0a8_4000 + host)), at: 1)
        }
        #expect(station.frames().count == 32)
    }

    @Test func `a neighbour is confirmed in the background, and its traffic does not stop`() {
        let station = station()
        let data = packet(from: leased, to: peer.address)
        _ = station.lift(data, at: 0)
        station.hear(answer(peer), to: clientMAC, at: 0)
        _ = station.frames()
        #expect(station.lift(data, at: 59).verdict == .send)
        #expect(station.frames().isEmpty)
        #expect(station.lift(data, at: 61).verdict == .send)
        let question = ARPPacket.request(for: peer.address, from: clientMAC, leased).frame(to: peer.mac)
        #expect(station.frames() == [question])
        station.hear(answer(peer), to: clientMAC, at: 61.1)
        station.run(until: 120)
        #expect(station.lift(data, at: 120).verdict == .send)
        #expect(station.frames().isEmpty)
    }

    @Test func `a neighbour that has gone is looked for anew`() {
        let station = station()
        let data = packet(from: leased, to: peer.address)
        _ = station.lift(data, at: 0)
        station.hear(answer(peer), to: clientMAC, at: 0)
        #expect(station.lift(data, at: 61).verdict == .send)
        station.run(until: 63.5)
        #expect(station.lift(data, at: 63.5).verdict == .send)
        #expect(station.frames().last == ask(peer.address))  // the last question goes to all
        station.run(until: 64)
        #expect(station.lift(data, at: 64).verdict == .drop(.unreachable))
    }
}

@Suite struct NeighborTests {
    @Test func `an ARP request for our address is answered, and the asker is known`() {
        let station = station()
        station.hear(.request(for: leased, from: peer.mac, peer.address), to: .broadcast, at: 1)
        let reply = ARPPacket.request(for: leased, from: peer.mac, peer.address).reply(from: clientMAC)
        #expect(station.frames() == [reply.frame(to: peer.mac)])
        #expect(station.lift(packet(from: leased, to: peer.address), at: 1).verdict == .send)
    }

    @Test func `a request for another's address is not answered, and nobody is learnt`() {
        let station = station()
        station.hear(.request(for: gateway.address, from: peer.mac, peer.address), to: .broadcast, at: 1)
        #expect(station.frames().isEmpty)
        #expect(station.lift(packet(from: leased, to: peer.address), at: 1).verdict == .queued)
    }

    @Test func `a probe for our address is answered`() {
        let station = station()
        station.hear(.probe(for: leased, from: peer.mac), to: .broadcast, at: 1)
        let reply = ARPPacket.probe(for: leased, from: peer.mac).reply(from: clientMAC)
        #expect(station.frames() == [reply.frame(to: peer.mac)])
    }

    @Test func `a sender that differs from the Ethernet source is not believed`() {
        let station = station()
        let liar = MACAddress(0x0200_0000_0066)
        _ = station.lift(packet(from: leased, to: peer.address), at: 1)
        _ = station.frames()
        station.hear(answer(peer), from: liar, to: clientMAC, at: 1.1)
        station.hear(.request(for: leased, from: peer.mac, peer.address), from: liar, to: clientMAC, at: 1.1)
        #expect(station.frames().isEmpty)
        #expect(station.converter.ignoredFrames == 2)
        #expect(station.lift(packet(from: leased, to: peer.address), at: 1.2).verdict == .queued)
    }

    @Test func `a reply that nobody asked for makes nothing known`() {
        let station = station()
        station.hear(answer(peer), to: clientMAC, at: 1)
        #expect(station.lift(packet(from: leased, to: peer.address), at: 1).verdict == .queued)
    }

    @Test func `a gratuitous ARP of the gateway updates an entry, but makes none`() {
        let station = station()
        let replacement = MACAddress(0x0200_0000_0099)
        station.hear(.announcement(of: gateway.address, at: replacement), to: .broadcast, at: 1)
        #expect(station.lift(packet(from: leased, to: far), at: 1).verdict == .queued)
        station.hear(answer(gateway), to: clientMAC, at: 1)
        _ = station.frames()
        #expect(
            station.lift(packet(from: leased, to: far), at: 1).frame.starts(with: gateway.mac.octets))
        station.hear(.announcement(of: gateway.address, at: replacement), to: .broadcast, at: 2)
        #expect(station.lift(packet(from: leased, to: far), at: 2).frame.starts(with: replacement.octets))
    }

    @Test func `an address that cannot be a neighbour's is not learnt`() {
        let station = station()
        station.hear(.request(for: leased, from: peer.mac, far), to: .broadcast, at: 1)
        #expect(station.frames().count == 1)  // the reply alone
        #expect(station.lift(packet(from: leased, to: far), at: 1).verdict == .queued)
    }

    @Test func `who claims our address is reported, and told, but not at any rate`() {
        let station = station()
        let announcement = ARPPacket.announcement(of: leased, at: clientMAC).frame(to: .broadcast)
        for second in 1...9 {
            station.hear(.announcement(of: leased, at: peer.mac), to: .broadcast, at: Double(second))
        }
        #expect(station.frames() == [announcement])
        #expect(station.outputs.dropFirst().map { "\($0)" }.count == 1)
        guard case .conflictSeen(let conflict) = station.outputs.last else {
            Issue.record("\(station.outputs)")
            return
        }
        #expect(conflict.description == "192.168.30.10 is in use by 02:00:00:00:00:42")
        station.hear(.announcement(of: leased, at: peer.mac), to: .broadcast, at: 12)
        #expect(station.frames() == [announcement])
        #expect(station.lease?.address == leased)
    }

    @Test func `malformed ARP is ignored`() {
        let station = station()
        let golden = ARPPacket.request(for: leased, from: peer.mac, peer.address).frame(to: .broadcast)
        for offset in [14, 15, 16, 17, 18, 19] {
            var wrong = golden
            wrong[offset] ^= 0x10
            station.converter.receive(wrong.rawSpan, at: .at(1))
        }
        for count in 0..<golden.count {
            station.converter.receive(Array(golden[..<count]).rawSpan, at: .at(1))
        }
        #expect(station.frames().isEmpty)
        #expect(station.converter.ignoredFrames == UInt64(6 + golden.count))
    }
}

@Suite struct LowerTests {
    private func frame(
        _ packet: [UInt8], to destination: MACAddress = clientMAC, from source: MACAddress = peer.mac
    ) -> [UInt8] {
        destination.octets + source.octets + [8, 0] + packet
    }

    private func lower(_ frame: [UInt8], by station: Station) -> LayerConverter.Lower {
        station.converter.lower(frame.rawSpan)
    }

    @Test func `a packet for us is delivered without its padding`() {
        let padded = frame(packet(from: peer.address, to: leased)) + [UInt8](repeating: 0, count: 30)
        #expect(lower(padded, by: station()) == .deliver(offset: 14, length: 23))
    }

    @Test func `broadcast and multicast are delivered`() {
        let station = station()
        for (address, mac) in [
            (IPv4Address.broadcast, MACAddress.broadcast), (IPv4Address("192.168.30.255")!, .broadcast),
            (IPv4Address("224.0.0.251")!, MACAddress("01:00:5e:00:00:fb")!),
        ] {
            let verdict = lower(frame(packet(from: peer.address, to: address), to: mac), by: station)
            #expect(verdict == .deliver(offset: 14, length: 23))
        }
    }

    @Test func `what is for another host, or our own, is dropped`() {
        let station = station()
        let packet = packet(from: peer.address, to: leased)
        #expect(lower(frame(packet, to: gateway.mac), by: station) == .drop(.notForUs))
        #expect(lower(frame(packet, from: clientMAC), by: station) == .drop(.notForUs))
        let foreign = frame(LayerConverterTests.packet(from: peer.address, to: far))
        #expect(lower(foreign, by: station) == .drop(.notForUs))
        // A multicast in a unicast frame is an attack, RFC 1122 §3.3.6.
        let group = frame(LayerConverterTests.packet(from: peer.address, to: .broadcast))
        #expect(lower(group, by: station) == .drop(.notForUs))
    }

    @Test func `of what is flooded only what concerns the client is wanted`() {
        let (stranger, other) = (MACAddress(0x0200_0000_0077), IPv4Address("192.168.30.77")!)
        let station = station()
        func wants(_ frame: [UInt8]) -> Bool { station.converter.wants(flooded: frame.rawSpan) }
        func wants(_ packet: ARPPacket) -> Bool {
            wants(packet.frame(to: .broadcast))
        }
        #expect(wants(.request(for: leased, from: stranger, other)))
        #expect(!wants(.request(for: peer.address, from: stranger, other)))
        #expect(wants(.announcement(of: leased, at: stranger)), "a conflict")
        #expect(!wants(.announcement(of: gateway.address, at: gateway.mac)))
        station.hear(.request(for: leased, from: gateway.mac, gateway.address), to: .broadcast, at: 0)
        #expect(!wants(.request(for: other, from: gateway.mac, gateway.address)), "nothing new")
        #expect(wants(.announcement(of: gateway.address, at: stranger)), "the gateway has moved")
        _ = station.lift(packet(from: leased, to: peer.address), at: 0)
        #expect(wants(.announcement(of: peer.address, at: peer.mac)), "who is asked for")
        let broadcast = UDPFrame(
            from: UDPEndpoint(mac: stranger, address: other, port: 9),
            to: UDPEndpoint(mac: .broadcast, address: .broadcast, port: 9), payload: [1])
        #expect(wants(broadcast.bytes))
        let foreign = UDPFrame(
            from: broadcast.source, to: UDPEndpoint(mac: stranger, address: other, port: 9), payload: [1])
        #expect(!wants(foreign.bytes))
    }

    @Test func `malformed, tagged and other frames are dropped`() {
        let station = station()
        let good = frame(packet(from: peer.address, to: leased))
        for count in 0..<good.count {
            #expect(lower(Array(good[..<count]), by: station) == .drop(.malformed))
        }
        let addresses = clientMAC.octets + peer.mac.octets
        #expect(lower(addresses + [0x81, 0, 0, 1, 8, 0] + good[14...], by: station) == .drop(.unsupported))
        #expect(lower(addresses + [0x00, 0x2e] + good[14...], by: station) == .drop(.unsupported))
        #expect(lower(addresses + [0x86, 0xdd] + good[14...], by: station) == .drop(.ipv6))
        #expect(lower(addresses + [0x08, 0x06], by: station) == .consume)
    }

    @Test func `our DHCP is consumed, the answer to the client's own DHCPINFORM is delivered`() throws {
        let station = Station(.dhcp(DHCPIdentity(mac: clientMAC)), seed: 1)
        station.converter.start(at: .at(0))
        let discover = try #require(station.frames().first)
        let xid = Array(discover[46..<50])
        let ours = frame(dhcp(xid: xid, to: leased))
        #expect(lower(ours, by: station) == .consume)
        #expect(lower(frame(dhcp(xid: [1, 2, 3, 4], to: leased)), by: station) == .drop(.noAddress))

        let bound = LayerConverterTests.station()
        #expect(
            lower(frame(dhcp(xid: [1, 2, 3, 4], to: leased)), by: bound) == .deliver(offset: 14, length: 36))
    }

    /// The beginning of a DHCP message is enough to tell whose it is.
    private func dhcp(xid: [UInt8], to address: IPv4Address) -> [UInt8] {
        packet(from: serverA, to: address, [0, 67, 0, 68, 0, 16, 0, 0, 2, 1, 6, 0] + xid)
    }

    @Test func `DHCP that is malformed, unchecked or from another port is ignored`() throws {
        let station = Station(.dhcp(DHCPIdentity(mac: clientMAC)), seed: 1)
        station.converter.start(at: .at(0))
        let discover = try #require(station.frames().first)
        let xid = discover.rawSpan.bigEndian(at: 46, as: UInt32.self)
        var offer = DHCPMessage(.bootReply, .offer, xid: xid, chaddr: clientMAC)
        offer.yiaddr = leased
        offer.options.set(.serverIdentifier, serverA)
        let good = UDPFrame(
            from: UDPEndpoint(mac: gateway.mac, address: serverA, port: 67),
            to: UDPEndpoint(mac: clientMAC, address: leased, port: 68), payload: offer.bytes
        ).bytes

        for offset in stride(from: 12, to: good.count, by: 3) {
            var wrong = good
            wrong[offset] ^= 0x55
            station.converter.receive(wrong.rawSpan, at: .at(0))
        }
        for count in 0..<good.count {
            station.converter.receive(Array(good[..<count]).rawSpan, at: .at(0))
        }
        #expect(station.frames().isEmpty)
        station.converter.receive(good.rawSpan, at: .at(0))
        #expect(station.frames().count == 1)
    }
}
