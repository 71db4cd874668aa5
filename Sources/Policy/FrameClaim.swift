public import Wire

/// What an Ethernet frame says about whoever sent it: input for a decision, which is made elsewhere. It is
/// read as the most gullible of receivers would read it, because what one of them believes is what matters:
/// behind VLAN tags, LLC/SNAP (RFC 1042) and IPv6 extension headers, which have been used to get past such
/// checks (RFC 7113 §2). IP addresses are told as IPv6 addresses, IPv4 ones as mapped.
///
/// It does not check checksums or hop limits: a frame that receivers would ignore anyway may be taken for
/// what it pretends to be.
public enum FrameClaim: Equatable, Sendable {
    /// Nothing that anybody needs to judge.
    case nothing
    /// Its packet comes from this address.
    case source(IPv6Address)
    /// The address is at this MAC address: ARP (RFC 826) or neighbour discovery (RFC 4861).
    case address(IPv6Address, at: MACAddress)
    /// The sender answers as a DHCP server or relays for one: RFC 2131 §4.1, RFC 8415 §7.2.
    case dhcpServer
    /// The sender advertises itself as a router or redirects: RFC 4861 §4.2, §4.5.
    case router
    /// The sender hides what it is.
    case unreadable

    /// Tags and LLC headers behind each other that are looked through.
    static let maxEncapsulations = 4

    public init(_ bytes: RawSpan) {
        guard let frame = EthernetFrame(bytes) else {
            self = .nothing
            return
        }
        var type = frame.etherType
        var offset = EthernetFrame.headerLength
        var isInVLAN = false
        for _ in 0...Self.maxEncapsulations {
            guard let step = Encapsulation(type) else {
                let content = bytes.extracting(droppingFirst: offset)
                self = Self.claim(of: content, type, from: frame.source, isInVLAN: isInVLAN)
                return
            }
            guard let inner = step.content(of: bytes, at: offset) else {
                self = .nothing
                return
            }
            isInVLAN = isInVLAN || inner.isInVLAN
            (type, offset) = (inner.type, inner.offset)
        }
        self = .unreadable
    }

    private static func claim(
        of content: RawSpan, _ type: EtherType, from sender: MACAddress, isInVLAN: Bool
    ) -> FrameClaim {
        let claim: FrameClaim =
            if type == .ipv4 {
                ipv4(content)
            } else if type == .arp {
                arp(content)
            } else if type == .ipv6 {
                ipv6(content, from: sender)
            } else {
                .nothing
            }
        // Another VLAN is another network, where the same address may be somebody else's with good reason.
        switch claim {
        case .source, .address: return isInVLAN ? .nothing : claim
        case .nothing, .dhcpServer, .router, .unreadable: return claim
        }
    }

    private static func arp(_ content: RawSpan) -> FrameClaim {
        var reader = ByteReader(content)
        guard let packet = try? ARPPacket(parsing: &reader) else { return .unreadable }
        // A probe asks without claiming, RFC 5227 §1.1.
        if packet.senderAddress == .any { return .nothing }
        return .address(IPv6Address(mapping: packet.senderAddress), at: packet.senderMAC)
    }

    private static func ipv4(_ content: RawSpan) -> FrameClaim {
        guard let packet = IPv4Packet(content) else { return .nothing }
        if packet.protocol == .udp, packet.fragmentOffset == 0, packet.payload.byteCount >= 4 {
            let source = packet.payload.bigEndian(at: 0, as: UInt16.self)
            let destination = packet.payload.bigEndian(at: 2, as: UInt16.self)
            // Many clients look at the destination alone.
            if source == DHCPMessage.serverPort || destination == DHCPMessage.clientPort {
                return .dhcpServer
            }
        }
        return packet.source == .any ? .nothing : .source(IPv6Address(mapping: packet.source))
    }
}

// MARK: - IPv6

