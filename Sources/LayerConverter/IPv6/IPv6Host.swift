import Wire

/// The IPv6 half of a layer converter: a layer-3 client as an IPv6 host on the hub, with the MAC address that
/// it was lent. Finds routers and prefixes (RFC 4861 §6.3), gets addresses (RFC 4862, DHCPv6 of RFC 8415
/// where a router says so), answers and asks for neighbours (RFC 4861 §7).
///
/// In one of two manners. A client that is told its address (OpenVPN) gets those that are formed here, of the
/// lent MAC address. A client with a link of its own (`IPv6Link`: PPP) forms them itself, so it is told by
/// router advertisements what the routers of the hub say; each address that it then shows, within an
/// advertised prefix, is looked for on the hub before a packet with it goes out, and answered for from then
/// on. Where the routers leave addresses to DHCPv6 alone, one is leased here for such a client too, as
/// `IPv6Host+Link` says.
///
/// The link-local address is used at once: nobody else on the hub has the MAC address that it is made of.
/// Redirects are ignored.
struct IPv6Host {
    /// Solicitations before a hub without an answer counts as one without IPv6. What is advertised later is
    /// heard all the same. RFC 4861 §10 has three at 4 s; a client waits.
    static let maxSolicitations = 4
    static let maxAddresses = 16
    /// Addresses of a client that are looked for at once.
    static let maxTentative = 4
    /// Others that are tried where an address is in use, RFC 7217 §6.
    static let maxAttempts = 3
    /// How long an address that somebody else has is left alone.
    static let duplicateTime: Duration = .seconds(60)
    /// MIN_DELAY_BETWEEN_RAS, RFC 4861 §10.
    static let advertisementInterval: Duration = .seconds(3)
    /// Octets of an advertisement in front of its options: the IPv6 header, and ICMPv6 up to them.
    static let advertisementHead = 40 + 16

    enum Output: Equatable {
        case sendFrame([UInt8])
        /// A packet for the client.
        case sendPacket([UInt8])
        /// `network` is another one.
        case changed
    }

    enum Manner {
        /// Addresses are formed here.
        case told
        /// The client will have a link: `join`.
        case expectsLink
        case link(IPv6Link)
    }

    let mac: MACAddress
    let timing: AddressTiming
    private(set) var manner: Manner
    var routers = RouterList()
    var addresses: [InterfaceAddress] = []
    /// New addresses that a client with a link of its own may show: each is looked for on the hub, noted and
    /// logged. As many at once as it may have; privacy addresses last for hours (RFC 8981 §3.8).
    var choices = TokenBucket(burst: IPv6Host.maxAddresses, interval: .seconds(10))
    var dhcp: DHCPv6Client
    var neighbors = NeighborTable<IPv6Address>()
    /// By next hop.
    var pending = PendingPackets<IPv6Address>()
    /// Packets of the client whose source is not known to be free yet, by source.
    var unproved = PendingPackets<IPv6Address>()
    var cache = NextHopCacheV6()
    /// Sources of the client's packets that may pass: the assigned ones of `addresses`.
    var sources: [IPv6Address] = []
    /// When `handleTimeout` must be called. Kept, because the data path asks after each batch.
    private(set) var deadline: Instant?
    var random: SplitMix64
    var outputs: [Output] = []
    var lastDefence: Instant?
    /// Groups that were reported, and when that is to be said again.
    var reported: [IPv6Address] = []
    var nextReport: Instant?

    private var solicitations = 0
    private var nextSolicitation: Instant?
    private var told: IPv6Network?
    /// On a link: whether the client is to be told, and when it last was.
    var advertisementIsDue = false
    var lastAdvertisement: Instant?

    init(_ mac: MACAddress, _ timing: AddressTiming, _ manner: Manner, seed: UInt64) {
        self.mac = mac
        self.timing = timing
        self.manner = manner
        random = SplitMix64(seed: seed)
        dhcp = DHCPv6Client(mac, timing, seed: random.next())
    }

    var linkLocal: IPv6Address { .linkLocal(interface: mac.interfaceIdentifier) }

    var link: IPv6Link? { if case .link(let link) = manner { link } else { nil } }

    /// Whether nothing more is to be had soon: a router was heard, and everything that it promised is there.
    /// A client that will have a link needs to know of an address that it cannot form.
    var isSettled: Bool {
        guard routers.isHeard, !addresses.contains(where: \.isTentative) else { return false }
        return switch manner {
        case .told: !dhcp.isPending || !sources.isEmpty && !routers.servers.isEmpty
        case .expectsLink: dhcp.purpose != .address || !dhcp.isPending
        case .link: true
        }
    }

    mutating func nextOutput() -> Output? { outputs.isEmpty ? nil : outputs.removeFirst() }

