import Testing
import Wire

/// A UDP datagram to port 53 inside, with a valid header checksum.
private let golden = hex(
    """
    45 00 00 1d  // version 4, IHL 5, Total Length 29
    00 2a 40 00  // identification 42, Don't Fragment
    40 11 b8 8d  // TTL 64, UDP, checksum
    c0 a8 00 01  // 192.168.0.1
    c0 a8 00 c7  // 192.168.0.199
    12 34 00 35 00 09 00 00 61
    """)

@Suite struct IPv4PacketTests {
    @Test func `a packet is seen in place`() throws {
        guard let packet = IPv4Packet(golden.rawSpan) else {
            Issue.record("a whole packet was refused")
            return
        }
        let (source, destination, carried) = (packet.source, packet.destination, packet.protocol)
        let (length, isValid, isFragment) = (packet.totalLength, packet.hasValidChecksum, packet.isFragment)
        #expect(source == IPv4Address("192.168.0.1"))
        #expect(destination == IPv4Address("192.168.0.199"))
        #expect(carried == .udp)
        #expect(length == 29)
        #expect(!isFragment)
        let sum = InternetChecksum.of(golden.rawSpan.extracting(first: 20))
        #expect(isValid, "\(sum)")

        guard let datagram = UDPDatagram(packet.payload) else {
            Issue.record("a whole datagram was refused")
            return
        }
        let (port, payload) = (datagram.destinationPort, datagram.payload.bigEndian(at: 0, as: UInt8.self))
        #expect(port == 53)
        #expect(payload == 0x61)
    }

    @Test func `every prefix is refused`() {
        for count in 0..<golden.count { #expect(!isAccepted(Array(golden[..<count]))) }
    }

    @Test func `the padding of a short Ethernet frame is cut off`() {
        let padded = golden + [UInt8](repeating: 0xee, count: 17)
        let length = IPv4Packet(padded.rawSpan)?.totalLength
        #expect(length == 29)
    }

    @Test(arguments: 0..<5 as Range<UInt8>) func `IHL below 5 is refused`(ihl: UInt8) {
        #expect(!isAccepted([0x40 | ihl] + golden.dropFirst()))
    }

    @Test func `IHL beyond Total Length is refused`() {
        #expect(!isAccepted([0x4f] + golden.dropFirst()))
    }

    @Test(arguments: [0, 19, 30, 65_535] as [UInt16])
    func `Total Length below the header or beyond the frame is refused`(length: UInt16) {
        var lie = golden
        lie[2] = UInt8(length >> 8)
        lie[3] = UInt8(length & 0xff)
        #expect(!isAccepted(lie))
    }

    @Test func `another version is refused`() { #expect(!isAccepted([0x65] + golden.dropFirst())) }

    @Test func `fragments are recognised`() {
        var last = golden
        last[6] = 0x20
        last[7] = 0x02
        guard let packet = IPv4Packet(last.rawSpan) else {
            Issue.record("a fragment was refused")
            return
        }
        let (isFragment, more, offset) = (packet.isFragment, packet.moreFragments, packet.fragmentOffset)
        #expect(isFragment)
        #expect(more)
        #expect(offset == 16)
    }

    @Test func `a header that we write is read back`() {
        var header = IPv4Header(
            from: IPv4Address("192.168.0.1")!, to: IPv4Address("192.168.0.199")!, carrying: .udp, length: 9)
        header.identification = 42
        header.dontFragment = true
        var bytes: [UInt8] = []
        header.serialize(into: &bytes)
        #expect(bytes == Array(golden[..<20]))
    }

    private func isAccepted(_ bytes: [UInt8]) -> Bool { IPv4Packet(bytes.rawSpan) != nil }
}
