import OpenSSL
import OpenVPNTestClient
import Testing
import Wire

@testable import OpenVPNCore

@Suite struct TLSCryptV2Tests {
    private let wrapper: TLSCryptV2Wrapper

    init() throws { wrapper = try TLSCryptV2Wrapper(CapturedControl.serverKey) }

    @Test func `the first packet of OpenVPN 2 6 14 brings its key`() throws {
        let (key, metadata, packet) = try wrapper.unwrap(packet: CapturedControl.tlsCryptV2)
        #expect(key == CapturedControl.clientKey.key)
        guard case .timestamp = metadata else {
            Issue.record("\(metadata) is not a timestamp")
            return
        }
        let unwrapped = try ControlKeys.tlsCrypt(TLSCryptKeys(key, .normal)).unwrap(packet)
        #expect(unwrapped.packet.head.opcode == .hardResetClientV3)
        #expect(unwrapped.packet.body.message == .init(packetID: 0, payload: []))
        #expect(try #require(unwrapped.replayID).id == EarlyNegotiation.marker + 1)
    }

    @Test func `every prefix and every changed bit of a wrapped key is refused`() throws {
        let whole = CapturedControl.tlsCryptV2
        for length in 0..<whole.count {
            #expect(throws: WireError.self) { try wrapper.unwrap(packet: Array(whole.prefix(length))) }
        }
        for bit in stride(from: (whole.count - 0x12b) * 8, to: whole.count * 8, by: 3) {
            var changed = whole
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: WireError.self) { try wrapper.unwrap(packet: changed) }
        }
    }

    /// Input 20.
    @Test(arguments: [0, 1, 2, 33, 289, 290, 1025, 0x7fff, 0xffff])
    func `a wrapped key whose length lies is refused`(length: Int) {
        var packet = CapturedControl.tlsCryptV2
        packet[packet.count - 2] = UInt8(length >> 8)
        packet[packet.count - 1] = UInt8(length & 255)
        #expect(throws: WireError.self) { try wrapper.unwrap(packet: packet) }
    }

    /// Input 20.
    @Test func `what stands before a good key may be anything`() throws {
        for front in [[], [0x50], Array(repeating: 0xff, count: 60)] as [[UInt8]] {
            let (key, _, packet) = try wrapper.unwrap(packet: front + CapturedControl.clientKey.wrapped)
            #expect(packet == front)
            #expect(throws: WireError.self) {
                try ControlKeys.tlsCrypt(TLSCryptKeys(key, .normal)).unwrap(packet)
            }
        }
    }

    @Test(
        arguments: [
            .none, .user([1, 2, 3]), .user([]), .timestamp(0x0102_0304_0506_0708), .unknown(type: 9, [1]),
            .unknown(type: 1, [1, 2]),
        ] as [TLSCryptV2Metadata])
    func `metadata come back`(metadata: TLSCryptV2Metadata) throws {
        let client = try #require(try wrapper.wrap(CapturedControl.staticKey, metadata))
        let (key, opened, rest) = try wrapper.unwrap(packet: client.wrapped)
        #expect(key == CapturedControl.staticKey)
        #expect(opened == metadata)
        #expect(rest.isEmpty)
    }

    @Test func `metadata that make the key too long are refused`() throws {
        let most = TLSCryptV2Wrapper.maxWrapped - TLSCryptV2Wrapper.minWrapped - 1
        let fits = try wrapper.wrap(CapturedControl.staticKey, .user([UInt8](repeating: 1, count: most)))
        #expect(fits?.wrapped.count == TLSCryptV2Wrapper.maxWrapped)
        let over = try wrapper.wrap(CapturedControl.staticKey, .user([UInt8](repeating: 1, count: most + 1)))
        #expect(over == nil)
    }

    @Test func `another server cannot open it`() throws {
        var random = SplitMix64(seed: 3)
        let other = try TLSCryptV2Wrapper(.generate(from: &random))
        #expect(throws: WireError.self) { try other.unwrap(packet: CapturedControl.tlsCryptV2) }
    }
}
