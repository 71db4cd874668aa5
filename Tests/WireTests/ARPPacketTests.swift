import Testing
import Wire

private let golden = hex(
    """
    00 01  // Ethernet
    08 00  // IPv4
    06 04
    00 01  // request
    5e 00 00 00 00 01  c0 a8 1e 0a  // 192.168.30.10
    00 00 00 00 00 00  c0 a8 1e 01  // 192.168.30.1
    """)
private let mac = MACAddress(0x5e00_0000_0001)

@Suite struct ARPPacketTests {
    @Test func `a request, as RFC 826 lays it out`() throws {
        let request = ARPPacket.request(
            for: IPv4Address("192.168.30.1")!, from: mac, IPv4Address("192.168.30.10")!)
        #expect(try parse(golden) == request)
        #expect(
            request.frame(to: .broadcast)
                == hex("ff ff ff ff ff ff 5e 00 00 00 00 01 08 06") + golden)
    }

    @Test func `every prefix is refused, padding is not`() throws {
        for count in 0..<golden.count {
            #expect(throws: WireError.truncated) { try parse(Array(golden[..<count])) }
        }
        #expect(try parse(golden + [UInt8](repeating: 0, count: 18)) == parse(golden))
    }

    @Test(arguments: [(4, 0), (4, 5), (4, 7), (4, 255), (5, 0), (5, 3), (5, 16)] as [(Int, UInt8)])
    func `a wrong hardware or protocol length is refused`(offset: Int, value: UInt8) {
        var lie = golden
        lie[offset] = value
        #expect(throws: WireError.badLength) { try parse(lie) }
    }

    @Test(arguments: [(1, 6), (2, 0x86)] as [(Int, UInt8)])
    func `other hardware or another protocol is refused`(offset: Int, value: UInt8) {
        var other = golden
        other[offset] = value
        #expect(throws: WireError.badValue) { try parse(other) }
    }

    @Test func `a reply goes back to who asked`() throws {
        let gateway = MACAddress(0x0200_0000_0099)
        let reply = try parse(golden).reply(from: gateway)
        #expect(reply.operation == .reply)
        #expect(reply.senderMAC == gateway)
        #expect(reply.senderAddress == IPv4Address("192.168.30.1"))
        #expect(reply.targetMAC == mac)
        #expect(reply.targetAddress == IPv4Address("192.168.30.10"))
    }

    @Test func `a probe claims nothing, an announcement claims its own address`() {
        let address = IPv4Address("192.168.30.10")!
        #expect(ARPPacket.probe(for: address, from: mac).senderAddress == .any)
        #expect(!ARPPacket.probe(for: address, from: mac).isGratuitous)
        #expect(ARPPacket.announcement(of: address, at: mac).isGratuitous)
    }

    private func parse(_ bytes: [UInt8]) throws -> ARPPacket {
        var reader = ByteReader(bytes.rawSpan)
        return try ARPPacket(parsing: &reader)
    }
}
