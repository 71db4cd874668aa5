import Testing
import Wire

@testable import SecureNAT

@Suite struct VirtualRouterTests {
    static let router = MACAddress(0x0200_0000_aa01)
    static let client = MACAddress(0x0200_0000_0007)
    static let address = IPv4Address("192.168.30.7")!
    static let outside = IPv4Address("198.51.100.9")!
    static let gateway = DHCPServerTests.server
    static let start = DHCPServerTests.start

    /// The router between a segment and an engine, both written down.
    struct Segment {
        var router = VirtualRouter(
            DHCPServer(DHCPServerTests.settings(), at: start), mac: VirtualRouterTests.router)
        var now = start

        /// What the engine gets of this frame, or nil.
        mutating func hub(_ frame: [UInt8]) -> [UInt8]? {
            var frame = frame
            var span = frame.mutableSpan
            var bytes = span.mutableBytes
            let verdict = router.receivedFromHub(&bytes, at: now)
            return verdict == .forward ? frame : nil
        }

        /// What the segment gets of this frame, or nil.
        mutating func engine(_ frame: [UInt8]) -> [UInt8]? {
            var frame = frame
            var span = frame.mutableSpan
            var bytes = span.mutableBytes
            let verdict = router.receivedFromNAT(&bytes, at: now)
            return verdict == .forward ? frame : nil
        }

        mutating func outputs() -> [VirtualRouter.Output] {
            var outputs: [VirtualRouter.Output] = []
            while let output = router.nextOutput() { outputs.append(output) }
            return outputs
        }

        mutating func pass(_ duration: Duration) {
            now.instant = now.instant.advanced(by: duration)
            now.wallClock += duration.components.seconds
        }
    }

    static func udp(
        from source: IPv4Address = address, to destination: IPv4Address, port: UInt16 = 4000,
        mac: MACAddress = client, toMAC: MACAddress = router
    ) -> [UInt8] {
        UDPFrame(
            from: UDPEndpoint(mac: mac, address: source, port: 1234),
            to: UDPEndpoint(mac: toMAC, address: destination, port: port), payload: [1, 2, 3]
        ).bytes
    }

    static func ip(
        _ kind: IPProtocol, to destination: IPv4Address, _ payload: [UInt8], timeToLive: UInt8 = 64
    ) -> [UInt8] {
        var frame: [UInt8] = []
        frame.appendEthernetHeader(to: router, from: client, carrying: .ipv4)
        var header = IPv4Header(from: address, to: destination, carrying: kind, length: payload.count)
        header.timeToLive = timeToLive
        header.serialize(into: &frame)
        return frame + payload
    }

    static func echo(_ type: UInt8) -> [UInt8] {
        var message: [UInt8] = [type, 0, 0, 0, 0x12, 0x34, 0, 1] + Array(0..<40)
        let checksum = InternetChecksum.of(message.rawSpan)
        message[2] = UInt8(checksum >> 8)
        message[3] = UInt8(checksum & 255)
        return message
    }

    static func tcp(flags: UInt8, port: UInt16) -> [UInt8] {
        var segment: [UInt8] = [0x10, 0]
        segment.appendBigEndian(port)
        return segment + [0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]
    }

    static func rewritten(_ frame: [UInt8], to destination: MACAddress, from source: MACAddress) -> [UInt8] {
        destination.octets + source.octets + frame.dropFirst(12)
    }

    // MARK: the router itself

    @Test func `ARP for the router is answered, for others not`() {
        var segment = Segment()
        let question = ARPPacket.request(for: Self.gateway, from: Self.client, Self.address)
        #expect(segment.hub(question.frame(to: .broadcast)) == nil)
        #expect(segment.outputs() == [.sendToHub(question.reply(from: Self.router).frame(to: Self.client))])
        let other = ARPPacket.request(for: IPv4Address("192.168.30.8")!, from: Self.client, Self.address)
        #expect(segment.hub(other.frame(to: .broadcast)) == nil)
        #expect(segment.outputs() == [])
    }

    @Test func `a probe for the router's address is answered too`() {
        var segment = Segment()
        let probe = ARPPacket.probe(for: Self.gateway, from: Self.client)
        #expect(segment.hub(probe.frame(to: .broadcast)) == nil)
        #expect(segment.outputs() == [.sendToHub(probe.reply(from: Self.router).frame(to: Self.client))])
    }

    @Test func `who claims the router's address is contradicted, at most every ten seconds`() {
        var segment = Segment()
        let claim = ARPPacket.announcement(of: Self.gateway, at: Self.client).frame(to: .broadcast)
        let defence = ARPPacket.announcement(of: Self.gateway, at: Self.router).frame(to: .broadcast)
        #expect(segment.hub(claim) == nil)
        #expect(segment.outputs() == [.sendToHub(defence)])
        #expect(segment.hub(claim) == nil)
        #expect(segment.outputs() == [])
        segment.pass(.seconds(10))
        #expect(segment.hub(claim) == nil)
        #expect(segment.outputs() == [.sendToHub(defence)])
        #expect(segment.router.drops == [.addressConflict: 3])
    }

