public import Wire

/// The router of a hub that has no LAN behind it: it owns an address on the segment, answers ARP, echo and
/// DHCP for it, and stands between the clients and a NAT engine, which sees one client MAC only. No IO, no
/// clock.
///
/// Frames that pass through are rewritten in place; what the router says of its own comes by `nextOutput`. It
/// routes nothing back into its segment, nothing from a foreign source, and nothing to where a host's own
/// loopback or link-local services would answer. IPv4 only.
public struct VirtualRouter: Sendable {
    public enum Verdict: Equatable, Sendable {
        /// The frame, rewritten, goes out at the other side.
        case forward
        /// It was for the router, or is dropped, or waits.
        case done
    }

    public enum Output: Equatable, Sendable {
        /// As `DHCPServer.Output.leaseChanged`: what follows it must not be sent if it could not be kept.
        case leaseChanged(LeaseRecord)
        case sendToHub([UInt8])
        case sendToNAT([UInt8])
    }

    /// Why a frame that was meant for the router went nowhere.
    public enum Drop: Hashable, Sendable, CaseIterable {
        case malformed, foreignSource, notRoutable, natFull, unresolved
        /// Somebody else claims the router's address.
        case addressConflict
    }

    /// What the NAT engine takes for its only client, and for the router's own side.
    public static let clientMAC = MACAddress(0x5254_0012_3456)
    public static let engineMAC = MACAddress(0x5254_0012_3401)
    static let conflictInterval: Duration = .seconds(10)

    public let mac: MACAddress
    public let network: IPv4Subnet
    public private(set) var dhcp: DHCPPort
    public private(set) var drops: [Drop: Int] = [:]
    /// False: whatever might need another socket is dropped, new connections of TCP and all UDP and ICMP.
    public var natHasRoom = true
    /// As `DHCPServer.reserved`.
    public var reserved: Set<IPv4Address> {
        get { dhcp.reserved }
        set { dhcp.reserved = newValue }
    }
    private var neighbours = Neighbours()
    private var outputs: [Output] = []
    private var lastDefence: Instant?

    /// The router's own address is the DHCP server's.
    public init(_ server: DHCPServer, mac: MACAddress) {
        self.mac = mac
        network = server.settings.network
        dhcp = DHCPPort(server, mac: mac)
    }

    /// Tells the segment where the router's address is; to be called once the port is up.
    public mutating func announce() {
        let announcement = ARPPacket.announcement(of: network.address, at: mac)
        outputs.append(.sendToHub(announcement.frame(to: .broadcast)))
    }

    public mutating func receivedFromHub(_ frame: inout MutableRawSpan, at now: Moment) -> Verdict {
        guard judge(frame.bytes, at: now) == .forward else { return .done }
        frame.setMACs(destination: Self.engineMAC, source: Self.clientMAC)
        return .forward
    }

    public mutating func receivedFromNAT(_ frame: inout MutableRawSpan, at now: Moment) -> Verdict {
        speakForEngine(&frame)
        guard let client = client(for: frame.bytes, at: now) else { return .done }
        frame.setMACs(destination: client, source: mac)
        return .forward
    }

    public var deadline: Instant? { neighbours.deadline }

    public mutating func handleTimeout(at now: Moment) {
        for address in neighbours.handleTimeout(at: now.instant) { resolve(address) }
    }

    public mutating func nextOutput() -> Output? {
        if !outputs.isEmpty { return outputs.removeFirst() }
        switch dhcp.nextOutput() {
        case nil: return nil
        case .leaseChanged(let record): return .leaseChanged(record)
        case .send(let frame): return .sendToHub(frame)
        }
    }
}

// MARK: from the hub

extension VirtualRouter {
    private mutating func judge(_ bytes: RawSpan, at now: Moment) -> Verdict {
        guard let frame = EthernetFrame(bytes) else { return drop(.malformed) }
        let source = frame.source
        // A flooded frame to somebody else is no mistake of its sender.
        guard frame.destination == mac || frame.destination.isGroup, !source.isGroup, source != mac else {
            return .done
        }
        switch frame.etherType {
        case .arp:
            receivedARP(frame.payload, from: source, at: now)
            return .done
        case .ipv4:
            guard let packet = IPv4Packet(frame.payload), packet.hasValidChecksum else {
                return drop(.malformed)
            }
            return judge(packet, from: source, isGroup: frame.destination.isGroup, at: now)
        default:
            return .done
        }
    }

