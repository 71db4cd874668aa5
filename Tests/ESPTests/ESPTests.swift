import LentPackets
import OpenSSL
import PluginABI
import Testing

@testable import ESP

@Suite struct ESPTests {
    static let suites: [ESPSuite] =
        [CipherAlgorithm.aes128CBC, .aes192CBC, .aes256CBC].flatMap { cipher in
            [DigestAlgorithm.sha1, .sha256, .sha384, .sha512].map { ESPSuite.cbc(cipher, $0) }
        } + [.gcm(.aes128GCM), .gcm(.aes192GCM), .gcm(.aes256GCM), .cbc(.tripleDESCBC, .sha1)] + [
            .cbc(.aes256CBC, .sha256, isExtended: true), .gcm(.aes256GCM, isExtended: true),
        ]

    private func pair(_ suite: ESPSuite) throws -> (OutboundSA, InboundSA) {
        let keys = SecretBytes(copying: (0..<suite.keyLength).map { UInt8($0) })
        return (
            try OutboundSA(spi: 0x1234_5678, suite, keys: keys),
            try InboundSA(spi: 0x1234_5678, suite, keys: keys)
        )
    }

    @Test(arguments: suites)
    func `what is sealed is opened, of every length`(_ suite: ESPSuite) throws {
        let (outbound, inbound) = try pair(suite)
        for length in 0...70 {
            let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let packet = LentPacket(payload)
            #expect(outbound.seal(&packet.slice, nextHeader: 17) == nil)
            #expect(packet.octets.prefix(8) == [0x12, 0x34, 0x56, 0x78, 0, 0, 0, UInt8(length + 1)])
            #expect(packet.octets.count <= length + suite.headroom + suite.tailroom)
            #expect((packet.octets.count - suite.headroom - suite.icvLength) % suite.alignment == 0)
            #expect(inbound.open(&packet.slice) == .payload(17))
            #expect(packet.octets == payload)
        }
        #expect(inbound.packets == 71)
    }

    @Test(arguments: suites)
    func `every flipped bit is noticed, and a packet opens once`(_ suite: ESPSuite) throws {
        let (outbound, inbound) = try pair(suite)
        let packet = LentPacket(Array("an ordinary payload".utf8))
        _ = outbound.seal(&packet.slice, nextHeader: 97)
        let sealed = packet.octets
        for bit in 32..<sealed.count * 8 {
            var broken = sealed
            broken[bit / 8] ^= 1 << UInt8(bit % 8)
            let lent = LentPacket(broken)
            // The number zero was never sent.
            let expected: ESPDrop = bit / 8 == 7 && broken[7] == 0 ? .replayed : .notAuthentic
            #expect(inbound.open(&lent.slice) == .dropped(expected))
        }
        let first = LentPacket(sealed)
        let second = LentPacket(sealed)
        #expect(inbound.open(&first.slice) == .payload(97))
        #expect(inbound.open(&second.slice) == .dropped(.replayed))
    }

    @Test(arguments: suites)
    func `every prefix is dropped`(_ suite: ESPSuite) throws {
        let (outbound, inbound) = try pair(suite)
        let packet = LentPacket(Array(repeating: 1, count: 40))
        _ = outbound.seal(&packet.slice, nextHeader: 4)
        for count in 0..<packet.octets.count {
            let lent = LentPacket(Array(packet.octets.prefix(count)))
            guard case .dropped = inbound.open(&lent.slice) else {
                Issue.record("a prefix of \(count) octets was opened")
                continue
            }
        }
    }

    /// Made with Python's hmac and OpenSSL's command line from the same keys.
    @Test func `a packet is what other implementations make of it`() throws {
        let (_, cbc) = try pair(.cbc(.aes128CBC, .sha256))
        let first = LentPacket(Golden.cbc)
        #expect(cbc.open(&first.slice) == .payload(17))
        #expect(first.octets == Array("golden payload".utf8))
        let (_, extended) = try pair(.cbc(.aes256CBC, .sha1, isExtended: true))
        let second = LentPacket(Golden.extended)
        #expect(extended.open(&second.slice) == .payload(97))
        #expect(second.octets == Array("golden payload".utf8))
        let (_, gcm) = try pair(.gcm(.aes128GCM))
        let third = LentPacket(Golden.gcm)
        #expect(gcm.open(&third.slice) == .payload(115))
        #expect(third.octets == Array("golden payload".utf8))
    }

    @Test func `padding that is longer than its packet, and dummies, are dropped`() throws {
        let suite = ESPSuite.cbc(.aes128CBC, .sha1)
        let (outbound, inbound) = try pair(suite)
        let dummy = LentPacket([])
        _ = outbound.seal(&dummy.slice, nextHeader: 59)
        #expect(inbound.open(&dummy.slice) == .dropped(.dummy))
        // 14 octets of payload leave no padding but the length, which here is the payload's own.
        let keys = SecretBytes(copying: (0..<suite.keyLength).map { UInt8($0) })
        let protection = try Protection(suite, keys.bytes, .encrypt)
        var packet = [UInt8](repeating: 0, count: 24 + 16 + 12)
        packet.replaceSubrange(0..<8, with: [0x12, 0x34, 0x56, 0x78, 0, 0, 0, 2])
        packet[38] = 15
        packet[39] = 17
        let lent = LentPacket(packet)
        let isSealed = protection.seal(lent.slice.start, 16, number: 2)
        #expect(isSealed)
        #expect(inbound.open(&lent.slice) == .dropped(.badPadding))
    }

    @Test func `a buffer without room is left alone`() throws {
        let suite = ESPSuite.gcm(.aes128GCM)
        let (outbound, _) = try pair(suite)
        let front = LentPacket([1, 2, 3], headroom: suite.headroom - 1)
        #expect(outbound.seal(&front.slice, nextHeader: 17) == .noRoom)
        let back = LentPacket([1, 2, 3], tailroom: 3 + 16 - 1)
        #expect(outbound.seal(&back.slice, nextHeader: 17) == .noRoom)
        #expect(front.octets == [1, 2, 3] && outbound.sequenceNumber == 0)
    }

    @Test func `what fits in a packet fits`() throws {
        for suite in Self.suites {
            for limit in 200...260 {
                let (outbound, _) = try pair(suite)
                let largest = LentPacket([UInt8](repeating: 0, count: suite.maxPayload(inPacketOf: limit)))
                _ = outbound.seal(&largest.slice, nextHeader: 17)
                #expect(largest.octets.count <= limit)
                let (again, _) = try pair(suite)
                let larger = LentPacket([UInt8](repeating: 0, count: suite.maxPayload(inPacketOf: limit) + 1))
                _ = again.seal(&larger.slice, nextHeader: 17)
                #expect(larger.octets.count > limit)
            }
        }
    }
}
