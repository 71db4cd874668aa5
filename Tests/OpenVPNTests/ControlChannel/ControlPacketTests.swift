import Testing
import Wire

@testable import OpenVPNCore

@Suite struct ControlPacketTests {
    private let client = SessionID(0x0102_0304_0506_0708)
    private let server = SessionID(0x1112_1314_1516_1718)

    private func bytes(_ packet: ControlPacket) throws -> [UInt8] {
        try ControlKeys.plain.wrap(packet, ReplayID(id: 0, time: 0))
    }

    private func parse(_ bytes: [UInt8]) throws -> ControlPacket {
        try ControlKeys.plain.unwrap(bytes).packet
    }

    @Test func `the first packet of OpenVPN 2 6 14`() throws {
        let packet = try parse(CapturedControl.plain)
        #expect(packet.head == ControlHead(.hardResetClientV2, .first, SessionID(0xde35_bab5_2c26_61a8)))
        #expect(packet.body == ControlBody(message: .init(packetID: 0, payload: [])))
        #expect(try bytes(packet) == CapturedControl.plain)
    }

    @Test func `a server's reset acknowledges the client's`() throws {
        let packet = ControlPacket(
            head: ControlHead(.hardResetServerV2, .first, server),
            body: ControlBody(
                acknowledged: [0], peerSessionID: client, message: .init(packetID: 0, payload: [])))
        let golden = octets("40 1112131415161718 01 00000000 0102030405060708 00000000")
        #expect(try bytes(packet) == golden)
        #expect(try parse(golden) == packet)
    }

    @Test func `a bare acknowledgement has no packet id`() throws {
        let packet = ControlPacket(
            head: ControlHead(.acknowledgement, KeyID(3), client),
            body: ControlBody(acknowledged: [1, 2, 0xffff_ffff], peerSessionID: server, message: nil))
        let golden = octets("2b 0102030405060708 03 00000001 00000002 ffffffff 1112131415161718")
        #expect(try bytes(packet) == golden)
        #expect(try parse(golden) == packet)
    }

    @Test func `a control message carries TLS`() throws {
        let packet = ControlPacket(
            head: ControlHead(.control, KeyID(7), client),
            body: ControlBody(message: .init(packetID: 5, payload: [0x16, 3, 1])))
        let golden = octets("27 0102030405060708 00 00000005 160301")
        #expect(try bytes(packet) == golden)
        #expect(try parse(golden) == packet)
    }

    @Test func `every prefix of a packet without payload is refused`() throws {
        for whole in [
            CapturedControl.plain,
            octets("40 1112131415161718 01 00000000 0102030405060708 00000000"),
            octets("2b 0102030405060708 03 00000001 00000002 ffffffff 1112131415161718"),
        ] {
            for length in 0..<whole.count {
                #expect(throws: WireError.self) { try parse(Array(whole.prefix(length))) }
            }
        }
    }

    /// Input 19.
    @Test(arguments: [9, 127, 128, 255]) func `more than eight acknowledgements are refused`(count: UInt8) {
        let packet = octets("28 0102030405060708") + [count] + [UInt8](repeating: 0, count: 1100)
        #expect(throws: WireError.badLength) { try parse(packet) }
    }

    @Test func `an acknowledgement of nothing, and one with a tail, are refused`() {
        #expect(throws: WireError.badLength) { try parse(octets("28 0102030405060708 00")) }
        #expect(throws: WireError.badLength) {
            try parse(octets("28 0102030405060708 01 00000000 1112131415161718 00"))
        }
    }

    /// Input 19.
    @Test func `of all opcodes and key ids, those of control packets are read`() {
        for first in UInt8.min...255 {
            let packet = [first] + octets("0102030405060708 00 00000000")
            let opcode = Opcode(firstOctet: first)
            let isRead = (try? parse(packet)) != nil
            #expect(isRead == (opcode.map { !$0.isData && $0 != .acknowledgement } ?? false))
        }
    }

    /// Input 22.
    @Test func `a packet larger than any link is not looked at`() {
        let packet = CapturedControl.plain + [UInt8](repeating: 1, count: ControlPacket.maxReceived)
        #expect(throws: WireError.badLength) { try parse(packet) }
    }

    @Test func `key ids begin with zero and then go round from one to seven`() {
        var keyID = KeyID.first
        let ids = (0..<9).map { _ in
            defer { keyID = keyID.next }
            return keyID.rawValue
        }
        #expect(ids == [0, 1, 2, 3, 4, 5, 6, 7, 1])
    }
}