    mutating func start(at now: Instant) {
        nextSolicitation = now
        handleTimeout(at: now)
    }

    /// The client has a link, or another one. It begins on it without the addresses that it chose before.
    mutating func join(_ link: IPv6Link, at now: Instant) {
        manner = .link(link)
        addresses.removeAll { $0.origin != .leased }
        unproved.removeAll()
        lastAdvertisement = nil
        advertisementIsDue = routers.isHeard
        solicitations = 0
        start(at: now)
    }

    mutating func handleTimeout(at now: Instant) {
        if let nextSolicitation, now >= nextSolicitation { solicit(at: now) }
        routers.expire(at: now)
        expireAddresses(at: now)
        probeAddresses(at: now)
        dhcp.handleTimeout(at: now)
        repeatReport(at: now)
        for address in neighbors.handleTimeout(at: now) {
            _ = pending.take(for: address)
            cache.removeAll()
        }
        settle(at: now)
    }

    /// A frame that `lower` wants consumed. Returns whether it was worth anything.
    mutating func receive(_ frame: borrowing EthernetFrame, at now: Instant) -> Bool {
        guard let packet = IPv6Packet(frame.payload) else { return false }
        defer { settle(at: now) }
        if packet.nextHeader == .udp { return receiveDHCP(packet, at: now) }
        if receiveQuery(packet, at: now) { return true }
        guard let message = try? NeighborDiscovery(receiving: packet) else { return false }
        switch message.message {
        case .routerAdvertisement: receiveAdvertisement(message, from: packet.source, at: now)
        case .neighborSolicitation(let target):
            receiveSolicitation(of: target, message, from: packet.source, at: now)
        case .neighborAdvertisement(let target, let flags):
            receiveAdvertisement(of: target, flags, message, at: now)
        case .routerSolicitation: return false
        }
        return true
    }

    /// Gives a leased address back; nothing flows any more.
    mutating func close(at now: Instant) {
        dhcp.release(at: now)
        drainDHCP(at: now)
        addresses = []
        sources = []
        deadline = nil
    }

    /// After each input: what has changed is done and told.
    mutating func settle(at now: Instant) {
        drainDHCP(at: now)
        sendQuestions()
        updateGroups(at: now)
        sources = addresses.filter(\.isAssigned).map(\.address)
        let network = network(at: now)
        if network != told, network != nil || told != nil {
            told = network
            cache.removeAll()
            outputs.append(.changed)
            advertisementIsDue = routers.isHeard
        }
        advertise(at: now)
        setDeadline(at: now)
    }

    mutating func setDeadline(at now: Instant) {
        var next = routers.nextExpiry(after: now)
        for address in addresses { next = min(next, address.nextEvent(after: now)) }
        for other in [nextSolicitation, nextReport, dhcp.deadline, neighbors.deadline] {
            if let other { next = min(next, other) }
        }
        if link != nil, advertisementIsDue, let lastAdvertisement {
            next = min(next, lastAdvertisement + Self.advertisementInterval)
        }
        deadline = next == .distantFuture ? nil : next
    }
}

// MARK: - What the client has

extension IPv6Host {
    /// Nil while there is nothing.
    func network(at now: Instant) -> IPv6Network? {
        guard routers.isHeard else { return nil }
        var network = IPv6Network()
        // Preferred before deprecated ones.
        network.addresses = addresses.filter(\.isAssigned)
            .sorted { ($0.preferredUntil > now ? 0 : 1) < ($1.preferredUntil > now ? 0 : 1) }
            .map { IPv6Network.Address($0.address, prefixLength: prefixLength(around: $0, at: now)) }
        network.router = routers.routers.first?.address
        network.prefixes = routers.prefixes.filter { $0.onLinkUntil > now }.map(\.prefix)
        network.dns = routers.servers.map(\.value)
        for server in dhcp.configuration.dns where !network.dns.contains(server) {
            network.dns.append(server)
        }
        network.domains = routers.domains.map(\.value)
        for domain in dhcp.configuration.domains where !network.domains.contains(domain) {
            network.domains.append(domain)
        }
        network.mtu = routers.mtu
        let isEmpty = network.addresses.isEmpty && network.router == nil && network.prefixes.isEmpty
        return isEmpty ? nil : network
    }

    private func prefixLength(around address: InterfaceAddress, at now: Instant) -> Int {
        if address.origin != .leased { return address.prefix.length }
        let prefix = routers.prefixes.first { $0.onLinkUntil > now && $0.prefix.contains(address.address) }
        return prefix?.prefix.length ?? 128
    }
}

// MARK: - Routers

