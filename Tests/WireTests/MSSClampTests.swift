import Testing
import Wire

@Suite struct MSSClampTests {
    /// A SYN with MSS 1460 over IPv4; `padding` NOPs before the option move it to odd offsets too.
    private func syn(padding: Int = 0, flags: UInt8 = 2, mss: UInt16 = 1460) -> [UInt8] {
        var options = [UInt8](repeating: 1, count: padding) + [2, 4, UInt8(mss >> 8), UInt8(mss & 0xff)]
        options.appendZeros((4 - options.count % 4) % 4)
        var tcp = hex("c0 00 01 bb  00 00 00 01  00 00 00 00") + [UInt8(5 + options.count / 4) << 4, flags]
        tcp += hex("fa f0  00 00 00 00")
        tcp += options
        tcp[16...17] = [0, 0]
        let (source, destination) = (IPv4Address("10.0.0.1")!, IPv4Address("10.0.0.2")!)
        let checksum = self.checksum(tcp, source, destination)
        tcp[16...17] = [UInt8(checksum >> 8), UInt8(checksum & 0xff)]
        var packet: [UInt8] = []
        IPv4Header(from: source, to: destination, carrying: .tcp, length: tcp.count).serialize(into: &packet)
        return packet + tcp
    }

    private func checksum(_ tcp: [UInt8], _ source: IPv4Address, _ destination: IPv4Address) -> UInt16 {
        var sum = InternetChecksum()
        sum.addPseudoHeader(from: source, to: destination, carrying: .tcp, length: tcp.count)
        sum.add(tcp.rawSpan)
        return sum.value
    }

    private func mss(_ packet: [UInt8]) -> UInt16? {
        guard let ip = IPv4Packet(packet.rawSpan), let segment = TCPSegment(ip.payload) else { return nil }
        return segment.maximumSegmentSize
    }

    private func hasValidTCPChecksum(_ packet: [UInt8]) -> Bool {
        checksum(Array(packet[20...]), IPv4Address("10.0.0.1")!, IPv4Address("10.0.0.2")!) == 0
    }

    private func lower(_ packet: inout [UInt8], mtu: Int) -> Bool {
        var octets = packet.mutableSpan
        var bytes = octets.mutableBytes
        return MSSClamp(mtu: mtu).lower(inPacket: &bytes)
    }

    @Test func `golden bytes before and after`() {
        var packet = hex(
            """
            45 00 00 2c 00 00 00 00 40 06 66 ca 0a 00 00 01 0a 00 00 02
            c0 00 01 bb 00 00 00 01 00 00 00 00 60 02 fa f0 c7 76 00 00
            02 04 05 b4
            """)
        let lowered = lower(&packet, mtu: 1400)
        #expect(lowered)
        #expect(
            packet
                == hex(
                    """
                    45 00 00 2c 00 00 00 00 40 06 66 ca 0a 00 00 01 0a 00 00 02
                    c0 00 01 bb 00 00 00 01 00 00 00 00 60 02 fa f0 c7 da 00 00
                    02 04 05 50
                    """))
    }

    @Test(arguments: 0...5, [2, 0x12] as [UInt8])
    func `the MSS of a SYN is lowered at every offset`(padding: Int, flags: UInt8) {
        var packet = syn(padding: padding, flags: flags)
        #expect(hasValidTCPChecksum(packet))
        let lowered = lower(&packet, mtu: 1400)
        #expect(lowered)
        #expect(mss(packet) == 1360)
        #expect(hasValidTCPChecksum(packet))
    }

    @Test func `every value keeps the checksum right`() {
        for value in stride(from: UInt16(1361), through: 65_535, by: 97) {
            for padding in 0...1 {
                var packet = syn(padding: padding, mss: value)
                let lowered = lower(&packet, mtu: 1400)
                #expect(lowered && hasValidTCPChecksum(packet), "\(value)")
            }
        }
    }

    @Test func `an MSS within the limit stays`() {
        var packet = syn()
        let before = packet
        let lowered = lower(&packet, mtu: 1500)
        #expect(!lowered)
        #expect(packet == before)
    }

    @Test func `what is no SYN stays`() {
        for flags in [0x10, 0x18, 0x11, 0x04] as [UInt8] {
            var packet = syn(flags: flags)
            let before = packet
            let lowered = lower(&packet, mtu: 600)
            #expect(!lowered)
            #expect(packet == before)
        }
    }

    @Test func `a later fragment, UDP and a truncated packet stay`() {
        var fragment = syn()
        fragment[7] = 1
        var datagram = syn()
        datagram[9] = 17
        for var packet in [fragment, datagram] + (0..<44).map({ Array(syn()[..<$0]) }) {
            let before = packet
            let lowered = lower(&packet, mtu: 600)
            #expect(!lowered)
            #expect(packet == before)
        }
    }

    @Test func `over IPv6 the limit is 20 octets lower, behind extension headers too`() {
        let tcp = Array(syn()[20...])
        func packet(_ first: UInt8, _ headers: [UInt8]) -> [UInt8] {
            let length = headers.count + tcp.count
            return [0x60, 0, 0, 0, 0, UInt8(length), first, 64] + [UInt8](repeating: 9, count: 32) + headers
                + tcp
        }
        for (first, headers) in [(6, []), (60, [6, 0, 0, 0, 0, 0, 0, 0]), (44, [6, 0, 0, 1, 0, 0, 0, 0])]
            as [(UInt8, [UInt8])]
        {
            var bytes = packet(first, headers)
            let lowered = lower(&bytes, mtu: 1400)
            #expect(lowered)
            #expect(bytes.suffix(2) == [0x05, 0x3c])  // 1340
        }
    }

    @Test func `in a frame, tagged or not`() {
        for tag in [[], [0x81, 0, 0, 7], [0x88, 0xa8, 0, 7, 0x81, 0, 0, 8]] as [[UInt8]] {
            var frame = [UInt8](repeating: 2, count: 12) + tag + [8, 0] + syn()
            var octets = frame.mutableSpan
            var bytes = octets.mutableBytes
            let lowered = MSSClamp(mtu: 1400).lower(inFrame: &bytes)
            #expect(lowered)
            #expect(mss(Array(frame[(14 + tag.count)...])) == 1360)
        }
    }
}
