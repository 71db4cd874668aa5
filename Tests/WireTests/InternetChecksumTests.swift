import Testing
import Wire

@Suite struct InternetChecksumTests {
    @Test func `the example of RFC 1071 section 3`() {
        let bytes = hex("00 01 f2 03 f4 f5 f6 f7")
        #expect(InternetChecksum.of(bytes.rawSpan) == ~0xddf2)
    }

    @Test func `an odd length is padded with a zero octet`() {
        let odd = hex("00 01 f2 03 f4")
        let even = odd + [0]
        #expect(InternetChecksum.of(odd.rawSpan) == InternetChecksum.of(even.rawSpan))
    }

    @Test func `the example of RFC 1624 section 4`() {
        // The case that the equation of RFC 1141 gets wrong.
        #expect(InternetChecksum.updated(0xdd2f, replacing: 0x5555 as UInt16, with: 0x3285) == 0x0000)
    }

    @Test func `an incremental update agrees with a fresh sum`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<1000 {
            var packet = (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
            let before = InternetChecksum.of(packet.rawSpan)
            let old = packet.rawSpan.bigEndian(at: 8, as: UInt32.self)
            let new = UInt32.random(in: 0 ... .max, using: &random)
            packet.replaceSubrange(8..<12, with: withUnsafeBytes(of: new.bigEndian) { Array($0) })
            let after = InternetChecksum.of(packet.rawSpan)
            #expect(InternetChecksum.updated(before, replacing: old, with: new) == after, "\(packet)")
        }
    }

    @Test func `a long run of ones does not lose a carry`() {
        let ones = [UInt8](repeating: 0xff, count: 65_536)
        #expect(InternetChecksum.of(ones.rawSpan) == 0)
    }
}
