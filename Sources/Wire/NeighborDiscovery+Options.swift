/// RFC 4861 §4.6.2: what a router says of a prefix. Lifetimes are seconds, `Lifetime.infinite` of which are
/// for ever.
public struct PrefixInformation: Equatable, Sendable {
    public var prefix: IPv6Prefix
    /// L and A.
    public var isOnLink: Bool
    public var isAutonomous: Bool
    public var validLifetime: UInt32
    public var preferredLifetime: UInt32

    public init(
        _ prefix: IPv6Prefix, isOnLink: Bool, isAutonomous: Bool, validLifetime: UInt32,
        preferredLifetime: UInt32
    ) {
        self.prefix = prefix
        self.isOnLink = isOnLink
        self.isAutonomous = isAutonomous
        self.validLifetime = validLifetime
        self.preferredLifetime = preferredLifetime
    }
}

/// Seconds for which something that a router or a DHCPv6 server said is good, RFC 4861 §4.6.2.
public enum Lifetime {
    public static let infinite: UInt32 = 0xffff_ffff

    /// The moment when it ends.
    public static func end(of seconds: UInt32, from now: Instant) -> Instant {
        seconds == infinite ? .distantFuture : now + .seconds(Int64(seconds))
    }

    /// What is left of it, to be told to others. Zero when it is over.
    public static func rest(until end: Instant, at now: Instant) -> UInt32 {
        if end == .distantFuture { return infinite }
        return end > now ? UInt32(clamping: now.duration(to: end).components.seconds) : 0
    }
}

/// Typed options. One of a wrong length, or with a value that its RFC forbids, is as none.
extension NeighborDiscovery {
    public var sourceLinkLayerAddress: MACAddress? { linkLayerAddress(Option.sourceLinkLayerAddress) }
    public var targetLinkLayerAddress: MACAddress? { linkLayerAddress(Option.targetLinkLayerAddress) }

    /// RFC 4861 §4.6.1 and RFC 2464 §6. Nobody has a group address.
    private func linkLayerAddress(_ type: UInt8) -> MACAddress? {
        options.first { $0.type == type }.flatMap { MACAddress(octets: $0.value) }
            .flatMap { $0.isGroup ? nil : $0 }
    }

    /// RFC 4861 §4.6.2, without those of the link-local prefix (RFC 4862 §5.5.3 b) and those that would be
    /// preferred for longer than they are valid.
    public var prefixes: [PrefixInformation] {
        options.compactMap { option in
            guard option.type == Option.prefixInformation, option.value.count == 30 else { return nil }
            let value = option.value.rawSpan
            let network = IPv6Address(value, at: 14)
            let valid = value.bigEndian(at: 2, as: UInt32.self)
            let preferred = value.bigEndian(at: 6, as: UInt32.self)
            guard let prefix = IPv6Prefix(network, length: Int(option.value[0])), preferred <= valid,
                !network.isLinkLocal, !network.isMulticast
            else { return nil }
            return PrefixInformation(
                prefix, isOnLink: option.value[1] & 0x80 != 0, isAutonomous: option.value[1] & 0x40 != 0,
                validLifetime: valid, preferredLifetime: preferred)
        }
    }

    /// RFC 4861 §4.6.4.
    public var mtu: UInt32? {
        guard let option = options.first(where: { $0.type == Option.mtu }), option.value.count == 6 else {
            return nil
        }
        return option.value.rawSpan.bigEndian(at: 2)
    }

    /// RFC 8106 §5.1.
    public var recursiveServers: [(address: IPv6Address, lifetime: UInt32)] {
        options.filter {
            $0.type == Option.recursiveServer && $0.value.count >= 22 && $0.value.count % 16 == 6
        }
        .flatMap { option in
            let value = option.value.rawSpan
            let lifetime = value.bigEndian(at: 2, as: UInt32.self)
            return stride(from: 6, to: option.value.count, by: 16)
                .map { (IPv6Address(value, at: $0), lifetime) }
        }
    }

