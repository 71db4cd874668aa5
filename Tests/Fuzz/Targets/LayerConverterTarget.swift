import LayerConverter
import Wire

extension FuzzTarget {
    /// A hostile segment and a hostile client on either side of a converter.
    static let layerConverterTargets = [
        FuzzTarget("layer-converter") { bytes in
            var run = ConverterRun(bytes)
            run.perform()
        }
    ]
}

private struct ConverterRun: ~Copyable {
    private static let mac = MACAddress(0x5e00_0000_0001)

    private var script: FuzzScript
    private var converter: LayerConverter
    private var now = Instant(nanoseconds: 1_000_000_000)
    /// Of the transaction under way, as the segment sees it.
    private var xid: UInt32 = 0

    init(_ bytes: [UInt8]) {
        script = FuzzScript(bytes)
        let setting = script.octet()
        var addressing: LayerConverter.Addressing
        if setting & 1 == 0 {
            var identity = DHCPIdentity(mac: Self.mac)
            if setting & 2 != 0 { identity.wish = IPv4Address(0xc0a8_1e0a) }
            identity.wishIsFormerLease = setting & 4 != 0
            addressing = .dhcp(identity)
        } else {
            let lease = AddressLease(
                fixed: IPv4Subnet("192.168.30.10/24")!, gateway: IPv4Address("192.168.30.1"))
            addressing = .fixed(lease, mac: Self.mac)
        }
        converter = LayerConverter(addressing, seed: UInt64(setting))
    }

    mutating func perform() {
        converter.start(at: now)
        drain()
        while let step = script.step() {
            self.step(step)
            drain()
        }
        converter.close(at: now)
        drain()
        precondition(converter.lease == nil, "an address is kept after the end")
    }

    private mutating func step(_ step: UInt8) {
        switch step % 6 {
        case 0: receive(script.octets())
        case 1: receive(script.arp())
        case 2: receive(dhcpReply())
        case 3: lift(script.octets())
        case 4: lift(packet())
        case _: wait(.milliseconds(Int(script.word())))
        }
    }

    private mutating func receive(_ frame: [UInt8]) {
        let verdict = converter.lower(frame.rawSpan)
        if case .deliver(let offset, let length) = verdict {
            precondition(offset + length <= frame.count, "a packet beyond its frame")
            let isWanted = converter.wants(flooded: frame.rawSpan)
            precondition(isWanted, "what would be delivered is not wanted")
        }
        if verdict == .consume { converter.receive(frame.rawSpan, at: now) }
    }

    private mutating func lift(_ packet: [UInt8]) {
        var frame = [UInt8](repeating: 0, count: LayerConverter.headroom) + packet
        var octets = frame.mutableSpan
        var span = octets.mutableBytes
        _ = converter.lift(&span, at: now)
    }

    /// Goes on to a moment, and does everything that was due before; a deadline that stays where it is would
    /// keep a lane busy for ever.
    private mutating func wait(_ duration: Duration) {
        let end = now + duration
        var stuck = 0
        while let deadline = converter.deadline, deadline <= end {
            stuck = deadline > now ? 0 : stuck + 1
            precondition(stuck < 100, "a deadline does not move")
            now = max(now, deadline)
            converter.handleTimeout(at: now)
            drain()
        }
        now = end
    }

    private mutating func drain() {
        var outputs = 0
        while let output = converter.nextOutput() {
            outputs += 1
            precondition(outputs < 4096, "one input causes a flood")
            guard case .sendFrame(let frame) = output else { continue }
            guard let ethernet = EthernetFrame(frame.rawSpan), ethernet.source == Self.mac else {
                preconditionFailure("a frame in another's name")
            }
            // The xid of a DHCP message of ours.
            if frame.count >= 240, ethernet.etherType == .ipv4 { xid = frame.rawSpan.bigEndian(at: 46) }
        }
    }

    private mutating func dhcpReply() -> [UInt8] {
        let type = DHCPMessage.MessageType(rawValue: script.octet())
        var message = DHCPMessage(.bootReply, type, xid: xid, chaddr: Self.mac)
        message.yiaddr = script.address()
        message.options = script.dhcpOptions()
        if message.options[.serverIdentifier] == nil {
            message.options.set(.serverIdentifier, IPv4Address(0xc0a8_1e01))
        }
        let server = UDPEndpoint(
            mac: script.mac(), address: IPv4Address(0xc0a8_1e01), port: DHCPMessage.serverPort)
        let client = UDPEndpoint(mac: Self.mac, address: message.yiaddr, port: DHCPMessage.clientPort)
        return UDPFrame(from: server, to: client, payload: message.bytes).bytes
    }

    /// A client's packet from its own address, to wherever it likes.
    private mutating func packet() -> [UInt8] {
        let source = converter.lease?.address ?? script.address()
        var octets: [UInt8] = []
        IPv4Header(from: source, to: script.address(), carrying: .udp, length: 8).serialize(into: &octets)
        return octets + [UInt8](repeating: 0, count: 8)
    }
}
