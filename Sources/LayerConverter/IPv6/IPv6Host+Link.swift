import Wire

/// The client's link. No neighbour is on it but this converter, so no prefix is.
///
/// Where the routers of the hub leave addresses to DHCPv6 alone, the converter leases one with the lent MAC
/// address, as it does for IPv4, and the client gets that very one, whatever it speaks. It may ask by
/// DHCPv6. Or it may form the address itself, if its interface identifier is the lower half: then the prefix
/// around it is announced, but deprecated (RFC 4862 §5.5.4). A deprecated address is as good as any where
/// there is no other one, but no privacy addresses are formed beside it (RFC 8981 §3.4): nobody leased
/// those.
extension IPv6Host {
    /// The client asks, RFC 4861 §6.2.6.
    mutating func clientSolicited(at now: Instant) {
        lastAdvertisement = nil
        advertisementIsDue = routers.isHeard
        settle(at: now)
    }

    /// The client speaks DHCPv6.
    mutating func clientAsked(_ packet: borrowing IPv6Packet, on link: IPv6Link, at now: Instant) {
        guard packet.source.isLinkLocal, packet.destination == .allDHCPServers,
            let datagram = UDPDatagram(packet.payload),
            datagram.sourcePort == DHCPv6Message.clientPort,
            datagram.destinationPort == DHCPv6Message.serverPort,
            datagram.hasValidChecksum(from: packet.source, to: packet.destination)
        else { return }
        var reader = ByteReader(datagram.payload)
        guard let message = try? DHCPv6Message(parsing: &reader) else { return }
        let network = network(at: now)
        let server = DHCPv6LinkServer(
            mac, address: leased, dns: network?.dns ?? [], domains: network?.domains ?? [])
        guard let answer = server.answer(to: message, at: now) else { return }
        let reply = IPv6Datagram(
            udp: answer.bytes, from: .linkLocal(interface: link.own), port: DHCPv6Message.serverPort,
            to: packet.source, port: DHCPv6Message.clientPort)
        outputs.append(.sendPacket(reply.bytes))
    }

    mutating func advertise(at now: Instant) {
        guard let link, advertisementIsDue else { return }
        if let lastAdvertisement, now < lastAdvertisement + Self.advertisementInterval { return }
        advertisementIsDue = false
        lastAdvertisement = now
        let message = advertisement(on: link, at: now)
        let packet = IPv6Datagram(message, from: .linkLocal(interface: link.own), to: .allNodes)
        outputs.append(.sendPacket(packet.bytes))
    }

    /// As many of the domains, the first ones, as `room` octets of a packet take, and an option.
    private static func searchList(
        _ domains: [String], lifetime: UInt32, room: Int
    ) -> NeighborDiscovery.Option? {
        for count in (1..<domains.count + 1).reversed() {
            let option = NeighborDiscovery.Option(
                searchList: Array(domains.prefix(count)), lifetime: lifetime)
            // The option is padded to units of eight octets.
            if option.value.count + 2 + 7 <= min(room, NeighborDiscovery.Option.mostOctets) { return option }
        }
        return nil
    }

    var leased: InterfaceAddress? { addresses.first { $0.origin == .leased && $0.isAssigned } }

    /// What the routers of the hub say.
    private func advertisement(on link: IPv6Link, at now: Instant) -> NeighborDiscovery {
        let until = routers.routers.map(\.until).max() ?? now
        let rest = min(Lifetime.rest(until: until, at: now), 9000)
        var options: [NeighborDiscovery.Option] = []
        for prefix in routers.prefixes where prefix.isAutonomous {
            let valid = Lifetime.rest(until: prefix.validUntil, at: now)
            options.append(
                .init(
                    PrefixInformation(
                        prefix.prefix, isOnLink: false, isAutonomous: true, validLifetime: valid,
                        preferredLifetime: min(valid, Lifetime.rest(until: prefix.preferredUntil, at: now)))))
        }
        let leased = leased
        if let leased, leased.address.lower == link.peer, let prefix = IPv6Prefix(leased.address, length: 64),
            !routers.prefixes.contains(where: { $0.isAutonomous && $0.prefix == prefix })
        {
            let valid = Lifetime.rest(until: leased.validUntil, at: now)
            options.append(
                .init(
                    PrefixInformation(
                        prefix, isOnLink: false, isAutonomous: true, validLifetime: valid,
                        preferredLifetime: 0)))
        }
        options.append(.init(mtu: UInt32(max(1280, min(link.mtu, routers.mtu ?? link.mtu)))))
        let network = network(at: now)
        // As long as the router itself: both are said again together.
        if let dns = network?.dns, !dns.isEmpty {
            options.append(.init(recursiveServers: dns, lifetime: max(rest, 600)))
        }
        let others = options.reduce(0) { $0 + $1.value.count + 2 }
        if let list = Self.searchList(
            network?.domains ?? [], lifetime: max(rest, 600), room: link.mtu - Self.advertisementHead - others
        ) {
            options.append(list)
        }
        let router = NeighborDiscovery.RouterAdvertisement(
            hopLimit: 64, flags: leased == nil ? 0 : NeighborDiscovery.RouterAdvertisement.managed,
            routerLifetime: .seconds(Int64(rest)), reachableTime: .zero,
            retransmitTimer: .zero)
        return NeighborDiscovery(.routerAdvertisement(router), options: options)
    }
}
