import Testing
import Wire

private let golden = hex("08 00 f8 c9 00 01 00 34 ff")

@Suite struct ICMPEchoTests {
    @Test func `an echo is read and written`() throws {
        let echo = ICMPEcho(isReply: false, identifier: 1, sequenceNumber: 0x34, payload: [0xff])
        #expect(serialized(echo) == golden)
        #expect(try parse(golden) == echo)
    }

    @Test func `its reply differs in the type alone`() {
        let echo = ICMPEcho(isReply: false, identifier: 7, sequenceNumber: 8, payload: Array(0..<32))
        var expected = echo
        expected.isReply = true
        #expect(echo.reply == expected)
        #expect(serialized(echo.reply)[0] == 0)
    }

    @Test func `every prefix and every flipped bit is refused`() {
        for count in 0..<golden.count {
            #expect(throws: WireError.self) { try parse(Array(golden[..<count])) }
        }
        for bit in 0..<golden.count * 8 {
            var wrong = golden
            wrong[bit / 8] ^= 1 << (bit % 8)
            #expect(throws: WireError.badValue) { try parse(wrong) }
        }
    }

    private func parse(_ bytes: [UInt8]) throws -> ICMPEcho {
        var reader = ByteReader(bytes.rawSpan)
        return try ICMPEcho(parsing: &reader)
    }

    private func serialized(_ echo: ICMPEcho) -> [UInt8] {
        var bytes: [UInt8] = []
        echo.serialize(into: &bytes)
        return bytes
    }
}