    @Test func `an echo to the router comes back`() {
        var segment = Segment()
        #expect(segment.hub(Self.ip(.icmp, to: Self.gateway, Self.echo(8))) == nil)
        var expected: [UInt8] = []
        expected.appendEthernetHeader(to: Self.client, from: Self.router, carrying: .ipv4)
        IPv4Header(from: Self.gateway, to: Self.address, carrying: .icmp, length: 48).serialize(
            into: &expected)
        #expect(segment.outputs() == [.sendToHub(expected + Self.echo(0))])
    }

    @Test func `DHCP is answered from the router's address, the record first`() throws {
        var segment = Segment()
        var request = DHCPMessage(.bootRequest, .request, xid: 1, chaddr: Self.client)
        request.ciaddr = Self.address
        request.ciaddr = DHCPServerTests.address(20)
        let renewal = UDPFrame(
            from: UDPEndpoint(mac: Self.client, address: request.ciaddr, port: 68),
            to: UDPEndpoint(mac: Self.router, address: Self.gateway, port: 67), payload: request.bytes)
        #expect(segment.hub(renewal.bytes) == nil)
        let outputs = segment.outputs()
        guard outputs.count == 2, case .leaseChanged(let record) = outputs[0],
            case .sendToHub(let frame) = outputs[1], let ethernet = EthernetFrame(frame.rawSpan),
            let packet = IPv4Packet(ethernet.payload), let datagram = UDPDatagram(packet.payload)
        else {
            Issue.record("expected a record and an answer")
            return
        }
        #expect(record.address == request.ciaddr)
        let (destination, source) = (ethernet.destination, ethernet.source)
        #expect(destination == Self.client && source == Self.router)
        let (from, to) = (packet.source, packet.destination)
        #expect(from == Self.gateway && to == request.ciaddr)
        let ports = [datagram.sourcePort, datagram.destinationPort]
        #expect(ports == [67, 68])
    }

    @Test func `an address that somebody took without a lease is not offered`() {
        var segment = Segment()
        let squatter = ARPPacket.announcement(
            of: DHCPServerTests.address(10), at: MACAddress(0x0200_0000_0099))
        #expect(segment.hub(squatter.frame(to: .broadcast)) == nil)
        let discover = UDPFrame(
            from: UDPEndpoint(mac: Self.client, address: .any, port: 68),
            to: UDPEndpoint(mac: .broadcast, address: .broadcast, port: 67),
            payload: DHCPMessage(.bootRequest, .discover, xid: 1, chaddr: Self.client).bytes)
        #expect(segment.hub(discover.bytes) == nil)
        guard case .sendToHub(let offer)? = segment.outputs().first else {
            Issue.record("no offer")
            return
        }
        // The destination of the offer is the address that is offered.
        #expect(offer[30..<34] == [192, 168, 30, 11])
    }

    @Test func `a DHCP message with a bad checksum is counted`() {
        var segment = Segment()
        var frame = UDPFrame(
            from: UDPEndpoint(mac: Self.client, address: .any, port: 68),
            to: UDPEndpoint(mac: .broadcast, address: .broadcast, port: 67),
            payload: DHCPMessage(.bootRequest, .discover, xid: 1, chaddr: Self.client).bytes
        ).bytes
        frame[frame.count - 1] ^= 1
        #expect(segment.hub(frame) == nil)
        #expect(segment.outputs() == [])
        #expect(segment.router.dhcp.malformed == 1)
    }

    @Test func `services that the router lacks are refused aloud`() {
        var segment = Segment()
        for frame in [
            Self.udp(to: Self.gateway, port: 161),
            Self.ip(.tcp, to: Self.gateway, Self.tcp(flags: 2, port: 80)),
        ] {
            #expect(segment.hub(frame) == nil)
            guard case .sendToHub(let complaint)? = segment.outputs().first else {
                Issue.record("no complaint")
                continue
            }
            // Type and code, then the quoted header and eight octets.
            #expect(complaint[34...35] == [3, 3])
            #expect(complaint[42...] == frame[14..<42])
        }
    }

    // MARK: to the engine

    @Test func `what goes outside is rewritten to the one MAC`() {
        var segment = Segment()
        let frame = Self.udp(to: Self.outside)
        let expected = Self.rewritten(frame, to: VirtualRouter.engineMAC, from: VirtualRouter.clientMAC)
        #expect(segment.hub(frame) == expected)
        #expect(segment.outputs() == [])
    }