extension IPv6Host {
    private mutating func solicit(at now: Instant) {
        guard !routers.isHeard, solicitations < Self.maxSolicitations else {
            nextSolicitation = nil
            return
        }
        nextSolicitation = now + .seconds(1 << solicitations)
        solicitations += 1
        let question = NeighborDiscovery(.routerSolicitation, options: [.source(mac)])
        send(question, from: linkLocal, to: .allRouters)
    }

    private mutating func receiveAdvertisement(
        _ message: NeighborDiscovery, from router: IPv6Address, at now: Instant
    ) {
        nextSolicitation = nil
        routers.receive(message, from: router, at: now)
        if let mac = message.sourceLinkLayerAddress {
            learn(router, at: mac, mayCreate: true, at: now)
        }
        for index in addresses.indices where addresses[index].origin != .leased {
            let prefix = addresses[index].prefix
            guard message.prefixes.contains(where: { $0.prefix == prefix && $0.isAutonomous }),
                let said = routers.prefixes.first(where: { $0.prefix == prefix })
            else { continue }
            addresses[index].refresh(said, at: now)
        }
        if case .told = manner { formAddresses(at: now) }
        routers.expire(at: now)
        advertisementIsDue = true
        cache.removeAll()
        if leasesAddress(at: now) {
            dhcp.start(for: .address, at: now)
        } else if routers.isManaged || routers.hasOtherConfiguration {
            dhcp.start(for: .information, at: now)
        }
    }

    /// A client with a link has an address of its own where a router advertises a prefix for it.
    private func leasesAddress(at now: Instant) -> Bool {
        guard routers.isManaged else { return false }
        if case .told = manner { return true }
        return !routers.prefixes.contains { $0.isAutonomous && $0.validUntil > now }
    }

    /// RFC 4862 §5.5.3 d.
    private mutating func formAddresses(at now: Instant) {
        for prefix in routers.prefixes where prefix.isAutonomous && prefix.preferredUntil > now {
            let isFormed = addresses.contains { $0.prefix == prefix.prefix && $0.origin != .leased }
            guard !isFormed, prefix.validUntil > now else { continue }
            form(prefix, attempt: 0, at: now)
        }
    }

    mutating func form(_ prefix: RouterList.Prefix, attempt: Int, at now: Instant) {
        guard addresses.count < Self.maxAddresses else { return }
        let identifier = attempt == 0 ? mac.interfaceIdentifier : random.next()
        addresses.append(
            InterfaceAddress(
                address: prefix.prefix.address(interface: identifier), prefix: prefix.prefix,
                origin: .stateless(attempt: attempt),
                state: .tentative(probesLeft: timing.probes, next: now),
                preferredUntil: prefix.preferredUntil, validUntil: prefix.validUntil, usedAt: now))
        probeAddresses(at: now)
    }
}

// MARK: - DHCPv6

extension IPv6Host {
    private mutating func receiveDHCP(_ packet: borrowing IPv6Packet, at now: Instant) -> Bool {
        guard let datagram = UDPDatagram(packet.payload),
            datagram.destinationPort == DHCPv6Message.clientPort,
            datagram.hasValidChecksum(from: packet.source, to: packet.destination)
        else { return false }
        var reader = ByteReader(datagram.payload)
        guard let message = try? DHCPv6Message(parsing: &reader) else { return false }
        dhcp.receive(message, at: now)
        return true
    }

    mutating func drainDHCP(at now: Instant) {
        while let output = dhcp.nextOutput() {
            switch output {
            case .send(let message):
                let datagram = IPv6Datagram(
                    udp: message.bytes, from: linkLocal, port: DHCPv6Message.clientPort,
                    to: .allDHCPServers, port: DHCPv6Message.serverPort)
                outputs.append(
                    .sendFrame(datagram.frame(to: .multicast(.allDHCPServers), from: mac)))
            case .leased(let lease): take(lease, at: now)
            case .lost(let address): addresses.removeAll { $0.origin == .leased && $0.address == address }
            case .informed: break
            }
        }
    }

    private mutating func take(_ lease: DHCPv6Lease, at now: Instant) {
        let known = addresses.firstIndex { $0.address == lease.address }
        if let known, addresses[known].isAssigned || addresses[known].isTentative {
            addresses[known].preferredUntil = lease.preferredUntil
            addresses[known].validUntil = lease.validUntil
            advertisementIsDue = link != nil
            return
        }
        guard addresses.count < Self.maxAddresses, let prefix = IPv6Prefix(lease.address, length: 128) else {
            return
        }
        // First, because a network that leases addresses wants them used.
        addresses.insert(
            InterfaceAddress(
                address: lease.address, prefix: prefix, origin: .leased,
                state: .tentative(probesLeft: timing.probes, next: now),
                preferredUntil: lease.preferredUntil, validUntil: lease.validUntil, usedAt: now), at: 0)
        probeAddresses(at: now)
    }
}
