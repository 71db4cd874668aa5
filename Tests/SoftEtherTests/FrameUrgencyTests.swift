import SoftEtherCore
import Testing

@Suite struct FrameUrgencyTests {
    private func frame(_ type: [UInt8], _ first: [UInt8]) -> [UInt8] {
        [UInt8](repeating: 9, count: 12) + type + first + [UInt8](repeating: 0, count: 40)
    }

    @Test(
        arguments: [
            ([8, 0], [0x45, 0xb8], true), ([8, 0], [0x45, 0x03], false), ([8, 0], [0x45, 0x20], false),
            ([8, 0], [0x45, 0x04], false), ([0x86, 0xdd], [0x6b, 0x80], true),
            ([0x86, 0xdd], [0x60, 0x0f], false), ([0x86, 0xdd], [0x62, 0x00], false),
            ([8, 6], [0x45, 0xb8], false),
            ([0x81, 0, 0, 5, 8, 0], [0x45, 0xb8], true), ([0x81, 0, 0, 5, 8, 6], [0x45, 0xb8], false),
            ([8, 0], [0x55, 0xb8], false),
        ] as [([UInt8], [UInt8], Bool)])
    func `a mark tells`(type: [UInt8], first: [UInt8], isUrgent: Bool) {
        #expect(judge(frame(type, first)) == isUrgent)
    }

    private func judge(_ octets: [UInt8]) -> Bool { FrameUrgency.isUrgent(octets.span.bytes) }

    @Test func `what is too short is not`() {
        let whole = frame([0x81, 0, 0, 5, 8, 0], [0x45, 0xb8])
        for count in 0..<34 { #expect(!judge(Array(whole[..<count]))) }
    }
}
