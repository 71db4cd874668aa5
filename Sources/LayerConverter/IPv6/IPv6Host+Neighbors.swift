import Wire

/// Neighbour discovery on the hub (RFC 4861 §7) and duplicate address detection (RFC 4862 §5.4).
extension IPv6Host {
    mutating func send(_ message: NeighborDiscovery, from source: IPv6Address, to group: IPv6Address) {
        send(message, from: source, to: group, .multicast(group))
    }

    private mutating func send(
        _ message: NeighborDiscovery, from source: IPv6Address, to destination: IPv6Address,
        _ neighbor: MACAddress
    ) {
        let datagram = IPv6Datagram(message, from: source, to: destination)
        outputs.append(.sendFrame(datagram.frame(to: neighbor, from: mac)))
    }

    mutating func sendQuestions() {
        while let question = neighbors.takeQuestion() {
            let message = NeighborDiscovery(
                .neighborSolicitation(target: question.address), options: [.source(mac)])
            if let neighbor = question.mac {
                send(message, from: linkLocal, to: question.address, neighbor)
            } else {
                send(message, from: linkLocal, to: question.address.solicitedNode)
            }
        }
    }

    func isOurs(_ address: IPv6Address) -> Bool { address == linkLocal || sources.contains(address) }

    /// Somebody asks for a neighbour, or looks whether an address is free.
    mutating func receiveSolicitation(
        of target: IPv6Address, _ message: NeighborDiscovery, from source: IPv6Address, at now: Instant
    ) {
        if source == .any, let index = tentative(target) { return foundDuplicate(at: index, now) }
        guard isOurs(target) else { return }
        note(target, usedAt: now)
        guard source != .any else {
            return announce(target, flags: [.override])
        }
        guard let asker = message.sourceLinkLayerAddress ?? neighbors.known(source) else { return }
        if message.sourceLinkLayerAddress != nil { learn(source, at: asker, mayCreate: true, at: now) }
        let answer = NeighborDiscovery(
            .neighborAdvertisement(target: target, flags: [.solicited, .override]), options: [.target(mac)])
        send(answer, from: target, to: source, asker)
    }

    mutating func receiveAdvertisement(
        of target: IPv6Address, _ flags: NeighborDiscovery.AdvertisementFlags,
        _ message: NeighborDiscovery, at now: Instant
    ) {
        if let index = tentative(target) { return foundDuplicate(at: index, now) }
        guard !isOurs(target) else { return defend(target, at: now) }
        let known = neighbors.known(target)
        guard let neighbor = message.targetLinkLayerAddress ?? known else { return }
        // RFC 4861 §7.2.5: without Override it confirms, but changes nothing.
        if !flags.contains(.override), let known, known != neighbor { return }
        learn(target, at: neighbor, mayCreate: false, at: now)
    }

    /// Only of neighbours: what is behind a router has no place among them.
    mutating func learn(
        _ address: IPv6Address, at neighbor: MACAddress, mayCreate: Bool, at now: Instant
    ) {
        guard routers.isOnLink(address, at: now), neighbor != mac,
            neighbors.learn(address, neighbor, mayCreate: mayCreate, at: now)
        else { return }
        cache.removeAll()
        for waiting in pending.take(for: address) {
            outputs.append(.sendFrame(frame(of: waiting, to: neighbor)))
        }
    }

    private func frame(of packet: [UInt8], to neighbor: MACAddress) -> [UInt8] {
        var frame: [UInt8] = []
        frame.reserveCapacity(LayerConverter.headroom + packet.count)
        frame.appendEthernetHeader(to: neighbor, from: mac, carrying: .ipv6)
        return frame + packet
    }

    /// Says to all where the address is.
    private mutating func announce(
        _ address: IPv6Address, flags: NeighborDiscovery.AdvertisementFlags
    ) {
        let message = NeighborDiscovery(
            .neighborAdvertisement(target: address, flags: flags), options: [.target(mac)])
        send(message, from: address, to: .allNodes)
    }

