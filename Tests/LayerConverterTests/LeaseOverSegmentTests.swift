import LayerConverter
import Testing
import Wire

private let macA = MACAddress(0x0200_0000_000a)
private let macB = MACAddress(0x0200_0000_000b)
private let stranger = MACAddress(0x0200_0000_00ee)

private func addresses(_ range: ClosedRange<UInt32>) -> [IPv4Address] {
    range.map { IPv4Address(0xc0a8_1e00 + $0) }
}

@Suite struct LeaseOverSegmentTests {
    private func station(_ number: Int, wish: IPv4Address? = nil) -> Station {
        var identity = DHCPIdentity(mac: stationMAC(number))
        identity.wish = wish
        identity.wishIsFormerLease = wish != nil
        return Station(.dhcp(identity), seed: UInt64(number))
    }

    @Test func `a client gets an address, announces it, and keeps it at T1`() throws {
        let segment = Segment(seed: 1)
        let server = SimulatedDHCPServer(serverA, macA, lending: addresses(10...20))
        segment.servers = [server]
        let station = station(1)
        segment.start(station)
        segment.run(for: .seconds(1))
        let lease = try #require(station.lease)
        #expect(station.outputs == [.addressReady(lease)])
        #expect(lease.address == IPv4Address("192.168.30.10"))
        #expect(
            segment.frames.last
                == ARPPacket.announcement(of: lease.address, at: stationMAC(1)).frame(to: .broadcast))

