import Testing
import Wire

/// What radvd sends for a prefix with a name server and a search list.
private let advertisement = hex(
    """
    86 00 00 00  40 48 07 08  // Router Advertisement: hop limit 64, O, preference high, 1800 s
    00 00 00 00  00 00 00 00
    03 04 40 c0  00 01 51 80  00 00 38 40  00 00 00 00  // Prefix Information: /64, L A, 86400 s, 14400 s
    20 01 0d b8 00 30 00 00 00 00 00 00 00 00 00 00
    05 01 00 00  00 00 05 78  // MTU 1400
    19 03 00 00  00 00 02 58  // Recursive DNS Server, 600 s
    20 01 0d b8 00 30 00 00 00 00 00 00 00 00 00 53
    1f 04 00 00  00 00 02 58  // DNS Search List, 600 s
    03 6c 61 6e 07 65 78 61 6d 70 6c 65 03 6f 72 67 00 00 00 00 00 00 00 00  // lan.example.org
    01 01 02 00 00 00 00 01   // Source Link-Layer Address
    """)

private let router = IPv6Address("fe80::1")!

@Suite struct RouterOptionsTests {
    @Test func `everything that a router says`() throws {
        let message = try parse(advertisement)
        let prefix = PrefixInformation(
            IPv6Prefix("2001:db8:30::/64")!, isOnLink: true, isAutonomous: true, validLifetime: 86400,
            preferredLifetime: 14400)
        #expect(message.prefixes == [prefix])
        #expect(message.mtu == 1400)
        #expect(message.recursiveServers.map(\.address) == [IPv6Address("2001:db8:30::53")!])
        #expect(message.recursiveServers.map(\.lifetime) == [600])
        #expect(message.searchList.map(\.domain) == ["lan.example.org"])
        #expect(message.sourceLinkLayerAddress == MACAddress(0x0200_0000_0001))
        #expect(message.targetLinkLayerAddress == nil)
    }

    @Test func `what is written reads the same`() throws {
        let message = try parse(advertisement)
        let again = NeighborDiscovery(
            message.message,
            options: [
                .init(message.prefixes[0]), .init(mtu: 1400),
                .init(recursiveServers: message.recursiveServers.map(\.address), lifetime: 600),
                .init(searchList: ["lan.example.org"], lifetime: 600), .source(MACAddress(0x0200_0000_0001)),
            ])
        var bytes: [UInt8] = []
        again.serialize(into: &bytes)
        #expect(try parse(bytes).prefixes == message.prefixes)
        #expect(bytes == advertisement)
    }

    @Test func `every prefix but those between options is refused`() {
        let ends = [16, 48, 56, 80, 112]
        for count in 0..<advertisement.count where !ends.contains(count) {
            #expect(throws: WireError.self) { try parse(Array(advertisement[..<count])) }
        }
    }

    @Test func `options that lie about themselves are as none`() {
        let discovery = { (type: UInt8, value: [UInt8]) in
            NeighborDiscovery(.routerSolicitation, options: [.init(type: type, value: value)])
        }
        var prefix = NeighborDiscovery.Option(
            PrefixInformation(
                IPv6Prefix("2001:db8::/64")!, isOnLink: true, isAutonomous: true, validLifetime: 10,
                preferredLifetime: 10)
        ).value
        #expect(discovery(3, prefix).prefixes.count == 1)
        #expect(discovery(3, Array(prefix.dropLast())).prefixes.isEmpty)
        prefix[0] = 129
        #expect(discovery(3, prefix).prefixes.isEmpty)
        prefix[0] = 64
        prefix[9] = 11  // preferred for longer than valid
        #expect(discovery(3, prefix).prefixes.isEmpty)
        prefix[9] = 10
        (prefix[14], prefix[15]) = (0xfe, 0x80)
        #expect(discovery(3, prefix).prefixes.isEmpty)
        #expect(discovery(5, [0, 0, 0, 0, 5]).mtu == nil)
        #expect(discovery(25, [UInt8](repeating: 0, count: 6)).recursiveServers.isEmpty)
        #expect(discovery(25, [UInt8](repeating: 0, count: 30)).recursiveServers.isEmpty)
        #expect(discovery(31, [0, 0, 0, 0, 0, 9, 0x3f, 65, 66, 67, 0, 0, 0, 0]).searchList.isEmpty)
        #expect(discovery(31, [0, 0, 0, 0, 0, 9, 1, 0x20, 1, 65, 0, 0, 0, 0]).searchList.isEmpty)
        #expect(discovery(1, [1, 0, 0, 0, 0, 1]).sourceLinkLayerAddress == nil)
        #expect(discovery(1, [2, 0, 0, 0, 0]).sourceLinkLayerAddress == nil)
    }