    @Test func `names are resolved by the engine`() {
        var segment = Segment()
        #expect(segment.hub(Self.udp(to: Self.gateway, port: 53)) != nil)
        #expect(segment.hub(Self.ip(.tcp, to: Self.gateway, Self.tcp(flags: 2, port: 53))) != nil)
    }

    @Test(arguments: [
        "10.0.0.1", "0.0.0.0", "192.168.30.1", "192.168.30.0", "192.168.30.255", "192.168.31.7",
    ])
    func `a source that is no client of the segment is dropped`(_ text: String) throws {
        var segment = Segment()
        let source = try #require(IPv4Address(text))
        #expect(segment.hub(Self.udp(from: source, to: Self.outside)) == nil)
        #expect(segment.router.drops == [.foreignSource: 1])
    }

    @Test(
        arguments: [
            "127.0.0.1", "0.1.2.3", "169.254.169.254", "224.0.0.1", "255.255.255.255", "192.168.30.8",
        ])
    func `nothing is routed to the host's own or back into the segment`(_ text: String) throws {
        var segment = Segment()
        let destination = try #require(IPv4Address(text))
        #expect(segment.hub(Self.udp(to: destination)) == nil)
        #expect(segment.router.drops == [.notRoutable: 1])
    }

    @Test func `frames for others are let by`() {
        var segment = Segment()
        #expect(segment.hub(Self.udp(to: Self.outside, toMAC: Self.client)) == nil)
        #expect(segment.hub(Self.udp(to: Self.outside, toMAC: .broadcast)) == nil)
        #expect(segment.hub(Self.udp(to: Self.outside, mac: Self.router)) == nil)
        #expect(segment.router.drops == [:])
    }

    @Test func `a packet at the end of its life is told so`() {
        var segment = Segment()
        let frame = Self.ip(.udp, to: Self.outside, [0, 1, 0, 2, 0, 8, 0, 0], timeToLive: 1)
        #expect(segment.hub(frame) == nil)
        guard case .sendToHub(let complaint)? = segment.outputs().first else {
            Issue.record("no complaint")
            return
        }
        #expect(complaint[34...35] == [11, 0])
    }

    @Test func `a full engine gets no new connections, and goes on with the old`() {
        var segment = Segment()
        segment.router.natHasRoom = false
        #expect(segment.hub(Self.ip(.tcp, to: Self.outside, Self.tcp(flags: 0x02, port: 80))) == nil)
        #expect(segment.hub(Self.ip(.tcp, to: Self.outside, Self.tcp(flags: 0x10, port: 80))) != nil)
        #expect(segment.hub(Self.udp(to: Self.outside)) == nil)
        #expect(segment.hub(Self.udp(to: Self.gateway, port: 53)) == nil)
        #expect(segment.router.drops == [.natFull: 3])
    }

    @Test func `every prefix of a frame is refused or harmless`() {
        var segment = Segment()
        let frames = [
            Self.udp(to: Self.outside), Self.ip(.icmp, to: Self.gateway, Self.echo(8)),
            Self.ip(.tcp, to: Self.outside, Self.tcp(flags: 2, port: 80)),
            ARPPacket.request(for: Self.gateway, from: Self.client, Self.address).frame(to: .broadcast),
        ]
        for frame in frames {
            for count in 0..<frame.count {
                #expect(segment.hub(Array(frame.prefix(count))) == nil)
                #expect(segment.engine(Array(frame.prefix(count))) == nil)
            }
        }
        #expect(segment.outputs() == [])
    }