        segment.run(for: .seconds(1801))
        #expect(server.heard == [.discover, .request, .request])
        let renewed = try #require(station.lease)
        #expect(station.outputs.last == .leaseRenewed(renewed))
        let renewal = try #require(segment.frames.dropLast().last)
        #expect(Array(renewal[..<6]) == macA.octets)
    }

    @Test func `the address is given back at the end, to its server alone`() throws {
        let segment = Segment(seed: 1)
        let server = SimulatedDHCPServer(serverA, macA, lending: addresses(10...10))
        segment.servers = [server]
        let station = station(1)
        segment.start(station)
        segment.run(for: .seconds(1))
        #expect(server.free.isEmpty)
        segment.close(station)
        segment.run(for: .seconds(1))
        #expect(server.heard.last == .release)
        #expect(server.free == addresses(10...10))
        #expect(segment.frames.last.map { Array($0[..<6]) } == macA.octets)
        #expect(station.lease == nil)
        #expect(segment.lift(packet(from: leased, to: serverA), from: station) == .drop(.noAddress))
        let deadline = station.converter.deadline
        #expect(deadline == nil)
    }

    @Test func `without a server the client is refused after ten seconds`() {
        let segment = Segment(seed: 1)
        let station = station(1)
        segment.start(station)
        segment.run(for: .milliseconds(9999))
        #expect(station.outputs.isEmpty)
        segment.run(for: .milliseconds(2))
        #expect(station.outputs == [.refused(.noServerAnswered)])
    }

    @Test func `a server without addresses is as none`() {
        let segment = Segment(seed: 1)
        segment.servers = [SimulatedDHCPServer(serverA, macA, lending: [])]
        let station = station(1)
        segment.start(station)
        segment.run(for: .seconds(11))
        #expect(station.outputs == [.refused(.noServerAnswered)])
    }

    @Test func `an address that another host has is declined`() throws {
        let segment = Segment(seed: 1)
        let server = SimulatedDHCPServer(serverA, macA, lending: addresses(10...20))
        segment.servers = [server]
        segment.hosts = [IPv4Address("192.168.30.10")!: stranger, IPv4Address("192.168.30.11")!: stranger]
        let station = station(1)
        segment.start(station)
        segment.run(for: .seconds(5))
        #expect(server.declined == addresses(10...11))
        #expect(station.lease?.address == IPv4Address("192.168.30.12"))
    }

    @Test func `when each offered address is in use the client is refused`() {
        let segment = Segment(seed: 1)
        segment.servers = [SimulatedDHCPServer(serverA, macA, lending: addresses(10...20))]
        for address in addresses(10...20) { segment.hosts[address] = stranger }
        let station = station(1)
        segment.start(station)
        segment.run(for: .seconds(10))
        #expect(station.outputs == [.refused(.noFreeAddress)])
    }

    @Test func `a former lease is confirmed by its server in one round`() {
        let segment = Segment(seed: 1)
        let server = SimulatedDHCPServer(serverA, macA, lending: addresses(10...20))
        server.leases[stationMAC(1)] = leased
        segment.servers = [server]
        let station = station(1, wish: leased)
        segment.start(station)
        segment.run(for: .seconds(1))
        #expect(server.heard == [.request])
        #expect(station.lease?.address == leased)
    }

    @Test func `a former lease that is another's now leads to a new one`() {
        let segment = Segment(seed: 1)
        let server = SimulatedDHCPServer(serverA, macA, lending: addresses(12...20))
        server.leases = [stationMAC(1): IPv4Address("192.168.30.11")!, stranger: leased]
        segment.servers = [server]
        let station = station(1, wish: leased)
        segment.start(station)
        segment.run(for: .seconds(2))
        #expect(server.heard == [.request, .discover, .request])
        #expect(station.lease?.address == IPv4Address("192.168.30.11"))
    }

    @Test func `another server takes the lease over when the first is gone`() {
        let segment = Segment(seed: 1)
        let (first, second) = (
            SimulatedDHCPServer(serverA, macA, lending: addresses(10...10)),
            SimulatedDHCPServer(serverB, macB, lending: [])
        )
        segment.servers = [first, second]
        let station = station(1)
        segment.start(station)
        segment.run(for: .seconds(1))
        second.leases = first.leases
        first.isAlive = false
        segment.run(for: .seconds(3500))
        #expect(station.lease?.server == serverB)
        #expect(station.lease?.address == leased)
    }

    @Test func `a lease that no server renews ends the session`() {
        let segment = Segment(seed: 1)
        let server = SimulatedDHCPServer(serverA, macA, lending: addresses(10...10))
        segment.servers = [server]
        let station = station(1)
        segment.start(station)
        segment.run(for: .seconds(1))
        server.isAlive = false
        segment.run(for: .seconds(3600))
        #expect(station.outputs.last == .addressLost(.leaseExpired))
        #expect(segment.lift(packet(from: leased, to: serverA), from: station) == .drop(.noAddress))
    }

    @Test func `a fixed address is probed and announced`() throws {
        let segment = Segment(seed: 1)
        let fixed = AddressLease(fixed: IPv4Subnet("192.168.30.77/24")!, gateway: serverA)
        let station = Station(.fixed(fixed, mac: stationMAC(1)), seed: 1)
        segment.start(station)
        #expect(station.lease == nil)
        segment.run(for: .seconds(1))
        #expect(station.lease?.address == fixed.address)
        #expect(
            segment.frames == [
                ARPPacket.probe(for: fixed.address, from: stationMAC(1)).frame(to: .broadcast),
                ARPPacket.probe(for: fixed.address, from: stationMAC(1)).frame(to: .broadcast),
                ARPPacket.announcement(of: fixed.address, at: stationMAC(1)).frame(to: .broadcast),
            ])
    }

    @Test func `a fixed address in use is refused`() {
        let segment = Segment(seed: 1)
        segment.hosts[leased] = stranger
        let station = Station(
            .fixed(AddressLease(fixed: IPv4Subnet("192.168.30.10/24")!, gateway: nil), mac: stationMAC(1)),
            seed: 1)
        segment.start(station)
        segment.run(for: .seconds(1))
        guard case .refused(let refusal) = station.outputs.last else {
            Issue.record("\(station.outputs)")
            return
        }
        #expect(
            refusal.description == "the fixed address 192.168.30.10 is in use by 02:00:00:00:00:ee")
    }

    @Test func `probing can be left out`() {
        let segment = Segment(seed: 1)
        segment.servers = [SimulatedDHCPServer(serverA, macA, lending: addresses(10...20))]
        var timing = AddressTiming()
        timing.probes = 0
        let station = Station(.dhcp(DHCPIdentity(mac: stationMAC(1))), timing: timing, seed: 1)
        segment.start(station)
        segment.run(for: .milliseconds(30))
        #expect(station.lease != nil)
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `over a lossy segment everybody gets an address of its own or is refused`(seed: UInt64) {
        let segment = Segment(seed: seed)
        segment.loss = 0.25
        segment.duplication = 0.1
        segment.maxDelay = .milliseconds(400)
        let servers = [
            SimulatedDHCPServer(serverA, macA, lending: addresses(10...14)),
            SimulatedDHCPServer(serverB, macB, lending: addresses(15...19)),
        ]
        segment.servers = servers
        for number in 0..<8 { segment.start(station(number)) }
        segment.run(for: .seconds(12))

        for station in segment.stations { #expect(station.outputs.count == 1) }
        let bound = segment.stations.filter { $0.lease != nil }
        #expect(Set(bound.map { $0.lease!.address }).count == bound.count)
        for station in bound {
            let server = servers.first { $0.address == station.lease!.server }
            #expect(server?.leases[station.converter.mac] == station.lease!.address)
        }

        // They hold their leases for half a day in spite of losses: ten requests for each renewal.
        segment.loss = 0.1
        segment.run(for: .seconds(86_400 / 2))
        for station in bound { #expect(station.lease != nil) }
    }

    @Test func `with few losses everybody is served`() {
        for seed in 0..<20 as Range<UInt64> {
            let segment = Segment(seed: seed)
            segment.loss = 0.05
            segment.servers = [SimulatedDHCPServer(serverA, macA, lending: addresses(10...40))]
            for number in 0..<8 { segment.start(station(number)) }
            segment.run(for: .seconds(12))
            #expect(segment.stations.allSatisfy { $0.lease != nil }, "seed \(seed)")
        }
    }
}
