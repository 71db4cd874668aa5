public import Wire

extension LayerConverter {
    /// What `lift` did with a packet.
    public enum Lift: Equatable, Sendable {
        /// The Ethernet header is written: send the whole span to the hub.
        case send
        /// A copy waits for the next hop's MAC address, or until its source is known to be free, and comes
        /// out as `sendFrame`, or never.
        case queued
        /// It was meant for the converter, on a client's own link.
        case consumed
        case drop(Drop)
    }

    /// What `lower` says about a frame.
    public enum Lower: Equatable, Sendable {
        /// These octets of the frame are a packet for the client.
        case deliver(offset: Int, length: Int)
        /// Give the frame to `receive`.
        case consume
        case drop(Drop)
    }

    /// Why a packet or frame goes no further; to be counted by reason.
    public enum Drop: Int, CaseIterable, Sendable {
        /// Not a whole IP packet.
        case malformed
        /// A source address other than the leased one, or the client's IPv6 addresses.
        case spoofedSource
        /// There is no address yet, or no more.
        case noAddress
        /// Neither on the link nor by way of a router.
        case noRoute
        /// Nobody has the next hop's address.
        case unreachable
        /// Too many packets wait for MAC addresses.
        case queueFull
        /// IPv6, which was not asked for.
        case ipv6
        /// A VLAN tag, or neither IP nor ARP.
        case unsupported
        /// For another host, or sent by this one.
        case notForUs
    }

    /// Octets before the packet that become the Ethernet header.
    public static let headroom = EthernetFrame.headerLength

    /// Makes a frame of the client's packet. `frame`: `headroom` octets to be written, then the packet.
    public mutating func lift(_ frame: inout MutableRawSpan, at now: Instant) -> Lift {
        if let drop = Self.fault(of: frame.bytes) {
            return drop == .ipv6 ? liftIPv6(&frame, at: now) : .drop(drop)
        }
        guard frame.bytes.bigEndian(at: 26, as: UInt32.self) == addressBits else {
            return .drop(addressBits == 0 ? .noAddress : .spoofedSource)
        }
        let destination = frame.bytes.bigEndian(at: 30, as: UInt32.self)
        let slot = cache.slot(for: destination)
        guard slot.destination == destination, now < slot.validUntil else {
            return lift(&frame, to: IPv4Address(destination), at: now)
        }
        slot.write(mac, into: &frame)
        return .send
    }

    /// Why this is no IPv4 packet with `headroom`, if so.
    private static func fault(of frame: RawSpan) -> Drop? {
        guard frame.byteCount >= headroom + IPv4Packet.minHeaderLength else { return .malformed }
        let versionAndIHL = frame.bigEndian(at: 14, as: UInt8.self)
        let totalLength = Int(frame.bigEndian(at: 16, as: UInt16.self))
        let headerLength = Int(versionAndIHL & 0x0f) * 4
        guard versionAndIHL >> 4 == 4, headerLength >= IPv4Packet.minHeaderLength,
            totalLength >= headerLength, totalLength <= frame.byteCount - headroom
        else { return versionAndIHL >> 4 == 6 ? .ipv6 : .malformed }
        return nil
    }

    @inline(never)
    private mutating func liftIPv6(_ frame: inout MutableRawSpan, at now: Instant) -> Lift {
        guard ipv6 != nil else { return .drop(.ipv6) }
        let verdict = ipv6?.lift(&frame, at: now) ?? .drop(.ipv6)
        if ipv6?.outputs.isEmpty == false { drainIPv6(at: now) }
        return verdict
    }

    /// Says what becomes of a frame from the hub.
    public func lower(_ frame: RawSpan) -> Lower {
        guard let ethernet = EthernetFrame(frame) else { return .drop(.malformed) }
        let destination = ethernet.destination
        guard destination == mac || destination.isGroup, ethernet.source != mac else {
            return .drop(.notForUs)
        }
        let type = ethernet.etherType
        if type == .ipv4 { return lower(ethernet.payload, isGroup: destination != mac) }
        if type == .arp { return .consume }
        guard type == .ipv6 else { return .drop(.unsupported) }
        return ipv6?.lower(ethernet.payload) ?? .drop(.ipv6)
    }

