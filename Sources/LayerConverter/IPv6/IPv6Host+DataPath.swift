import Wire

extension IPv6Host {
    /// As `LayerConverter.lift`, of a packet whose version is 6.
    mutating func lift(_ frame: inout MutableRawSpan, at now: Instant) -> LayerConverter.Lift {
        guard let shape = Shape(frame.bytes) else { return .drop(.malformed) }
        guard !shape.isDiscovery, shape.source != .any, !shape.source.isLinkLocal else {
            return receiveFromLink(frame.bytes.extracting(droppingFirst: LayerConverter.headroom), at: now)
        }
        guard sources.contains(shape.source) else { return liftUnknown(shape.source, frame.bytes, at: now) }
        let slot = cache.slot(for: shape.destination)
        guard slot.destination == shape.destination, now < slot.hop.validUntil else {
            return lift(&frame, from: shape.source, to: shape.destination, at: now)
        }
        slot.hop.write(mac, carrying: .ipv6, into: &frame)
        return .send
    }

    /// What forwarding wants to know of a frame with room for its header.
    private struct Shape {
        let source: IPv6Address
        let destination: IPv6Address
        /// Neighbour discovery, which is said on a hub in the name of the converter alone.
        let isDiscovery: Bool

        @inline(__always)
        init?(_ frame: RawSpan) {
            let start = LayerConverter.headroom
            guard frame.byteCount >= start + IPv6Packet.headerLength,
                start + IPv6Packet.headerLength + Int(frame.bigEndian(at: start + 4, as: UInt16.self))
                    <= frame.byteCount
            else { return nil }
            source = IPv6Address(frame.bigEndian(at: start + 8), frame.bigEndian(at: start + 16))
            destination = IPv6Address(frame.bigEndian(at: start + 24), frame.bigEndian(at: start + 32))
            let next = IPProtocol(rawValue: frame.bigEndian(at: start + 6))
            if next == .tcp || next == .udp {
                isDiscovery = false
            } else {
                guard let found = Self.isDiscovery(frame.extracting(droppingFirst: start)) else {
                    return nil
                }
                isDiscovery = found
            }
        }

        /// Behind extension headers too, as a receiver would look for it. Nil: it is hidden, RFC 7113 §3.
        private static func isDiscovery(_ bytes: RawSpan) -> Bool? {
            guard let packet = IPv6Packet(bytes), let upper = try? packet.upperLayer() else { return nil }
            guard upper.protocol == .icmpV6, upper.fragmentOffset == 0 else { return false }
            guard upper.offset < packet.bytes.byteCount else { return nil }
            return (133...137).contains(packet.bytes.bigEndian(at: upper.offset, as: UInt8.self))
        }
    }

    /// The first packet to a destination, and one of each time that the neighbour was to be confirmed.
    private mutating func lift(
        _ frame: inout MutableRawSpan, from source: IPv6Address, to destination: IPv6Address,
        at now: Instant
    ) -> LayerConverter.Lift {
        defer {
            sendQuestions()
            setDeadline(at: now)
        }
        if let index = addresses.firstIndex(where: { $0.address == source }) { addresses[index].usedAt = now }
        if destination.isMulticast {
            // The client is not on the hub's link.
            guard destination.multicastScope > 2 else { return .drop(.noRoute) }
            return send(&frame, to: destination, .multicast(destination), until: .distantFuture)
        }
        guard destination.isRoutable, !sources.contains(destination),
            let nextHop = nextHop(to: destination, at: now)
        else { return .drop(.noRoute) }
        switch neighbors.lookup(nextHop, at: now) {
        case .known(let neighbor, let until): return send(&frame, to: destination, neighbor, until: until)
        case .pending:
            let packet = [UInt8](copying: frame.bytes.extracting(droppingFirst: LayerConverter.headroom))
            return pending.append(packet, for: nextHop) ? .queued : .drop(.queueFull)
        case .unreachable: return .drop(.unreachable)
        case .refused: return .drop(.queueFull)
        }
    }

    /// RFC 4861 §5.2 and §6.3.6: a router that does not answer gives way to the next one.
    private func nextHop(to destination: IPv6Address, at now: Instant) -> IPv6Address? {
        if routers.isOnLink(destination, at: now) { return destination }
        let answering = routers.routers.first { !neighbors.isUnreachable($0.address, at: now) }
        return answering?.address ?? routers.routers.first?.address
    }

    private mutating func send(
        _ frame: inout MutableRawSpan, to destination: IPv6Address, _ neighbor: MACAddress, until: Instant
    ) -> LayerConverter.Lift {
        var hop = NextHopCache.Slot(to: neighbor, from: mac)
        hop.validUntil = until
        cache.insert(.init(destination: destination, hop: hop))
        hop.write(mac, carrying: .ipv6, into: &frame)
        return .send
    }

