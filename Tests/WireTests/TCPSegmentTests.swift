import Testing
import Wire

private let golden = hex(
    """
    c0 00 01 bb  00 00 00 01  00 00 00 00
    70 02 fa f0  be ef 00 00  // offset 7, SYN
    01 02 04 05 b4 00 00 00   // NOP, MSS 1460, end
    """)

@Suite struct TCPSegmentTests {
    @Test func `a SYN is seen in place`() {
        guard let segment = TCPSegment(golden.rawSpan) else {
            Issue.record("a whole segment was refused")
            return
        }
        let (port, flags, mss) = (segment.destinationPort, segment.flags, segment.maximumSegmentSize)
        let (sequence, count) = (segment.sequenceNumber, segment.payload.byteCount)
        #expect(port == 443)
        #expect(flags == .syn)
        #expect(mss == 1460)
        #expect(sequence == 1)
        #expect(count == 0)
    }

    @Test func `every prefix is refused`() {
        for count in 0..<golden.count { #expect(!isAccepted(Array(golden[..<count]))) }
    }

    @Test(arguments: [0, 1, 4, 8, 15] as [UInt8]) func `a Data Offset that lies is refused`(offset: UInt8) {
        var lie = golden
        lie[12] = offset << 4
        #expect(!isAccepted(lie))
    }

    @Test(
        arguments: [
            [2, 0, 5, 0xb4, 0, 0, 0, 0], [2, 1, 5, 0xb4, 0, 0, 0, 0], [2, 3, 5, 0xb4, 0, 0, 0, 0],
            [3, 0, 2, 4, 5, 0xb4, 0, 0],
            [3, 9, 2, 4, 5, 0xb4, 0, 0], [0, 2, 4, 5, 0xb4, 0, 0, 0], [1, 1, 1, 1, 1, 2, 4, 5],
            [1, 1, 1, 1, 1, 1, 1, 2],
        ] as [[UInt8]])
    func `malformed options hold no MSS`(options: [UInt8]) {
        let bytes = golden[..<20] + options
        let mss = TCPSegment(Array(bytes).rawSpan)?.maximumSegmentSize
        #expect(mss == nil)
    }

    private func isAccepted(_ bytes: [UInt8]) -> Bool { TCPSegment(bytes.rawSpan) != nil }
}