    private mutating func receivedARP(_ payload: RawSpan, from source: MACAddress, at now: Moment) {
        var reader = ByteReader(payload)
        guard let packet = try? ARPPacket(parsing: &reader), packet.senderMAC == source else {
            _ = drop(.malformed)
            return
        }
        if packet.senderAddress == network.address { return defend(at: now.instant) }
        if isHost(packet.senderAddress) { learn(packet.senderAddress, source, at: now.instant) }
        guard packet.operation == .request, packet.targetAddress == network.address else { return }
        outputs.append(.sendToHub(packet.reply(from: mac).frame(to: source)))
    }

    /// RFC 5227 §2.4(c): says who has the address, but not over and over.
    private mutating func defend(at now: Instant) {
        _ = drop(.addressConflict)
        guard lastDefence.map({ $0.advanced(by: Self.conflictInterval) <= now }) ?? true else { return }
        lastDefence = now
        announce()
    }

    private mutating func judge(
        _ packet: borrowing IPv4Packet, from source: MACAddress, isGroup: Bool, at now: Moment
    ) -> Verdict {
        if receivedDHCP(packet, at: now) { return .done }
        // Groups are the segment's own affair.
        guard !isGroup else { return .done }
        guard isHost(packet.source) else { return drop(.foreignSource) }
        learn(packet.source, source, at: now.instant)
        if packet.destination == network.address { return judgeForRouter(packet, source) }
        guard Self.isRoutable(packet.destination), !network.contains(packet.destination) else {
            return drop(.notRoutable)
        }
        guard packet.timeToLive > 1 else {
            complain(.timeExceeded, packet, source)
            return .done
        }
        guard natHasRoom || !packet.mayNeedSocket else { return drop(.natFull) }
        return .forward
    }

    /// The table is copied by reference for as long as this takes.
    private mutating func receivedDHCP(_ packet: borrowing IPv4Packet, at now: Moment) -> Bool {
        let neighbours = neighbours
        return dhcp.receive(packet, at: now) { neighbours.mac(of: $0, at: now.instant) }
    }

    /// Echo is answered here unless it must be put together first; names are resolved by the engine.
    private mutating func judgeForRouter(_ packet: borrowing IPv4Packet, _ source: MACAddress) -> Verdict {
        switch packet.protocol {
        case .icmp:
            if packet.isFragment { return .forward }
            guard let reply = ICMPMessage.echoReply(to: packet.payload) else { return drop(.malformed) }
            sendICMP(reply, to: packet.source, source)
            return .done
        case .udp, .tcp:
            guard !packet.isFragment, let port = packet.destinationPort else { return drop(.malformed) }
            if port == 53 { return natHasRoom || !packet.mayNeedSocket ? .forward : drop(.natFull) }
            complain(.portUnreachable, packet, source)
            return .done
        default:
            return drop(.notRoutable)
        }
    }

    private mutating func complain(
        _ problem: ICMPMessage.Problem, _ packet: borrowing IPv4Packet, _ source: MACAddress
    ) {
        guard packet.fragmentOffset == 0 else { return }
        sendICMP(ICMPMessage.error(problem, about: packet), to: packet.source, source)
    }

    private mutating func sendICMP(_ message: [UInt8], to address: IPv4Address, _ destination: MACAddress) {
        var frame: [UInt8] = []
        frame.appendEthernetHeader(to: destination, from: mac, carrying: .ipv4)
        IPv4Header(from: network.address, to: address, carrying: .icmp, length: message.count)
            .serialize(into: &frame)
        outputs.append(.sendToHub(frame + message))
    }

    /// A client's address: in the network, and not one that means the router or all.
    private func isHost(_ address: IPv4Address) -> Bool {
        network.contains(address) && address != network.address && address != network.network
            && address != network.broadcast
    }

    /// Not this host, not this link, not a group: RFC 6890 and RFC 5771.
    static func isRoutable(_ address: IPv4Address) -> Bool {
        let first = address.bits >> 24
        return first != 0 && first != 127 && first < 224 && address.bits >> 16 != 0xa9fe
    }
}

// MARK: from the engine

