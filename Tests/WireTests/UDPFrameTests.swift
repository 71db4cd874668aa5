import Testing
import Wire

@Suite struct UDPFrameTests {
    @Test func `a frame is written with both checksums`() {
        let frame = UDPFrame(
            from: UDPEndpoint(
                mac: MACAddress(0x0200_0000_0001), address: IPv4Address("192.168.0.1")!, port: 0x1234),
            to: UDPEndpoint(
                mac: MACAddress(0x0200_0000_0002), address: IPv4Address("192.168.0.199")!, port: 53),
            payload: [0x61])
        let golden = hex(
            """
            02 00 00 00 00 02  02 00 00 00 00 01  08 00
            45 00 00 1d  00 00 00 00  40 11 f8 b7
            c0 a8 00 01  c0 a8 00 c7
            12 34 00 35 00 09 0a 5a 61
            """)
        let ip = Array(frame.bytes[14...])
        #expect(frame.bytes.prefix(14) == golden.prefix(14))
        #expect(frame.bytes.count == golden.count)
        let (headerIsValid, datagramIsValid) = validity(of: ip)
        #expect(headerIsValid)
        #expect(datagramIsValid)
        #expect(frame.bytes == golden)
    }

    @Test func `a changed octet is noticed`() {
        let end = UDPEndpoint(mac: MACAddress(2), address: IPv4Address(0x0a00_0001), port: 7)
        var ip = Array(UDPFrame(from: end, to: end, payload: Array(0..<99)).bytes[14...])
        #expect(validity(of: ip) == (true, true))
        ip[60] ^= 1
        #expect(validity(of: ip) == (true, false))
        ip[8] ^= 1
        #expect(validity(of: ip) == (false, false))
    }

    @Test(arguments: [0, 7, 10, 65_535] as [UInt16])
    func `a datagram whose Length lies is refused`(length: UInt16) {
        let bytes: [UInt8] = [0, 68, 0, 67, UInt8(length >> 8), UInt8(length & 0xff), 0, 0, 1]
        #expect(!isAccepted(bytes))
        let honest: [UInt8] = [0, 68, 0, 67, 0, 9, 0, 0, 1]
        #expect(isAccepted(honest))
        for count in 0..<honest.count { #expect(!isAccepted(Array(honest[..<count]))) }
    }

    private func isAccepted(_ bytes: [UInt8]) -> Bool { UDPDatagram(bytes.rawSpan) != nil }

    private func validity(of ip: [UInt8]) -> (header: Bool, datagram: Bool) {
        guard let packet = IPv4Packet(ip.rawSpan), let datagram = UDPDatagram(packet.payload) else {
            return (false, false)
        }
        return (
            packet.hasValidChecksum,
            datagram.hasValidChecksum(from: packet.source, to: packet.destination)
        )
    }
}