    @Test func `a message is of this link, whole, and from whom may say it`() throws {
        let message = try parse(advertisement)
        let good = IPv6Datagram(message, from: router, to: .allNodes)
        #expect(try receive(good.bytes) == message)
        var far = good
        far.hopLimit = 254
        #expect(throws: WireError.self) { try receive(far.bytes) }
        var damaged = good.bytes
        damaged[60] ^= 1
        #expect(throws: WireError.self) { try receive(damaged) }
        let global = IPv6Datagram(message, from: IPv6Address("2001:db8::1")!, to: .allNodes)
        #expect(throws: WireError.self) { try receive(global.bytes) }
    }

    @Test func `who looks for a free address does not tell a MAC address, and asks the right group`() {
        let target = IPv6Address("2001:db8::1234:5678")!
        let probe = NeighborDiscovery(.neighborSolicitation(target: target))
        #expect(throws: Never.self) {
            try receive(IPv6Datagram(probe, from: .any, to: target.solicitedNode).bytes)
        }
        #expect(throws: WireError.self) { try receive(IPv6Datagram(probe, from: .any, to: target).bytes) }
        let telling = NeighborDiscovery(
            .neighborSolicitation(target: target), options: [.source(MACAddress(0x0200_0000_0001))])
        #expect(throws: WireError.self) {
            try receive(IPv6Datagram(telling, from: .any, to: target.solicitedNode).bytes)
        }
        let toAll = NeighborDiscovery(.neighborAdvertisement(target: target, flags: [.solicited]))
        #expect(throws: WireError.self) {
            try receive(IPv6Datagram(toAll, from: target, to: .allNodes).bytes)
        }
        let ofGroup = NeighborDiscovery(.neighborAdvertisement(target: .allNodes, flags: []))
        #expect(throws: WireError.self) { try receive(IPv6Datagram(ofGroup, from: target, to: target).bytes) }
    }

    private func receive(_ bytes: [UInt8]) throws -> NeighborDiscovery {
        guard let packet = IPv6Packet(bytes.rawSpan) else { throw WireError.truncated }
        return try NeighborDiscovery(receiving: packet)
    }

    private func parse(_ bytes: [UInt8]) throws -> NeighborDiscovery {
        var reader = ByteReader(bytes.rawSpan)
        return try NeighborDiscovery(parsing: &reader)
    }
}

@Suite struct IPv6PrefixTests {
    @Test func `prefixes of every length hold what they should`() {
        let address = IPv6Address("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff")!
        for length in 0...128 {
            let prefix = IPv6Prefix(address, length: length)!
            #expect(prefix.contains(address))
            #expect(prefix.contains(prefix.network))
            guard length > 0 else { continue }
            let bit = length - 1
            let other = IPv6Address(
                bit < 64 ? address.upper ^ 1 << UInt64(63 - bit) : address.upper,
                bit < 64 ? address.lower : address.lower ^ 1 << UInt64(127 - bit))
            #expect(!prefix.contains(other))
        }
        #expect(IPv6Prefix(address, length: 129) == nil)
        #expect(IPv6Prefix("2001:db8::1/48")?.description == "2001:db8::/48")
        for text in ["2001:db8::", "2001:db8::/", "2001:db8::/129", "2001:db8::/+4", "/64"] {
            #expect(IPv6Prefix(text) == nil)
        }
    }

    @Test func `addresses that are made of a MAC address, RFC 4291 appendix A and RFC 2464`() {
        let mac = MACAddress(0x3456_789a_bcde)
        #expect(
            IPv6Address.linkLocal(interface: mac.interfaceIdentifier).description
                == "fe80::3656:78ff:fe9a:bcde")
        let address = IPv6Address("2001:db8::3656:78ff:fe9a:bcde")!
        #expect(address.solicitedNode.description == "ff02::1:ff9a:bcde")
        #expect(MACAddress.multicast(address.solicitedNode) == MACAddress(0x3333_ff9a_bcde))
        #expect(MACAddress(octets: [1, 2, 3, 4, 5]) == nil)
    }
}
