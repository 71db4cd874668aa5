import Testing
import Wire

private let solicitation = hex(
    """
    87 00 00 00  00 00 00 00  // Neighbor Solicitation
    fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 02
    01 01 5e 00 00 00 00 01   // Source Link-Layer Address
    """)
private let advertisement = hex(
    """
    86 00 00 00  40 c0 07 08  // Router Advertisement: hop limit 64, M O, 1800 s
    00 00 75 30  00 00 03 e8  // reachable 30 s, retransmit 1 s
    05 01 00 00 00 00 05 78   // MTU 1400
    """)

@Suite struct NeighborDiscoveryTests {
    @Test func `a Neighbor Solicitation, RFC 4861 section 4_3`() throws {
        let parsed = try parse(solicitation)
        #expect(parsed.message == .neighborSolicitation(target: IPv6Address("fe80::2")!))
        #expect(
            parsed.options == [
                NeighborDiscovery.Option(
                    type: NeighborDiscovery.Option.sourceLinkLayerAddress, value: [0x5e, 0, 0, 0, 0, 1])
            ])
        #expect(serialized(parsed) == solicitation)
    }

    @Test func `a Router Advertisement, RFC 4861 section 4_2`() throws {
        let parsed = try parse(advertisement)
        guard case .routerAdvertisement(let router) = parsed.message else {
            Issue.record("\(parsed)")
            return
        }
        #expect(router.routerLifetime == .seconds(1800))
        #expect(router.reachableTime == .seconds(30))
        #expect(router.flags == 0xc0)
        #expect(serialized(parsed) == advertisement)
    }

    @Test func `an advertisement of a neighbour and a router solicitation`() throws {
        for message in [
            .routerSolicitation,
            .neighborAdvertisement(target: IPv6Address("fe80::1")!, flags: [.solicited, .override]),
        ] as [NeighborDiscovery.Message] {
            let discovery = NeighborDiscovery(message, options: [.init(type: 2, value: [0, 1, 2, 3, 4, 5])])
            #expect(try parse(serialized(discovery)) == discovery)
        }
    }

    @Test func `every prefix but those between options is refused`() {
        for count in 0..<solicitation.count where count != 24 {
            #expect(throws: WireError.self) { try parse(Array(solicitation[..<count])) }
        }
        for count in 0..<advertisement.count where count != 16 {
            #expect(throws: WireError.self) { try parse(Array(advertisement[..<count])) }
        }
    }

    @Test(arguments: [0, 2, 255] as [UInt8]) func `an option length of zero or too long is refused`(
        units: UInt8
    ) {
        var lie = solicitation
        lie[25] = units
        #expect(throws: WireError.badLength) { try parse(lie) }
    }

    @Test func `another type or code is refused`() {
        #expect(throws: WireError.badValue) { try parse([137] + solicitation.dropFirst()) }
        #expect(throws: WireError.badValue) { try parse([135, 1] + solicitation.dropFirst(2)) }
    }

    private func parse(_ bytes: [UInt8]) throws -> NeighborDiscovery {
        var reader = ByteReader(bytes.rawSpan)
        return try NeighborDiscovery(parsing: &reader)
    }

    private func serialized(_ discovery: NeighborDiscovery) -> [UInt8] {
        var bytes: [UInt8] = []
        discovery.serialize(into: &bytes)
        return bytes
    }
}
