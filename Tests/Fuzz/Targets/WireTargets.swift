import Wire

extension FuzzTarget {
    static let wireTargets = [
        FuzzTarget("wire-frame", frame), FuzzTarget("wire-arp", arp), FuzzTarget("wire-dhcp", dhcp),
        FuzzTarget("wire-neighbor-discovery", neighborDiscovery), FuzzTarget("wire-mss-clamp", clamp),
        FuzzTarget("wire-address-text", addressText), FuzzTarget("wire-dhcpv6", dhcpV6),
    ]

    /// Every view down from Ethernet, every accessor of each.
    private static func frame(_ bytes: [UInt8]) {
        guard let frame = EthernetFrame(bytes.span.bytes) else { return }
        _ = (frame.destination.isGroup, frame.source.octets, frame.etherType)
        if let content = try? frame.content() {
            precondition(content.offset <= bytes.count, "content beyond the frame")
        }
        packet(frame.payload)
    }

    private static func packet(_ bytes: RawSpan) {
        if let packet = IPv4Packet(bytes) {
            _ = (packet.hasValidChecksum, packet.isFragment, packet.timeToLive, packet.source)
            transport(packet.payload, from: packet.source, to: packet.destination)
        }
        if let packet = IPv6Packet(bytes) {
            _ = (packet.hopLimit, packet.source, packet.destination)
            if let upper = try? packet.upperLayer() {
                precondition(upper.offset <= packet.bytes.byteCount, "payload beyond the packet")
                transport(packet.bytes.extracting(droppingFirst: upper.offset), from: .any, to: .broadcast)
            }
        }
    }

    private static func transport(_ bytes: RawSpan, from source: IPv4Address, to destination: IPv4Address) {
        if let datagram = UDPDatagram(bytes) {
            _ = (datagram.sourcePort, datagram.payload.byteCount)
            _ = datagram.hasValidChecksum(from: source, to: destination)
        }
        if let segment = TCPSegment(bytes) {
            _ = (segment.maximumSegmentSize, segment.options.byteCount, segment.payload.byteCount)
        }
        if let message = ICMPMessage(bytes) { _ = (message.hasValidChecksum, message.payload.byteCount) }
        var reader = ByteReader(bytes)
        _ = try? ICMPEcho(parsing: &reader)
    }

    private static func arp(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes.span.bytes)
        guard let packet = try? ARPPacket(parsing: &reader) else { return }
        var again: [UInt8] = []
        packet.serialize(into: &again)
        var second = ByteReader(again.span.bytes)
        let parsed = try? ARPPacket(parsing: &second)
        precondition(parsed == packet, "ARP does not survive the way there and back")
    }

    private static func dhcp(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes.span.bytes)
        guard let message = try? DHCPMessage(parsing: &reader) else { return }
        _ = (message.options.text(.hostName), message.options.addresses(.router))
        var second = ByteReader(message.bytes.span.bytes)
        let again = try? DHCPMessage(parsing: &second)
        precondition(again?.xid == message.xid, "DHCP does not survive the way there and back")
    }

    private static func neighborDiscovery(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes.span.bytes)
        guard let message = try? NeighborDiscovery(parsing: &reader) else { return }
        _ = (message.sourceLinkLayerAddress, message.targetLinkLayerAddress, message.mtu)
        for prefix in message.prefixes {
            let again = NeighborDiscovery(.routerSolicitation, options: [.init(prefix)])
            precondition(again.prefixes == [prefix], "a prefix does not survive the way there and back")
        }
        _ = (message.recursiveServers.count, message.searchList.count)
    }

    private static func dhcpV6(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes.span.bytes)
        guard let message = try? DHCPv6Message(parsing: &reader) else { return }
        _ = (message.options.addresses(.nameServers), message.options.domains, message.options.status)
        for option in message.options where option.code == .identityAssociation {
            guard let association = try? DHCPv6Association(parsing: option.value) else { continue }
            let again = try? DHCPv6Association(parsing: association.option.value)
            precondition(
                again?.addresses == association.addresses, "an association does not survive")
        }
        var second = ByteReader(message.bytes.span.bytes)
        precondition((try? DHCPv6Message(parsing: &second)) == message, "DHCPv6 does not survive")
    }

    private static func clamp(_ bytes: [UInt8]) {
        var packet = bytes
        var span = packet.mutableSpan
        var raw = span.mutableBytes
        _ = MSSClamp(mtu: 1400).lower(inPacket: &raw)
        var frame = bytes
        var frameSpan = frame.mutableSpan
        var rawFrame = frameSpan.mutableBytes
        _ = MSSClamp(mtu: 1400).lower(inFrame: &rawFrame)
    }

    private static func addressText(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let address = IPv4Address(text) else { return }
        precondition(IPv4Address(address.description) == address, "an address does not survive being written")
    }
}