    @Test(arguments: 0..<20 as Range<UInt64>) func `frames that are damaged at random do no harm`(
        _ seed: UInt64
    ) {
        var random = SplitMix64(seed: seed)
        var segment = Segment()
        let discover = DHCPMessage(.bootRequest, .discover, xid: 1, chaddr: Self.client)
        let frames = [
            Self.udp(to: Self.outside), Self.ip(.icmp, to: Self.gateway, Self.echo(8)),
            Self.ip(.tcp, to: Self.outside, Self.tcp(flags: 2, port: 80)),
            ARPPacket.request(for: Self.gateway, from: Self.client, Self.address).frame(to: .broadcast),
            UDPFrame(
                from: UDPEndpoint(mac: Self.client, address: .any, port: 68),
                to: UDPEndpoint(mac: .broadcast, address: .broadcast, port: 67), payload: discover.bytes
            ).bytes,
        ]
        for _ in 0..<500 {
            var frame = frames.randomElement(using: &random)!
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                frame[Int.random(in: frame.indices, using: &random)] = .random(in: 0...255, using: &random)
            }
            frame = Array(frame.prefix(.random(in: 0...frame.count, using: &random)))
            _ = segment.hub(frame)
            _ = segment.engine(frame)
            // An answer and a record each way at most, and a released queue.
            #expect(segment.outputs().count <= 4 + Neighbours.maxWaitingFrames)
            segment.pass(.milliseconds(100))
            segment.router.handleTimeout(at: segment.now)
        }
    }

    // MARK: from the engine

    static func fromEngine(to destination: IPv4Address = address) -> [UInt8] {
        udp(from: outside, to: destination, mac: VirtualRouter.engineMAC, toMAC: VirtualRouter.clientMAC)
    }

    @Test func `an answer goes to the MAC from which its client spoke`() {
        var segment = Segment()
        #expect(segment.hub(Self.udp(to: Self.outside)) != nil)
        let answer = Self.fromEngine()
        #expect(segment.engine(answer) == Self.rewritten(answer, to: Self.client, from: Self.router))
    }

    @Test func `frames for an unknown client wait for ARP`() {
        var segment = Segment()
        let answer = Self.fromEngine()
        for _ in 0..<Neighbours.maxWaitingFrames + 1 { #expect(segment.engine(answer) == nil) }
        let question = ARPPacket.request(for: Self.address, from: Self.router, Self.gateway)
        #expect(segment.outputs() == [.sendToHub(question.frame(to: .broadcast))])
        #expect(segment.router.drops == [.unresolved: 1])

        let reply = question.reply(from: Self.client).frame(to: Self.router)
        #expect(segment.hub(reply) == nil)
        let delivered = VirtualRouter.Output.sendToHub(
            Self.rewritten(answer, to: Self.client, from: Self.router))
        #expect(segment.outputs() == Array(repeating: delivered, count: Neighbours.maxWaitingFrames))
    }

    @Test func `a silent client is asked for three times`() throws {
        var segment = Segment()
        #expect(segment.engine(Self.fromEngine()) == nil)
        var requests = segment.outputs().count
        while let deadline = segment.router.deadline {
            segment.now.instant = deadline
            segment.router.handleTimeout(at: segment.now)
            requests += segment.outputs().count
            try #require(requests < 10)
        }
        #expect(requests == 3)
        #expect(segment.now.instant == Self.start.instant.advanced(by: .seconds(3)))
    }

    @Test func `neighbours age`() {
        var segment = Segment()
        #expect(segment.hub(Self.udp(to: Self.outside)) != nil)
        segment.pass(Neighbours.lifetime)
        #expect(segment.engine(Self.fromEngine()) == nil)
    }

    @Test func `the tables that a client can fill are bounded`() {
        var neighbours = Neighbours()
        let now = Self.start.instant
        for number in 0..<UInt32(Neighbours.maxEntries + 10) {
            _ = neighbours.learn(IPv4Address(number), is: Self.client, at: now)
        }
        #expect(neighbours.count == Neighbours.maxEntries)
        for number in 0..<UInt32(Neighbours.maxAwaited + 10) {
            let result = neighbours.wait(for: IPv4Address(number), [1], at: now)
            #expect(result == (number < Neighbours.maxAwaited ? .request : .dropped))
        }
    }

    @Test func `the engine's questions are answered with one MAC for all clients`() {
        var segment = Segment()
        for host in [7, 8] as [UInt32] {
            let question = ARPPacket.request(
                for: DHCPServerTests.address(host), from: VirtualRouter.engineMAC, Self.gateway)
            #expect(segment.engine(question.frame(to: .broadcast)) == nil)
            let reply = question.reply(from: VirtualRouter.clientMAC).frame(to: VirtualRouter.engineMAC)
            #expect(segment.outputs() == [.sendToNAT(reply)])
        }
    }

    @Test func `the engine's own errors come from the router`() {
        var segment = Segment()
        #expect(segment.hub(Self.udp(to: Self.outside)) != nil)
        func error(from source: IPv4Address) -> [UInt8] {
            var frame: [UInt8] = []
            frame.appendEthernetHeader(
                to: VirtualRouter.clientMAC, from: VirtualRouter.engineMAC, carrying: .ipv4)
            IPv4Header(from: source, to: Self.address, carrying: .icmp, length: 8).serialize(into: &frame)
            return frame + [3, 1, 0, 0, 0, 0, 0, 0]
        }
        let expected = Self.rewritten(error(from: Self.gateway), to: Self.client, from: Self.router)
        #expect(segment.engine(error(from: DHCPServerTests.address(0))) == expected)
    }

    @Test func `the engine cannot reach past the clients`() {
        var segment = Segment()
        for text in ["192.168.30.1", "192.168.30.255", "255.255.255.255", "10.0.0.1"] {
            #expect(segment.engine(Self.fromEngine(to: IPv4Address(text)!)) == nil)
        }
        #expect(segment.outputs() == [])
    }
}
