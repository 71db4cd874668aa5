import Testing

@testable import Wire

private let golden = hex(
    """
    60 00 00 00  00 0d 3a 40  // Payload Length 13, ICMPv6, Hop Limit 64
    20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01
    20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 02
    80 00 12 34 00 01 00 01 68 65 6c 6c 6f
    """)

@Suite struct IPv6PacketTests {
    @Test func `a packet is seen in place`() throws {
        let padded = golden + [0, 0]
        guard let packet = IPv6Packet(padded.rawSpan), let echo = ICMPMessage(packet.payload) else {
            Issue.record("a whole packet was refused")
            return
        }
        let (source, destination, hopLimit) = (packet.source, packet.destination, packet.hopLimit)
        let (type, count) = (echo.type.rawValue, packet.payload.byteCount)
        #expect(source == IPv6Address("2001:db8::1"))
        #expect(destination == IPv6Address("2001:db8::2"))
        #expect(hopLimit == 64)
        #expect(type == 128)
        #expect(count == 13)
        #expect(try upperLayer(golden) == IPv6Packet.UpperLayer(protocol: .icmpV6, offset: 40))
    }

    @Test func `every prefix is refused`() {
        for count in 0..<golden.count { #expect(!isAccepted(Array(golden[..<count]))) }
        #expect(isAccepted(golden))
        #expect(!isAccepted([0x45] + golden.dropFirst()))
    }

    @Test func `extension headers are walked`() throws {
        let chain = packet(
            first: 0,
            headers: [[60, 1] + zeros(14), [43, 0] + zeros(6), [51, 0] + zeros(6), [17, 4] + zeros(22)])
        #expect(try upperLayer(chain) == IPv6Packet.UpperLayer(protocol: .udp, offset: 40 + 16 + 8 + 8 + 24))
    }

    @Test func `a later fragment has no upper-layer header`() throws {
        let first = try upperLayer(packet(first: 44, headers: [[6, 0, 0, 1, 0, 0, 0, 9]]))
        #expect(first.isFragment && first.fragmentOffset == 0 && first.protocol == .tcp)
        let later = try upperLayer(packet(first: 44, headers: [[60, 0, 0x05, 0xa8, 0, 0, 0, 9]]))
        #expect(later.isFragment && later.fragmentOffset == 1448 && later.offset == 48)
    }

    @Test func `eight extension headers are followed, a hundred are too deep`() throws {
        func chain(_ count: Int) -> [UInt8] {
            let headers = (1...count).map { [$0 == count ? 6 : 60, 0] + zeros(6) }
            return packet(first: 60, headers: headers)
        }
        #expect(try upperLayer(chain(8)).protocol == .tcp)
        #expect(throws: WireError.tooDeep) { try upperLayer(chain(9)) }
        #expect(throws: WireError.tooDeep) { try upperLayer(chain(100)) }
    }

    @Test func `an extension header beyond the packet is refused`() {
        let whole = packet(first: 60, headers: [[6, 1] + zeros(14)])
        for cut in 1...15 {
            var lie = Array(whole.dropLast(cut))
            lie[5] = UInt8(lie.count - 40)
            #expect(throws: WireError.truncated) { try upperLayer(lie) }
        }
    }

    private func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

    private func packet(first: UInt8, headers: [[UInt8]]) -> [UInt8] {
        let payload = headers.flatMap { $0 }
        var bytes = Array(golden[..<40]) + payload
        bytes[4] = UInt8(payload.count >> 8)
        bytes[5] = UInt8(payload.count & 0xff)
        bytes[6] = first
        return bytes
    }

    private func isAccepted(_ bytes: [UInt8]) -> Bool { IPv6Packet(bytes.rawSpan) != nil }

    private func upperLayer(_ bytes: [UInt8]) throws -> IPv6Packet.UpperLayer {
        guard let packet = IPv6Packet(bytes.rawSpan) else { throw WireError.badLength }
        return try packet.upperLayer()
    }
}
