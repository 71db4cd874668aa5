import EngineParts
import LentPackets
import OpenSSL
import PluginABI
import Testing
import Wire

@testable import ESP

/// SAs that go on in another instance.
@Suite struct HandoverTests {
    private static let suites: [ESPSuite] = [
        .cbc(.aes256CBC, .sha256), .gcm(.aes128GCM), .gcm(.aes256GCM, isExtended: true),
    ]
    private let payload: [UInt8] = Array(0..<40)

    private func keys(_ suite: ESPSuite) -> SecretBytes {
        SecretBytes(copying: (0..<suite.keyLength).map { UInt8(truncatingIfNeeded: $0) })
    }

    private func packet(_ outbound: OutboundSA) -> [UInt8] {
        let lent = LentPacket(payload)
        #expect(outbound.seal(&lent.slice, nextHeader: 97) == nil)
        return lent.octets
    }

    private func isOpened(_ packet: [UInt8], by inbound: InboundSA) -> Bool {
        let lent = LentPacket(packet)
        return inbound.open(&lent.slice) == .payload(97) && lent.octets == payload
    }

    @Test(arguments: suites)
    func `numbers go on, and what was seen once is never taken again`(suite: ESPSuite) throws {
        var outbound = try OutboundSA(spi: 9, suite, keys: keys(suite))
        var inbound = try InboundSA(spi: 9, suite, keys: keys(suite))
        var seen: [[UInt8]] = []
        for round in 1...200 {
            let packet = packet(outbound)
            #expect(outbound.sequenceNumber == UInt64(round))
            if !round.isMultiple(of: 5) { #expect(isOpened(packet, by: inbound)) }
            seen.append(packet)
            (outbound, inbound) = try (resumed(outbound), resumed(inbound))
        }
        for (index, packet) in seen.enumerated() {
            #expect(isOpened(packet, by: inbound) == (index + 1).isMultiple(of: 5))
        }
    }

    private func resumed(_ sa: OutboundSA) throws -> OutboundSA {
        var record: [UInt8] = []
        sa.serialize(into: &record)
        let other = try OutboundSA(spi: sa.spi, sa.suite, keys: sa.keys)
        var reader = ByteReader(record.rawSpan)
        try other.resume(parsing: &reader)
        #expect(reader.remaining == 0 && other.octets == sa.octets)
        return other
    }

    private func resumed(_ sa: InboundSA) throws -> InboundSA {
        var record: [UInt8] = []
        sa.serialize(into: &record)
        let other = try InboundSA(spi: sa.spi, sa.suite, keys: sa.keys)
        var reader = ByteReader(record.rawSpan)
        try other.resume(parsing: &reader)
        #expect(reader.remaining == 0 && other.octets == sa.octets && other.packets == sa.packets)
        #expect(other.isNewest == sa.isNewest)
        return other
    }

    @Test(arguments: suites)
    func `suites travel by their names`(suite: ESPSuite) throws {
        var record: [UInt8] = []
        suite.serialize(into: &record)
        var reader = ByteReader(record.rawSpan)
        #expect(try ESPSuite(parsing: &reader) == suite)
        for length in record.indices {
            var reader = ByteReader(record.rawSpan.extracting(first: length))
            #expect(throws: WireError.self) { try ESPSuite(parsing: &reader) }
        }
    }

    @Test func `suites that cannot be are refused`() {
        for (cipher, digest) in [("AES-256-CTR", "SHA256"), ("AES-128-GCM", "SHA1"), ("AES-128-CBC", nil)] {
            var record: [UInt8] = [0]
            record.append(cipher)
            record.appendOptional(digest) { $0.append($1) }
            var reader = ByteReader(record.rawSpan)
            #expect(throws: WireError.self) { try ESPSuite(parsing: &reader) }
        }
    }

    @Test func `a number that the SA does not have is refused`() throws {
        let sa = try OutboundSA(spi: 9, .gcm(.aes128GCM), keys: keys(.gcm(.aes128GCM)))
        var record: [UInt8] = []
        record.appendBigEndian(UInt64(1) << 32)
        record.appendBigEndian(UInt64(0))
        var reader = ByteReader(record.rawSpan)
        #expect(throws: WireError.self) { try sa.resume(parsing: &reader) }
        #expect(sa.sequenceNumber == 0)
    }

    @Test func `the octets of a pair after two packets`() throws {
        let suite = ESPSuite.gcm(.aes128GCM)
        let (outbound, inbound) = try (
            OutboundSA(spi: 9, suite, keys: keys(suite)), InboundSA(spi: 9, suite, keys: keys(suite))
        )
        for _ in 0..<2 { #expect(isOpened(packet(outbound), by: inbound)) }
        var (sent, received): ([UInt8], [UInt8]) = ([], [])
        outbound.serialize(into: &sent)
        inbound.serialize(into: &received)
        // The last number, and octets.
        #expect(sent == [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 152])
        // The window: the newest number and 32 words; octets, packets, and that the last one was the newest.
        let window: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 6]
        let counts: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 152, 0, 0, 0, 0, 0, 0, 0, 2, 1]
        #expect(received == window + [UInt8](repeating: 0, count: 31 * 8) + counts)
        for length in received.indices {
            var reader = ByteReader(received.rawSpan.extracting(first: length))
            #expect(throws: WireError.self) { try inbound.resume(parsing: &reader) }
        }
    }
}
