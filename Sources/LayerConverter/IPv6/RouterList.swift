import Wire

/// What the routers of the segment have said: RFC 4861 §6.3, name servers after RFC 8106. Several routers add
/// up; each part ends with its own lifetime. What finds no room is left out.
struct RouterList {
    static let maxRouters = 8
    static let maxPrefixes = 8
    static let maxServers = 8
    static let maxDomains = 8

    struct Router: Equatable {
        var address: IPv6Address
        /// RFC 4191 §2.2: higher is better.
        var preference: Int
        var until: Instant
    }

    struct Prefix: Equatable {
        var prefix: IPv6Prefix
        var isAutonomous: Bool
        /// When it is no longer on the link; a moment that is over where it never was.
        var onLinkUntil: Instant
        var preferredUntil: Instant
        var validUntil: Instant
    }

    struct Named<Value: Equatable>: Equatable {
        var value: Value
        var until: Instant
    }

    /// Default routers, the best first; of equally good ones the first that was heard.
    private(set) var routers: [Router] = []
    private(set) var prefixes: [Prefix] = []
    private(set) var servers: [Named<IPv6Address>] = []
    private(set) var domains: [Named<String>] = []
    private(set) var mtu: Int?
    /// Flags M and O of the last advertisement.
    private(set) var isManaged = false
    private(set) var hasOtherConfiguration = false
    /// Whether any router was ever heard.
    private(set) var isHeard = false

    mutating func receive(_ message: NeighborDiscovery, from router: IPv6Address, at now: Instant) {
        guard case .routerAdvertisement(let said) = message.message else { return }
        isHeard = true
        isManaged = said.flags & NeighborDiscovery.RouterAdvertisement.managed != 0
        hasOtherConfiguration =
            said.flags & NeighborDiscovery.RouterAdvertisement.otherConfiguration != 0
        note(router, said, at: now)
        // RFC 8200 §5: no link carries less; and a segment of ours carries no more than Ethernet does.
        if let mtu = message.mtu, (1280...9000).contains(mtu) { self.mtu = Int(mtu) }
        message.prefixes.forEach { note($0, at: now) }
        for (address, lifetime) in message.recursiveServers where address.isRoutable {
            Self.note(address, lifetime, in: &servers, max: Self.maxServers, at: now)
        }
        for (domain, lifetime) in message.searchList {
            Self.note(domain, lifetime, in: &domains, max: Self.maxDomains, at: now)
        }
    }

    /// Forgets what is over.
    mutating func expire(at now: Instant) {
        routers.removeAll { $0.until <= now }
        prefixes.removeAll { $0.validUntil <= now }
        servers.removeAll { $0.until <= now }
        domains.removeAll { $0.until <= now }
    }

    /// When `expire` has something to do, or a prefix ceases to be preferred or on the link.
    func nextExpiry(after now: Instant) -> Instant {
        var next = Instant.distantFuture
        func note(_ moment: Instant) { if moment > now { next = min(next, moment) } }
        routers.forEach { note($0.until) }
        for prefix in prefixes {
            note(prefix.validUntil)
            note(prefix.preferredUntil)
            note(prefix.onLinkUntil)
        }
        servers.forEach { note($0.until) }
        domains.forEach { note($0.until) }
        return next
    }

    func isOnLink(_ address: IPv6Address, at now: Instant) -> Bool {
        address.isLinkLocal || prefixes.contains { $0.onLinkUntil > now && $0.prefix.contains(address) }
    }

    /// The prefix in which a host may form this address.
    func autonomousPrefix(of address: IPv6Address) -> Prefix? {
        prefixes.first { $0.isAutonomous && $0.prefix.contains(address) }
    }
}

extension RouterList {
    private mutating func note(
        _ address: IPv6Address, _ said: NeighborDiscovery.RouterAdvertisement, at now: Instant
    ) {
        let index = routers.firstIndex { $0.address == address }
        guard said.routerLifetime > .zero else {
            if let index { routers.remove(at: index) }
            return
        }
        let router = Router(
            address: address, preference: Self.preference(said.flags), until: now + said.routerLifetime)
        if let index {
            routers[index] = router
        } else if routers.count < Self.maxRouters {
            routers.append(router)
        }
        // Stable, as it is an insertion sort of few.
        routers = routers.enumerated()
            .sorted { ($1.element.preference, $0.offset) < ($0.element.preference, $1.offset) }
            .map(\.element)
    }

    /// RFC 4191 §2.1: two bits with a sign; the reserved value is as medium.
    private static func preference(_ flags: UInt8) -> Int {
        switch flags >> 3 & 3 {
        case 1: 1
        case 3: -1
        case _: 0
        }
    }

    private mutating func note(_ said: PrefixInformation, at now: Instant) {
        let valid = Lifetime.end(of: said.validLifetime, from: now)
        let index = prefixes.firstIndex { $0.prefix == said.prefix }
        var prefix =
            index.map { prefixes[$0] }
            ?? Prefix(
                prefix: said.prefix, isAutonomous: false, onLinkUntil: now, preferredUntil: now,
                validUntil: now)
        // RFC 4861 §6.3.4: an advertisement without L says nothing of being on the link.
        if said.isOnLink { prefix.onLinkUntil = valid }
        // RFC 4862 §5.5.3 d: interface identifiers have 64 bits.
        if said.isAutonomous, said.prefix.length == 64 {
            prefix.isAutonomous = true
            prefix.preferredUntil = Lifetime.end(of: said.preferredLifetime, from: now)
        }
        prefix.validUntil = max(valid, prefix.onLinkUntil)
        if let index {
            prefixes[index] = prefix
        } else if said.validLifetime > 0, prefixes.count < Self.maxPrefixes {
            prefixes.append(prefix)
        }
    }

    private static func note<Value>(
        _ value: Value, _ lifetime: UInt32, in list: inout [Named<Value>], max: Int, at now: Instant
    ) {
        list.removeAll { $0.value == value && lifetime == 0 }
        guard lifetime > 0 else { return }
        let until = Lifetime.end(of: lifetime, from: now)
        if let index = list.firstIndex(where: { $0.value == value }) {
            list[index].until = until
        } else if list.count < max {
            list.append(Named(value: value, until: until))
        }
    }
}