extension FrameClaim {
    private static func ipv6(_ content: RawSpan, from sender: MACAddress) -> FrameClaim {
        guard let packet = IPv6Packet(content) else { return .nothing }
        let source: FrameClaim = packet.source == .any ? .nothing : .source(packet.source)
        // RFC 7113 §3: a header chain that does not show its end in the first fragment is not let through.
        guard let upper = try? packet.upperLayer() else { return .unreadable }
        guard upper.fragmentOffset == 0 else { return source }
        let payload = packet.bytes.extracting(droppingFirst: upper.offset)
        if upper.protocol == .icmpV6 {
            guard payload.byteCount > 0 else { return upper.isFragment ? .unreadable : source }
            return icmp(payload, of: packet, from: sender) ?? source
        }
        if upper.protocol == .udp {
            guard payload.byteCount >= 4 else { return upper.isFragment ? .unreadable : source }
            let from = payload.bigEndian(at: 0, as: UInt16.self)
            let to = payload.bigEndian(at: 2, as: UInt16.self)
            if from == DHCPv6Message.serverPort || to == DHCPv6Message.clientPort { return .dhcpServer }
        }
        return source
    }

    /// Nil: nothing beyond the packet's source.
    private static func icmp(
        _ message: RawSpan, of packet: borrowing IPv6Packet, from sender: MACAddress
    ) -> FrameClaim? {
        switch message.bigEndian(at: 0, as: UInt8.self) {
        case 134, 137: return .router
        case 133 where packet.source != .any:
            return .address(packet.source, at: linkLayerAddress(message, options: 8, kind: 1) ?? sender)
        case 135 where packet.source != .any:
            return .address(packet.source, at: linkLayerAddress(message, options: 24, kind: 1) ?? sender)
        case 136 where message.byteCount >= 24:
            let target = IPv6Address(message.bigEndian(at: 8), message.bigEndian(at: 16))
            return .address(target, at: linkLayerAddress(message, options: 24, kind: 2) ?? sender)
        case _: return nil
        }
    }

    /// The first option of that kind, as receivers take it; RFC 4861 §4.6.1.
    private static func linkLayerAddress(_ message: RawSpan, options start: Int, kind: UInt8) -> MACAddress? {
        var offset = start
        while offset + 8 <= message.byteCount {
            let length = Int(message.bigEndian(at: offset + 1, as: UInt8.self)) * 8
            guard length > 0 else { return nil }
            if message.bigEndian(at: offset, as: UInt8.self) == kind {
                let upper = UInt64(message.bigEndian(at: offset + 2, as: UInt16.self))
                return MACAddress(upper << 32 | UInt64(message.bigEndian(at: offset + 4, as: UInt32.self)))
            }
            offset += length
        }
        return nil
    }
}

/// What stands between an Ethernet header and the packet.
private enum Encapsulation {
    case vlanTag
    /// A length instead of a type, then LLC and SNAP: IEEE 802.2, RFC 1042.
    case llc

    init?(_ type: EtherType) {
        switch type.rawValue {
        case 0x8100, 0x88a8, 0x9100: self = .vlanTag
        case ...1500: self = .llc
        case _: return nil
        }
    }

    /// Nil: nothing that carries IP.
    func content(of bytes: RawSpan, at offset: Int) -> (type: EtherType, offset: Int, isInVLAN: Bool)? {
        switch self {
        case .vlanTag:
            guard offset + 4 <= bytes.byteCount else { return nil }
            let tag = VLANTag(tagControl: bytes.bigEndian(at: offset))
            return (EtherType(rawValue: bytes.bigEndian(at: offset + 2)), offset + 4, tag.id != 0)
        case .llc:
            guard offset + 8 <= bytes.byteCount, bytes.bigEndian(at: offset, as: UInt16.self) == 0xaaaa else {
                return nil
            }
            return (EtherType(rawValue: bytes.bigEndian(at: offset + 6)), offset + 8, false)
        }
    }
}
