import OpenSSL
import Testing
import Wire

@testable import L2TP

@Suite struct AVPTests {
    @Test func `an AVP is what its octets say, and back`() throws {
        let octets: [UInt8] = [0x80, 0x0a, 0, 0, 0, 61, 0xde, 0xad, 0xbe, 0xef]
        var input = ByteReader(octets.rawSpan)
        let avp = try AVP(parsing: &input)
        #expect(avp == AVP(.assignedControlConnectionID, number: 0xdead_beef as UInt32))
        var back: [UInt8] = []
        avp.serialize(into: &back)
        #expect(back == octets)
        #expect(throws: WireError.badLength) { try avp.number(UInt16.self) }
    }

    @Test func `every prefix is refused`() {
        let octets: [UInt8] = [0x80, 0x0a, 0, 0, 0, 61, 1, 2, 3, 4]
        for count in 0..<octets.count {
            #expect(throws: WireError.self) {
                var input = ByteReader(Array(octets.prefix(count)).rawSpan)
                _ = try AVP(parsing: &input)
            }
        }
    }

    @Test func `lengths below the header and bits that nobody knows are refused`() {
        for length in 0...5 as ClosedRange<UInt8> {
            #expect(throws: WireError.badLength) {
                var input = ByteReader([0x80, length, 0, 0, 0, 0, 0, 1].rawSpan)
                _ = try AVP(parsing: &input)
            }
        }
        for bit in [0x20, 0x10, 0x08, 0x04] as [UInt8] {
            #expect(throws: WireError.badValue) {
                var input = ByteReader([0x80 | bit, 8, 0, 0, 0, 0, 0, 1].rawSpan)
                _ = try AVP(parsing: &input)
            }
        }
    }

    @Test func `a message begins with its type, and holds so many AVPs`() throws {
        let message = ControlMessage(.SCCRQ, [AVP(.hostName, Array("router".utf8))])
        var input = ByteReader(message.body.rawSpan)
        #expect(try ControlMessage(parsing: &input) == message)
        let wrong = ControlMessage(.SCCRQ, Array(repeating: AVP(.hostName, [1]), count: 65)).body
        #expect(throws: WireError.tooDeep) {
            var input = ByteReader(wrong.rawSpan)
            _ = try ControlMessage(parsing: &input)
        }
        var other: [UInt8] = []
        AVP(.hostName, [0, 1]).serialize(into: &other)
        #expect(throws: WireError.badValue) {
            var input = ByteReader(other.rawSpan)
            _ = try ControlMessage(parsing: &input)
        }
    }

    @Test func `hidden AVPs of every length come back`() throws {
        let secret = SecretBytes(copying: Array("tunnel secret".utf8))
        let vector: [UInt8] = Array(0..<16)
        for length in [0, 1, 13, 14, 15, 30, 100] {
            let avp = AVP(.challenge, (0..<length).map { UInt8($0) })
            let hidden = try HiddenAVP.hide(avp, secret: secret, vector: vector)
            #expect(hidden.isHidden && hidden.value.count == length + 2)
            let message = [AVP(.randomVector, vector), hidden]
            #expect(try HiddenAVP.reveal(message, secret: secret)[1] == avp)
        }
    }

    @Test func `a hidden AVP without a random vector, or with a length that lies, is refused`() throws {
        let avp = AVP(.challenge, Array(0..<20))
        let vector: [UInt8] = Array(0..<16)
        let hidden = try HiddenAVP.hide(avp, secret: SecretBytes(copying: [1]), vector: vector)
        #expect(throws: WireError.badValue) {
            try HiddenAVP.reveal([hidden], secret: SecretBytes(copying: [1]))
        }
        // With another secret the hidden length is anything, mostly more than there is.
        var refused = 0
        for other in 2..<100 as Range<UInt8> {
            if (try? HiddenAVP.reveal(
                [AVP(.randomVector, vector), hidden], secret: SecretBytes(copying: [other]))) == nil
            {
                refused += 1
            }
        }
        #expect(refused > 90)
    }

    @Test func `result codes have a result, perhaps an error, perhaps words of one line`() throws {
        #expect(try ResultCode(parsing: [0, 1]) == ResultCode(1))
        #expect(try ResultCode(parsing: [0, 2, 0, 6]) == ResultCode(2, error: 6))
        #expect(try ResultCode(parsing: [0, 2, 0, 6] + Array("no\n\"way\"".utf8)).text == "noway")
        #expect(throws: WireError.truncated) { try ResultCode(parsing: [0]) }
        let long = try ResultCode(parsing: [0, 2, 0, 6] + [UInt8](repeating: 65, count: 1000))
        #expect(long.text.utf8.count == 200)
    }
}
