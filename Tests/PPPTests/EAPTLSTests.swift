import OpenSSL
import PPPPeer
import Testing
import Wire

@testable import PPP

@Suite struct EAPTLSPacketTests {
    @Test(
        arguments: [
            (EAPTLSPacket.start, [0x20]), (.acknowledgement, [0]),
            (
                EAPTLSPacket(hasMore: true, messageLength: 0x1234, data: [7, 8]),
                [0xc0, 0, 0, 0x12, 0x34, 7, 8]
            ),
            (EAPTLSPacket(hasMore: true, data: [9]), [0x40, 9]),
        ] as [(EAPTLSPacket, [UInt8])])
    func `packets are what RFC 5216 draws`(packet: EAPTLSPacket, octets: [UInt8]) throws {
        #expect(packet.octets == octets)
        #expect(try EAPTLSPacket(parsing: octets) == packet)
        let header = packet.messageLength == nil ? 1 : 5
        for length in 0..<header {
            #expect(throws: WireError.self) { try EAPTLSPacket(parsing: Array(octets.prefix(length))) }
        }
    }

    @Test func `a message comes of its fragments`() throws {
        var reassembly = EAPTLSReassembly()
        for _ in 0..<2 {
            #expect(try reassembly.add(.init(hasMore: true, messageLength: 5, data: [1, 2])) == nil)
            #expect(try reassembly.add(.init(hasMore: true, messageLength: 5, data: [3])) == nil)
            #expect(try reassembly.add(.init(data: [4, 5])) == [1, 2, 3, 4, 5])
            #expect(try reassembly.add(.init(data: [6])) == [6])
            #expect(try reassembly.add(.init(messageLength: 1, data: [7])) == [7])
        }
    }

    /// Input 11 of the list of malformed inputs: CVE-2026-39312 and its like.
    @Test(arguments: [
        [EAPTLSPacket(hasMore: true, messageLength: .max, data: [1])],
        [EAPTLSPacket(hasMore: true, messageLength: 16_385, data: [1])],
        [EAPTLSPacket(messageLength: .max, data: [1])], [EAPTLSPacket(messageLength: 0, data: [1])],
        [EAPTLSPacket(messageLength: 2, data: [1])], [EAPTLSPacket(messageLength: 1, data: [1, 2])],
        // The first of several without a length; nothing in it; the whole in a first of several.
        [EAPTLSPacket(hasMore: true, data: [1])], [EAPTLSPacket(hasMore: true, messageLength: 9)],
        [EAPTLSPacket(hasMore: true, messageLength: 1, data: [1])],
        [.acknowledgement],
        // Another length, nothing, more and less than announced.
        [
            .init(hasMore: true, messageLength: 9, data: [1]),
            .init(hasMore: true, messageLength: 8, data: [1]),
        ],
        [.init(hasMore: true, messageLength: 9, data: [1]), .init(hasMore: true)],
        [.init(hasMore: true, messageLength: 3, data: [1]), .init(hasMore: true, data: [2, 3])],
        [.init(hasMore: true, messageLength: 3, data: [1]), .init(data: [2])],
        [.init(hasMore: true, messageLength: 3, data: [1]), .init(data: [2, 3, 4])],
    ])
    func `fragments that lie are refused`(packets: [EAPTLSPacket]) throws {
        var reassembly = EAPTLSReassembly()
        for packet in packets.dropLast() { #expect(try reassembly.add(packet) == nil) }
        #expect(throws: WireError.self) { try reassembly.add(try #require(packets.last)) }
    }

    @Test func `a message of the longest length is taken`() throws {
        var reassembly = EAPTLSReassembly()
        let half = [UInt8](repeating: 1, count: EAPTLSReassembly.maxMessage / 2)
        #expect(try reassembly.add(.init(hasMore: true, messageLength: 16_384, data: half)) == nil)
        #expect(try reassembly.add(.init(data: half))?.count == 16_384)
    }

    @Test func `who sends octet after octet comes to the end of his rounds`() {
        var exchange = EAPTLSExchange(PPPCertificates.context, packetLimit: 1500)
        for round in 1...EAPTLSExchange.maxRounds {
            let packet = EAPTLSPacket(
                hasMore: true, messageLength: round == 1 ? 16_384 : nil, data: [UInt8(round)])
            #expect(exchange.receive(packet) == .send(.acknowledgement))
        }
        #expect(exchange.receive(EAPTLSPacket(hasMore: true, data: [1])) == .malformed)
    }

    @Test func `what is no TLS is answered with an alert, and with a failure after it`() {
        var exchange = EAPTLSExchange(PPPCertificates.context, packetLimit: 1500)
        guard case .send(let alert) = exchange.receive(EAPTLSPacket(data: [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 9]))
        else {
            Issue.record("no alert")
            return
        }
        #expect(alert.data.first == 21, "a record of TLS alerts")
        #expect(exchange.fault != nil)
        guard case .failed = exchange.receive(.acknowledgement) else {
            Issue.record("no failure")
            return
        }
    }

    @Test func `before its success nothing is accepted`() {
        var exchange = EAPTLSExchange(PPPCertificates.context, packetLimit: 1500)
        #expect(exchange.accept() == nil)
        #expect(exchange.masterSessionKey == nil)
        #expect(exchange.receive(.acknowledgement) == .malformed)
    }
}
