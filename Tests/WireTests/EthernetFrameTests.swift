import Testing
import Wire

@Suite struct EthernetFrameTests {
    @Test func `broadcast ARP is seen in place`() throws {
        let bytes: [UInt8] =
            Array(repeating: 0xff, count: 6) + [0x02, 0, 0, 0, 0, 0x01] + [0x08, 0x06] + [0xaa]
        guard let frame = EthernetFrame(bytes.span.bytes) else {
            Issue.record("a whole frame was refused")
            return
        }
        let (destination, source, type) = (frame.destination, frame.source, frame.etherType)
        #expect(destination.isGroup)
        #expect(source == MACAddress(0x0200_0000_0001))
        #expect(type == .arp)
    }

    @Test func `runt is not a frame`() {
        let runt = [UInt8](repeating: 0, count: EthernetFrame.headerLength - 1)
        let isRefused = EthernetFrame(runt.span.bytes) == nil
        #expect(isRefused)
    }
}