    /// Another host uses our address. We keep it, but do not quarrel for ever.
    private mutating func defend(_ address: IPv6Address, at now: Instant) {
        if let lastDefence, now < lastDefence + LayerConverter.defendInterval { return }
        lastDefence = now
        announce(address, flags: [.override])
    }

    private mutating func note(_ address: IPv6Address, usedAt now: Instant) {
        guard let index = addresses.firstIndex(where: { $0.address == address }) else { return }
        addresses[index].usedAt = now
    }
}

// MARK: - Addresses that are looked for

extension IPv6Host {
    func tentative(_ address: IPv6Address) -> Int? {
        addresses.firstIndex { $0.address == address && $0.isTentative }
    }

    mutating func probeAddresses(at now: Instant) {
        for index in addresses.indices {
            guard case .tentative(let probesLeft, let next) = addresses[index].state, now >= next else {
                continue
            }
            let address = addresses[index].address
            guard probesLeft > 0 else {
                assign(index, at: now)
                continue
            }
            addresses[index].state = .tentative(
                probesLeft: probesLeft - 1, next: now + timing.probeInterval)
            let probe = NeighborDiscovery(.neighborSolicitation(target: address))
            send(probe, from: .any, to: address.solicitedNode)
        }
    }

    private mutating func assign(_ index: Int, at now: Instant) {
        let address = addresses[index].address
        addresses[index].state = .assigned
        sources.append(address)
        announce(address, flags: [.override])
        for packet in unproved.take(for: address) { lift(packet, at: now) }
    }

    private mutating func foundDuplicate(at index: Int, _ now: Instant) {
        let lost = addresses[index]
        _ = unproved.take(for: lost.address)
        switch lost.origin {
        case .leased:
            addresses.remove(at: index)
            dhcp.decline(at: now)
        case .chosen: addresses[index].state = .duplicate(until: now + Self.duplicateTime)
        case .stateless(let attempt):
            guard attempt + 1 < Self.maxAttempts,
                let prefix = routers.prefixes.first(where: { $0.prefix == lost.prefix })
            else {
                // Kept as it is, so that the prefix is not tried again with each advertisement.
                addresses[index].state = .duplicate(until: .distantFuture)
                return
            }
            addresses.remove(at: index)
            form(prefix, attempt: attempt + 1, at: now)
        }
    }

    mutating func expireAddresses(at now: Instant) {
        addresses.removeAll { address in
            if case .duplicate(let until) = address.state, until <= now { return true }
            return address.validUntil <= now
        }
        sources = addresses.filter(\.isAssigned).map(\.address)
    }

    /// The client shows an address on its link: true if it may have it, and then it is looked for.
    mutating func choose(_ address: IPv6Address, on link: IPv6Link, at now: Instant) -> Bool {
        guard let prefix = routers.autonomousPrefix(of: address), prefix.validUntil > now,
            link.mayChoose || address.lower == link.peer, address.lower != 0,
            addresses.count(where: \.isTentative) < Self.maxTentative, choices.take(at: now)
        else { return false }
        let most = min(link.maxAddresses, Self.maxAddresses)
        if addresses.count >= most {
            // A client with privacy addresses leaves old ones behind: the one that was of no use for longest.
            let oldest = addresses.indices.filter { addresses[$0].isAssigned }
                .min { addresses[$0].usedAt < addresses[$1].usedAt }
            guard most > 0, let oldest else { return false }
            addresses.remove(at: oldest)
            cache.removeAll()
        }
        addresses.append(
            InterfaceAddress(
                address: address, prefix: prefix.prefix, origin: .chosen,
                state: .tentative(probesLeft: timing.probes, next: now),
                preferredUntil: prefix.preferredUntil, validUntil: prefix.validUntil, usedAt: now))
        return true
    }
}