    /// RFC 8106 §5.2.
    public var searchList: [(domain: String, lifetime: UInt32)] {
        options.filter { $0.type == Option.searchList && $0.value.count >= 14 }.flatMap { option in
            let lifetime = option.value.rawSpan.bigEndian(at: 2, as: UInt32.self)
            let names = DomainNames.parse(option.value.rawSpan.extracting(droppingFirst: 6))
            return names.map { ($0, lifetime) }
        }
    }
}

extension NeighborDiscovery.Option {
    public static let prefixInformation: UInt8 = 3
    public static let mtu: UInt8 = 5
    public static let recursiveServer: UInt8 = 25
    public static let searchList: UInt8 = 31

    public static func source(_ mac: MACAddress) -> Self {
        .init(type: sourceLinkLayerAddress, value: mac.octets)
    }

    public static func target(_ mac: MACAddress) -> Self {
        .init(type: targetLinkLayerAddress, value: mac.octets)
    }

    public init(_ prefix: PrefixInformation) {
        let flags: UInt8 = (prefix.isOnLink ? 0x80 : 0) | (prefix.isAutonomous ? 0x40 : 0)
        var value: [UInt8] = [UInt8(prefix.prefix.length), flags]
        value.appendBigEndian(prefix.validLifetime)
        value.appendBigEndian(prefix.preferredLifetime)
        value.appendZeros(4)
        value.append(prefix.prefix.network)
        self.init(type: Self.prefixInformation, value: value)
    }

    public init(mtu: UInt32) {
        var value: [UInt8] = [0, 0]
        value.appendBigEndian(mtu)
        self.init(type: Self.mtu, value: value)
    }

    /// `servers` are one at least, and 127 at most.
    public init(recursiveServers servers: [IPv6Address], lifetime: UInt32) {
        var value: [UInt8] = [0, 0]
        value.appendBigEndian(lifetime)
        servers.forEach { value.append($0) }
        self.init(type: Self.recursiveServer, value: value)
    }

    public init(searchList domains: [String], lifetime: UInt32) {
        var value: [UInt8] = [0, 0]
        value.appendBigEndian(lifetime)
        domains.forEach { DomainNames.append($0, to: &value) }
        self.init(type: Self.searchList, value: value)
    }
}

extension NeighborDiscovery {
    /// Reads a received packet and judges it as RFC 4861 §6.1 and §7.1 demand: Hop Limit 255, so that it is
    /// of this link, a right checksum, and who may say what to whom. Fragments (RFC 6980) and packets with
    /// extension headers are none.
    public init(receiving packet: borrowing IPv6Packet) throws(WireError) {
        guard packet.nextHeader == .icmpV6, packet.hopLimit == 255 else { throw .badValue }
        let payload = packet.payload
        var sum = InternetChecksum()
        sum.addPseudoHeader(
            from: packet.source, to: packet.destination, carrying: .icmpV6, length: payload.byteCount)
        sum.add(payload)
        guard sum.value == 0 else { throw .badValue }
        var reader = ByteReader(payload)
        try self.init(parsing: &reader)
        guard isAllowed(from: packet.source, to: packet.destination) else { throw .badValue }
    }

    private func isAllowed(from source: IPv6Address, to destination: IPv6Address) -> Bool {
        let saysItsMAC = options.contains { $0.type == Option.sourceLinkLayerAddress }
        guard !source.isMulticast else { return false }
        switch message {
        case .routerSolicitation: return source != .any || !saysItsMAC
        case .routerAdvertisement: return source.isLinkLocal
        case .neighborSolicitation(let target):
            let isProbe = destination == target.solicitedNode && !saysItsMAC
            return !target.isMulticast && (source != .any || isProbe)
        case .neighborAdvertisement(let target, let flags):
            return !target.isMulticast && !(destination.isMulticast && flags.contains(.solicited))
        }
    }
}