    /// Whether a frame that is flooded would come to anything here; asked before it is copied. A hub of many
    /// clients is full of ARP that concerns one of them.
    public func wants(flooded frame: RawSpan) -> Bool {
        switch lower(frame) {
        case .deliver: return true
        case .drop: return false
        case .consume:
            // Of neighbour discovery `lower` consumes only what concerns us.
            guard let ethernet = EthernetFrame(frame), ethernet.etherType == .arp else { return true }
            var reader = ByteReader(ethernet.payload)
            guard let packet = try? ARPPacket(parsing: &reader) else { return false }
            return concerns(packet)
        }
    }

    private func concerns(_ packet: ARPPacket) -> Bool {
        if let probe, probe.conflicts(with: packet) { return true }
        guard addressBits != 0 else { return false }
        return packet.targetAddress.bits == addressBits || packet.senderAddress.bits == addressBits
            || neighbors.isNews(packet.senderAddress, at: packet.senderMAC)
    }

    private func lower(_ bytes: RawSpan, isGroup: Bool) -> Lower {
        guard let packet = IPv4Packet(bytes) else { return .drop(.malformed) }
        let destination = packet.destination
        if packet.protocol == .udp, isOurDHCP(packet) { return .consume }
        guard addressBits != 0 else { return .drop(.noAddress) }
        let isForUs =
            destination.bits == addressBits
            || isGroup && (destination.isMulticast || routes?.isBroadcast(destination) == true)
        guard isForUs else { return .drop(.notForUs) }
        return .deliver(offset: EthernetFrame.headerLength, length: packet.totalLength)
    }

    /// A DHCP message to a client of the client's own (Windows sends DHCPINFORM through the tunnel) is not
    /// ours.
    private func isOurDHCP(_ packet: borrowing IPv4Packet) -> Bool {
        guard !isFixed, let datagram = UDPDatagram(packet.payload),
            datagram.destinationPort == DHCPMessage.clientPort, !packet.isFragment
        else { return false }
        let message = datagram.payload
        return message.byteCount >= 8 && message.bigEndian(at: 4) == dhcp.xid
    }

    /// The first packet to a destination, and one of each time that the neighbour was to be confirmed.
    private mutating func lift(
        _ frame: inout MutableRawSpan, to destination: IPv4Address, at now: Instant
    ) -> Lift {
        guard let routes, destination.bits != addressBits else {
            return .drop(addressBits == 0 ? .noAddress : .noRoute)
        }
        if destination.isMulticast {
            return send(&frame, to: destination, .multicast(destination), until: .distantFuture)
        }
        if routes.isBroadcast(destination) {
            return send(&frame, to: destination, .broadcast, until: .distantFuture)
        }
        guard destination.isHostAddress, let nextHop = routes.nextHop(to: destination) else {
            return .drop(.noRoute)
        }
        let answer = neighbors.lookup(nextHop, at: now)
        sendQuestions()
        switch answer {
        case .known(let mac, let until): return send(&frame, to: destination, mac, until: until)
        case .pending:
            let isQueued = pending.append(
                [UInt8](copying: frame.bytes.extracting(droppingFirst: Self.headroom)), for: nextHop)
            return isQueued ? .queued : .drop(.queueFull)
        case .unreachable: return .drop(.unreachable)
        case .refused: return .drop(.queueFull)
        }
    }

    private mutating func send(
        _ frame: inout MutableRawSpan, to destination: IPv4Address, _ neighbor: MACAddress,
        until: Instant
    ) -> Lift {
        var slot = NextHopCache.Slot(to: neighbor, from: mac)
        slot.destination = destination.bits
        slot.validUntil = until
        cache.insert(slot)
        slot.write(mac, into: &frame)
        return .send
    }
}