    /// A packet that waited for its source.
    mutating func lift(_ packet: [UInt8], at now: Instant) {
        var frame = [UInt8](repeating: 0, count: LayerConverter.headroom) + packet
        var span = frame.mutableSpan
        var bytes = unsafe span.mutableBytes
        if lift(&bytes, at: now) == .send { outputs.append(.sendFrame(frame)) }
    }

    /// On a link the client forms addresses; elsewhere it has those that it was told.
    private mutating func liftUnknown(
        _ source: IPv6Address, _ frame: RawSpan, at now: Instant
    ) -> LayerConverter.Lift {
        guard let link else { return .drop(sources.isEmpty ? .noAddress : .spoofedSource) }
        let isNew = !addresses.contains { $0.address == source }
        guard tentative(source) != nil || isNew && choose(source, on: link, at: now) else {
            return .drop(.spoofedSource)
        }
        let packet = [UInt8](copying: frame.extracting(droppingFirst: LayerConverter.headroom))
        let isQueued = unproved.append(packet, for: source)
        if isNew {
            probeAddresses(at: now)
            settle(at: now)
        }
        return isQueued ? .queued : .drop(.queueFull)
    }

    /// What a client says on its own link: it asks for routers or by DHCPv6, and looks whether its addresses
    /// are free.
    /// The rest (multicast DNS, reports of groups) is of no use beyond the link.
    private mutating func receiveFromLink(_ bytes: RawSpan, at now: Instant) -> LayerConverter.Lift {
        guard let link, let packet = IPv6Packet(bytes) else { return .drop(.spoofedSource) }
        if packet.nextHeader == .udp {
            clientAsked(packet, on: link, at: now)
            return .consumed
        }
        guard let message = try? NeighborDiscovery(receiving: packet) else { return .consumed }
        switch message.message {
        case .routerSolicitation: clientSolicited(at: now)
        case .neighborSolicitation(let target):
            let isNew = !addresses.contains { $0.address == target }
            guard packet.source == .any, isNew, choose(target, on: link, at: now) else { break }
            probeAddresses(at: now)
            settle(at: now)
        case .routerAdvertisement: return .drop(.spoofedSource)
        case .neighborAdvertisement: break
        }
        return .consumed
    }
}

extension IPv6Host {
    /// As `LayerConverter.lower`, of a frame that is for us or for a group.
    func lower(_ bytes: RawSpan) -> LayerConverter.Lower {
        guard let packet = IPv6Packet(bytes) else { return .drop(.malformed) }
        let destination = packet.destination
        if packet.nextHeader == .icmpV6, let isWanted = isWantedDiscovery(packet) {
            return isWanted ? .consume : .drop(.notForUs)
        }
        if destination == linkLocal {
            let isDHCP =
                packet.nextHeader == .udp && packet.payload.byteCount >= UDPDatagram.headerLength
                && packet.payload.bigEndian(at: 2, as: UInt16.self) == DHCPv6Message.clientPort
            return isDHCP ? .consume : .drop(.notForUs)
        }
        // The client is not on the hub's link, so nothing of that link's own is for it: neither discovery
        // behind extension headers nor what is said to all nodes.
        guard !packet.source.isLinkLocal, !packet.source.isMulticast else {
            return Self.isQuery(packet) ? .consume : .drop(.notForUs)
        }
        guard !sources.isEmpty else { return .drop(.noAddress) }
        let isForClient =
            sources.contains(destination) || destination.isMulticast && destination.multicastScope > 2
        guard isForClient else { return .drop(.notForUs) }
        return .deliver(offset: EthernetFrame.headerLength, length: packet.bytes.byteCount)
    }

    /// Whether a message of neighbour discovery is worth a look; nil if it is none. A hub of many clients is
    /// full of those that concern one of them.
    private func isWantedDiscovery(_ packet: borrowing IPv6Packet) -> Bool? {
        let message = packet.payload
        guard message.byteCount >= 1 else { return nil }
        let type = message.bigEndian(at: 0, as: UInt8.self)
        guard (133...137).contains(type) else { return nil }
        if type == 134 { return true }
        guard type == 135 || type == 136, message.byteCount >= 24 else { return false }
        let target = IPv6Address(message.bigEndian(at: 8), message.bigEndian(at: 16))
        if isOurs(target) || tentative(target) != nil { return true }
        return type == 136 && neighbors.isKnownOrAsked(target)
    }
}