extension VirtualRouter {
    /// The engine's own address, from which its errors come. It needs one that is not the name server's, the
    /// router's; no client can have this one, and none gets to see it.
    public static func engineAddress(in network: IPv4Subnet) -> IPv4Address { network.network }

    private func speakForEngine(_ bytes: inout MutableRawSpan) {
        guard let checksum = checksumForEngine(bytes.bytes) else { return }
        let start = EthernetFrame.headerLength
        bytes.storeBytes(of: checksum.bigEndian, toByteOffset: start + 10, as: UInt16.self)
        bytes.storeBytes(of: network.address.bits.bigEndian, toByteOffset: start + 12, as: UInt32.self)
    }

    /// nil unless the engine speaks for itself.
    private func checksumForEngine(_ bytes: RawSpan) -> UInt16? {
        let old = Self.engineAddress(in: network)
        guard let frame = EthernetFrame(bytes), frame.etherType == .ipv4,
            let packet = IPv4Packet(frame.payload), packet.source == old
        else { return nil }
        return InternetChecksum.updated(
            packet.bytes.bigEndian(at: 10), replacing: old.bits, with: network.address.bits)
    }

    private mutating func client(for bytes: RawSpan, at now: Moment) -> MACAddress? {
        guard let frame = EthernetFrame(bytes) else { return nil }
        switch frame.etherType {
        case .arp:
            answerEngine(frame.payload, from: frame.source)
            return nil
        case .ipv4:
            guard let packet = IPv4Packet(frame.payload), isHost(packet.destination) else {
                _ = drop(.notRoutable)
                return nil
            }
            if let mac = neighbours.mac(of: packet.destination, at: now.instant) { return mac }
            hold(bytes, for: packet.destination, at: now.instant)
            return nil
        default:
            return nil
        }
    }

    /// Every client has the same MAC on the engine's side.
    private mutating func answerEngine(_ payload: RawSpan, from engine: MACAddress) {
        var reader = ByteReader(payload)
        guard let packet = try? ARPPacket(parsing: &reader), packet.operation == .request,
            isHost(packet.targetAddress)
        else { return }
        outputs.append(.sendToNAT(packet.reply(from: Self.clientMAC).frame(to: engine)))
    }

    private mutating func hold(_ bytes: RawSpan, for address: IPv4Address, at now: Instant) {
        var frame: [UInt8] = []
        frame.append(bytes)
        switch neighbours.wait(for: address, frame, at: now) {
        case .request: resolve(address)
        case .queued: return
        case .dropped: _ = drop(.unresolved)
        }
    }

    private mutating func resolve(_ address: IPv4Address) {
        let request = ARPPacket.request(for: address, from: mac, network.address)
        outputs.append(.sendToHub(request.frame(to: .broadcast)))
    }

    private mutating func learn(_ address: IPv4Address, _ client: MACAddress, at now: Instant) {
        for frame in neighbours.learn(address, is: client, at: now) {
            outputs.append(.sendToHub(client.octets + mac.octets + frame.dropFirst(12)))
        }
    }

    private mutating func drop(_ reason: Drop) -> Verdict {
        drops[reason, default: 0] &+= 1
        return .done
    }
}

extension IPv4Packet {
    /// Of UDP and TCP; nil if the packet ends before it.
    var destinationPort: UInt16? { payload.byteCount >= 4 ? payload.bigEndian(at: 2) : nil }

    /// Anything but a TCP segment that opens no connection (SYN without ACK).
    var mayNeedSocket: Bool {
        guard self.protocol == .tcp, fragmentOffset == 0, payload.byteCount >= 14 else { return true }
        return payload.bigEndian(at: 13, as: UInt8.self) & 0x12 == 0x02
    }
}

extension MutableRawSpan {
    /// The caller has seen that it holds an Ethernet header.
    mutating func setMACs(destination: MACAddress, source: MACAddress) {
        setMAC(destination, at: 0)
        setMAC(source, at: 6)
    }

    private mutating func setMAC(_ mac: MACAddress, at offset: Int) {
        let upper = UInt16(truncatingIfNeeded: mac.bits >> 32).bigEndian
        let lower = UInt32(truncatingIfNeeded: mac.bits).bigEndian
        storeBytes(of: upper, toByteOffset: offset, as: UInt16.self)
        storeBytes(of: lower, toByteOffset: offset + 2, as: UInt32.self)
    }
}
