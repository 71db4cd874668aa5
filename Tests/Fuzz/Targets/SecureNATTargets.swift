import SecureNAT
import Wire

extension FuzzTarget {
    static let secureNATTargets = [
        FuzzTarget("dhcp-server") { bytes in
            var run = DHCPServerRun(bytes)
            run.perform()
        },
        FuzzTarget("virtual-router") { bytes in
            var run = RouterRun(bytes)
            run.perform()
        },
    ]

    fileprivate static var server: DHCPServer {
        // Small, so that it is full soon.
        let network = IPv4Subnet("192.168.30.1/28")!
        guard let settings = try? DHCPSettings(network: network) else {
            preconditionFailure("a network of sixteen addresses is one")
        }
        return DHCPServer(settings, at: Moment(instant: Instant(nanoseconds: 1), wallClock: 1_000_000_000))
    }
}

extension FuzzScript {
    fileprivate mutating func request() -> DHCPMessage {
        let type = DHCPMessage.MessageType(rawValue: octet())
        var message = DHCPMessage(.bootRequest, type, xid: UInt32(word()), chaddr: mac())
        message.ciaddr = address()
        message.options = dhcpOptions()
        message.isBroadcast = octet() & 1 != 0
        if octet() & 7 == 7 { message.giaddr = address() }
        if octet() & 1 != 0 { message.options.set(.requestedAddress, address()) }
        if octet() & 1 != 0 { message.options.set(.serverIdentifier, IPv4Address(0xc0a8_1e01)) }
        return message
    }
}

extension Moment {
    fileprivate mutating func advance(_ duration: Duration) {
        instant = instant + duration
        wallClock += duration.components.seconds
    }
}

private struct DHCPServerRun {
    private var script: FuzzScript
    private var server = FuzzTarget.server
    private var now = Moment(instant: Instant(nanoseconds: 1_000_000_000), wallClock: 1_000_000_001)

    init(_ bytes: [UInt8]) { script = FuzzScript(bytes) }

    mutating func perform() {
        while let step = script.step() {
            switch step % 4 {
            case 0:
                var reader = ByteReader(script.octets().rawSpan)
                if let message = try? DHCPMessage(parsing: &reader) { receive(message) }
            case 1, 2: receive(script.request())
            case _: now.advance(.seconds(Int(script.word())))
            }
        }
    }

    private mutating func receive(_ message: DHCPMessage) {
        server.receive(message, wasBroadcast: script.octet() & 1 != 0, at: now)
        while let output = server.nextOutput() {
            guard case .send(let answer, _) = output else { continue }
            precondition(answer.op == .bootReply && answer.xid == message.xid, "an answer to nobody")
        }
        let leases = server.leases(at: now)
        precondition(Set(leases.map(\.address)).count == leases.count, "an address is lent twice")
        precondition(Set(leases.map(\.client.identifier)).count == leases.count, "two leases of one client")
        for lease in leases {
            precondition(server.settings.network.contains(lease.address), "a lease outside of the network")
            precondition(lease.address != server.settings.network.address, "the server's own is lent")
        }
    }
}

private struct RouterRun {
    private static let mac = MACAddress(0x5e00_0000_0002)

    private var script: FuzzScript
    private var router = VirtualRouter(FuzzTarget.server, mac: mac)
    private var now = Moment(instant: Instant(nanoseconds: 1_000_000_000), wallClock: 1_000_000_001)

    init(_ bytes: [UInt8]) { script = FuzzScript(bytes) }

    mutating func perform() {
        while let step = script.step() {
            switch step % 7 {
            case 0: fromHub(script.octets())
            case 1: fromHub(script.arp())
            case 2: fromHub(dhcp())
            case 3: fromHub(packet(to: Self.mac))
            case 4: fromNAT(script.octets())
            case 5: fromNAT(packet(to: VirtualRouter.clientMAC))
            case _: wait(.milliseconds(Int(script.word())))
            }
            drain()
        }
    }

    private mutating func fromHub(_ octets: [UInt8]) {
        var frame = octets
        let verdict = pass(&frame) { $0.receivedFromHub(&$1, at: $2) }
        guard verdict == .forward else { return }
        precondition(
            frame.prefix(12) == ArraySlice(VirtualRouter.engineMAC.octets + VirtualRouter.clientMAC.octets))
    }

    private mutating func fromNAT(_ octets: [UInt8]) {
        var frame = octets
        let verdict = pass(&frame) { $0.receivedFromNAT(&$1, at: $2) }
        if verdict == .forward { precondition(Array(frame[6..<12]) == Self.mac.octets, "in another's name") }
    }

    private mutating func pass(
        _ frame: inout [UInt8],
        _ body: (inout VirtualRouter, inout MutableRawSpan, Moment) -> VirtualRouter.Verdict
    ) -> VirtualRouter.Verdict {
        var octets = frame.mutableSpan
        var span = octets.mutableBytes
        return body(&router, &span, now)
    }

    private mutating func wait(_ duration: Duration) {
        let end = now.instant + duration
        var stuck = 0
        while let deadline = router.deadline, deadline <= end {
            stuck = deadline > now.instant ? 0 : stuck + 1
            precondition(stuck < 100, "a deadline does not move")
            if deadline > now.instant { now.instant = deadline }
            router.handleTimeout(at: now)
            drain()
        }
        now.instant = end
    }

    private mutating func drain() {
        var outputs = 0
        while let output = router.nextOutput() {
            outputs += 1
            precondition(outputs < 4096, "one input causes a flood")
            if case .sendToHub(let frame) = output {
                precondition(Array(frame[6..<12]) == Self.mac.octets, "in another's name")
            }
        }
    }

    private mutating func dhcp() -> [UInt8] {
        let message = script.request()
        let client = UDPEndpoint(mac: message.chaddr, address: message.ciaddr, port: DHCPMessage.clientPort)
        let server = UDPEndpoint(
            mac: .broadcast, address: script.address(), port: DHCPMessage.serverPort)
        return UDPFrame(from: client, to: server, payload: message.bytes).bytes
    }

    /// An IPv4 packet with a right header checksum, whatever is in it.
    private mutating func packet(to destination: MACAddress) -> [UInt8] {
        let payload = script.octets()
        var header = IPv4Header(
            from: script.address(), to: script.address(),
            carrying: IPProtocol(rawValue: script.octet()), length: payload.count)
        header.timeToLive = script.octet()
        var frame: [UInt8] = []
        frame.appendEthernetHeader(to: destination, from: script.mac(), carrying: .ipv4)
        header.serialize(into: &frame)
        return frame + payload
    }
}
