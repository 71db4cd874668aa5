import OpenSSL
import Testing
import Wire

@testable import OpenVPNCore

@Suite struct ControlKeysTests {
    private static let key = CapturedControl.staticKey
    private let reset = ControlBody(message: .init(packetID: 0, payload: []))

    static func server(_ index: Int) throws -> (keys: ControlKeys, packet: [UInt8]) {
        switch index {
        case 0: (.tlsAuth(try TLSAuthKeys(key, .sha1, .normal)), CapturedControl.tlsAuthSHA1)
        case 1: (.tlsAuth(try TLSAuthKeys(key, .sha256, .normal)), CapturedControl.tlsAuthSHA256)
        case 2: (.tlsAuth(try TLSAuthKeys(key, .sha1, .bidirectional)), CapturedControl.tlsAuthBidirectional)
        default: (.tlsCrypt(try TLSCryptKeys(key, .normal)), CapturedControl.tlsCrypt)
        }
    }

    @Test(arguments: 0...3) func `the first packet of OpenVPN 2 6 14 is authentic`(index: Int) throws {
        let (keys, packet) = try Self.server(index)
        let unwrapped = try keys.unwrap(packet)
        #expect(unwrapped.packet.head.opcode == .hardResetClientV2)
        #expect(unwrapped.packet.body == reset)
        #expect(unwrapped.replayID == ReplayID(id: 1, time: 0x6b03_db38))
    }

    @Test(arguments: 0...3) func `every prefix and every changed bit is refused`(index: Int) throws {
        let (keys, packet) = try Self.server(index)
        for length in 0..<packet.count {
            #expect(throws: WireError.self) { try keys.unwrap(Array(packet.prefix(length))) }
        }
        for bit in 0..<packet.count * 8 {
            var changed = packet
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: WireError.self) { try keys.unwrap(changed) }
        }
    }

    @Test func `a wrapping does not take another's packets`() throws {
        for index in 0...3 {
            let keys = try Self.server(index).keys
            for other in 0...3 where other != index {
                let packet = try Self.server(other).packet
                #expect(throws: WireError.self) { try keys.unwrap(packet) }
            }
        }
    }

    @Test func `what a client wraps the server reads, and not the client itself`() throws {
        let pairs: [(ControlKeys, ControlKeys)] = [
            (.tlsAuth(try TLSAuthKeys(Self.key, .sha256, .inverse)), try Self.server(1).keys),
            (.tlsCrypt(try TLSCryptKeys(Self.key, .inverse)), try Self.server(3).keys),
        ]
        let packet = ControlPacket(
            head: ControlHead(.control, KeyID(2), SessionID(7)),
            body: ControlBody(message: .init(packetID: 1, payload: Array(0...200))))
        for (client, server) in pairs {
            let wrapped = try client.wrap(packet, ReplayID(id: 9, time: 8))
            let unwrapped = try server.unwrap(wrapped)
            #expect(unwrapped.packet == packet)
            #expect(unwrapped.replayID == ReplayID(id: 9, time: 8))
            #expect(throws: WireError.self) { try client.unwrap(wrapped) }
            #expect(wrapped.count == 9 + 1 + 4 + 201 + server.overhead)
        }
    }

    @Test func `a connection refuses a packet the second time`() throws {
        var wrapping = ControlWrapping(try Self.server(3).keys, time: 1)
        _ = try wrapping.unwrap(CapturedControl.tlsCrypt)
        #expect(throws: WireError.self) { try wrapping.unwrap(CapturedControl.tlsCrypt) }
    }

    @Test func `a connection numbers what it sends`() throws {
        let reader = ControlKeys.tlsCrypt(try TLSCryptKeys(Self.key, .inverse))
        var wrapping = ControlWrapping(try Self.server(3).keys, time: 77, sentBefore: 1)
        let packet = ControlPacket(head: ControlHead(.hardResetServerV2, .first, SessionID(1)), body: reset)
        let ids = try (0..<3).map { _ in try reader.unwrap(try wrapping.wrap(packet)).replayID }
        #expect(ids == [2, 3, 4].map { ReplayID(id: $0, time: 77) })
    }
}

@Suite struct ReplayIDWindowTests {
    private func accepted(_ ids: [(UInt32, UInt32)]) -> [Bool] {
        var window = ReplayIDWindow()
        return ids.map { window.accept(ReplayID(id: $0.0, time: $0.1)) }
    }

    @Test func `each id once, in any order within the window`() {
        #expect(
            accepted([(1, 5), (3, 5), (2, 5), (2, 5), (3, 5), (4, 5)]) == [
                true, true, true, false, false, true,
            ])
    }

    @Test func `what is too far behind is refused`() {
        #expect(accepted([(100, 5), (37, 5), (36, 5), (37, 5)]) == [true, true, false, false])
        #expect(accepted([(1, 5), (200, 5), (199, 5), (1, 5)]) == [true, true, true, false])
    }

    @Test func `time counts before the number, and does not go back`() {
        #expect(accepted([(9, 5), (1, 6), (10, 5), (1, 6), (2, 6)]) == [true, true, false, false, true])
    }

    @Test func `number zero is never good`() { #expect(accepted([(0, 5), (1, 5)]) == [false, true]) }

    @Test func `the last number is good once`() {
        #expect(accepted([(.max - 1, 5), (.max, 5), (.max, 5), (0, 5)]) == [true, true, false, false])
    }
}
