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
    private var dhcpV6 = DHCPv6Message(.solicit, transactionID: 0)
    private let hasLink: Bool

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
        // The corpus knows the lower bits as they were before IPv6.
        if setting & 8 != 0 { converter.startIPv6(isExpected: setting & 16 != 0, at: now) }
        hasLink = setting & 32 != 0
    }

    mutating func perform() {
        converter.start(at: now)
        drain()
        if hasLink { converter.joinLink(IPv6Link(own: 1, peer: 2, mtu: 1400), at: now) }
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
        if step >= 0xf0 { return ipv6Step(step) }
        switch step % 6 {
        case 0: receive(script.octets())
        case 1: receive(script.arp())
        case 2: receive(dhcpReply())
        case 3: lift(script.octets())
        case 4: lift(packet())
        case _: wait(.milliseconds(Int(script.word())))
        }
    }

    private mutating func ipv6Step(_ step: UInt8) {
        switch step & 7 {
        case 0: receive(advertisement())
        case 1: receive(discovery(.neighborSolicitation(target: script.addressV6())))
        case 2:
            let flags = NeighborDiscovery.AdvertisementFlags(rawValue: script.octet())
            receive(discovery(.neighborAdvertisement(target: script.addressV6(), flags: flags)))
        case 3: receive(dhcpV6Reply())
        case 4:
            let source = converter.ipv6Network(at: now)?.addresses.first?.address ?? script.addressV6()
            lift(packetV6(from: source))
        case 5: lift(packetV6(from: script.addressV6()))
        case 6:
            let message = NeighborDiscovery(.neighborSolicitation(target: script.addressV6()))
            lift(IPv6Datagram(message, from: .any, to: script.addressV6()).bytes)
        case _:
            let message = NeighborDiscovery(.routerSolicitation)
            lift(IPv6Datagram(message, from: IPv6Address("fe80::2")!, to: .allRouters).bytes)
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
            if case .sendPacket(let packet) = output {
                precondition(packet.count >= 40, "a packet for the client is none")
            }
            guard case .sendFrame(let frame) = output else { continue }
            guard let ethernet = EthernetFrame(frame.rawSpan), ethernet.source == Self.mac else {
                preconditionFailure("a frame in another's name")
            }
            // The xid of a DHCP message of ours.
            noteDHCPv6(frame)
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

// MARK: - IPv6

extension ConverterRun {
    private mutating func advertisement() -> [UInt8] {
        let router = NeighborDiscovery.RouterAdvertisement(
            hopLimit: 64, flags: script.octet(), routerLifetime: .seconds(Int(script.word())),
            reachableTime: .zero, retransmitTimer: .zero)
        var options: [NeighborDiscovery.Option] = []
        for _ in 0..<script.octet() & 7 {
            switch script.octet() & 3 {
            case 0:
                let flags = script.octet()
                guard let prefix = IPv6Prefix(script.addressV6(), length: flags & 1 == 0 ? 64 : 56) else {
                    continue
                }
                options.append(
                    .init(
                        PrefixInformation(
                            prefix, isOnLink: flags & 2 != 0, isAutonomous: flags & 4 != 0,
                            validLifetime: UInt32(script.word()) << (flags >> 4),
                            preferredLifetime: UInt32(script.word()) << (flags >> 4))))
            case 1:
                let servers = [script.addressV6(), script.addressV6()]
                options.append(.init(recursiveServers: servers, lifetime: UInt32(script.word())))
            case 2: options.append(.init(mtu: UInt32(script.word())))
            case _: options.append(.init(type: script.octet(), value: Array(script.octets().prefix(254))))
            }
        }
        return discovery(.routerAdvertisement(router), options)
    }

    private mutating func discovery(
        _ message: NeighborDiscovery.Message, _ options: [NeighborDiscovery.Option] = []
    ) -> [UInt8] {
        let mac = script.mac()
        let named = script.octet() & 1 == 0 ? options + [.source(mac), .target(mac)] : options
        var source = script.addressV6()
        if case .routerAdvertisement = message { source = IPv6Address(0xfe80_0000_0000_0000, source.lower) }
        let group = script.octet() & 1 == 0 ? IPv6Address.allNodes : script.addressV6()
        return IPv6Datagram(NeighborDiscovery(message, options: named), from: source, to: group)
            .frame(to: group.isMulticast ? .multicast(group) : Self.mac, from: mac)
    }

    /// An answer to what the converter asked last.
    private mutating func dhcpV6Reply() -> [UInt8] {
        var options = [
            DHCPv6Option(.clientIdentifier, dhcpV6.options[.clientIdentifier] ?? []),
            DHCPv6Option(.serverIdentifier, [script.octet() & 1]),
        ]
        var association = DHCPv6Association(
            id: UInt32(truncatingIfNeeded: Self.mac.bits), t1: UInt32(script.word()),
            t2: UInt32(script.word()))
        for _ in 0..<script.octet() & 3 {
            association.addresses.append(
                .init(
                    script.addressV6(), preferredLifetime: UInt32(script.word()),
                    validLifetime: UInt32(script.word())))
        }
        options.append(association.option)
        if script.octet() & 1 == 1 { options.append(DHCPv6Option(.rapidCommit, [])) }
        let code = DHCPv6Option.Code(rawValue: UInt16(script.octet()))
        options.append(DHCPv6Option(code, script.octets()))
        let type = DHCPv6Message.MessageType(rawValue: script.octet() & 15)
        let reply = DHCPv6Message(type, transactionID: dhcpV6.transactionID, options: options)
        return IPv6Datagram(
            udp: reply.bytes, from: IPv6Address("fe80::1")!, port: DHCPv6Message.serverPort,
            to: .linkLocal(interface: Self.mac.interfaceIdentifier), port: DHCPv6Message.clientPort
        ).frame(to: Self.mac, from: script.mac())
    }

    private mutating func packetV6(from source: IPv6Address) -> [UInt8] {
        IPv6Datagram(udp: [1], from: source, port: 1, to: script.addressV6(), port: 2).bytes
    }

    private mutating func noteDHCPv6(_ frame: [UInt8]) {
        guard let ethernet = EthernetFrame(frame.rawSpan), ethernet.etherType == .ipv6,
            let packet = IPv6Packet(ethernet.payload), packet.nextHeader == .udp
        else { return }
        var reader = ByteReader(packet.payload.extracting(droppingFirst: 8))
        if let message = try? DHCPv6Message(parsing: &reader) { dhcpV6 = message }
    }
}

extension FuzzScript {
    /// One of the few addresses that a segment has.
    mutating func addressV6() -> IPv6Address {
        let octet = octet()
        let prefix: UInt64 = octet & 0x40 == 0 ? 0x2001_0db8_0030_0000 : 0xfe80_0000_0000_0000
        switch octet {
        case 0: return .any
        case 1: return .linkLocal(interface: MACAddress(0x5e00_0000_0001).interfaceIdentifier)
        case 2: return IPv6Address(prefix, MACAddress(0x5e00_0000_0001).interfaceIdentifier)
        case 255: return IPv6Address(0xff05_0000_0000_0000, 1)
        case 250...254: return IPv6Address(UInt64(word()) << 48 | UInt64(word()), UInt64(word()))
        case _: return IPv6Address(prefix, UInt64(octet))
        }
    }
}
