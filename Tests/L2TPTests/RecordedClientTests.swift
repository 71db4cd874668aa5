import Testing
import Wire

@testable import L2TP

/// What xl2tpd 1.3.18 says from its first message to its last, to a server whose tunnel is 0x3333.
@Suite struct RecordedClientTests {
    private static let messages = [
        "c8020063000000000000000080080000000000018008000000020100800a0000000300000003800a0000"
            + "0004000000000008000000060690800800000007766d00130000000878656c6572616e63652e636f6d80"
            + "0800000009d68a80080000000a0004",
        "c802001433330000000100018008000000000003",
        "c80200303333000000020001800800000000000a80080000000ebb87800a0000000f00000001800a0000"
            + "001200000000",
        "c80200323333000100030002800800000000000c800a0000001800000000800a0000001300000001000a"
            + "0000002600000000",
        "c80200263333000100040002800800000000000e800a000000010001000080080000000ebb87",
        "c802002e33330000000500028008000000000004800800000009d68a80120000000100010000476f6f64"
            + "62796521",
    ].map(octets(ofHex:))

    private static func octets(ofHex hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue).map { UInt8($0) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    @Test func `a recorded client is understood from its first message to its last`() throws {
        let now = Instant(nanoseconds: 1_000_000_000_000)
        var tunnel: Tunnel?
        var events: [Tunnel.Output] = []
        var answers: [String] = []
        for octets in Self.messages {
            var input = ByteReader(octets.rawSpan)
            let header = try L2TPHeader(parsing: &input)
            if tunnel == nil {
                tunnel = try Tunnel(
                    answering: ControlMessage(parsing: &input), header, localID: 0x3333,
                    hostName: "polyhub", at: now)
            } else {
                try tunnel?.receive(header, &input, at: now)
            }
            while let output = tunnel?.nextOutput() {
                guard case .send(let answer) = output else {
                    events.append(output)
                    continue
                }
                answers.append(answer.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
            }
        }
        #expect(tunnel?.hostName == "vm" && tunnel?.remoteID == 0xd68a)
        let session = Tunnel.Session(localID: 1, remoteID: 0xbb87)
        #expect(
            events == [.sessionEstablished(session, proxy: []), .sessionEnded(1, ResultCode(1))])
        #expect(
            answers == [
                // SCCRP: version, framing, host name, tunnel, window.
                "c8020043d68a0000000000018008000000000002" + "8008000000020100" + "800a0000000300000003"
                    + "800d00000007706f6c79687562" + "8008000000093333" + "80080000000a0010",
                "c802000cd68a000000010002",
                // ICRP: session.
                "c802001cd68abb8700010003" + "800800000000000b" + "80080000000e0001",
                "c802000cd68a000000020004", "c802000cd68a000000020005", "c802000cd68a000000020006",
            ])
    }

    @Test func `no prefix of a recorded message is one`() throws {
        for octets in Self.messages {
            for count in 0..<octets.count {
                let prefix = Array(octets.prefix(count))
                var input = ByteReader(prefix.rawSpan)
                #expect(throws: WireError.self) { _ = try L2TPHeader(parsing: &input) }
            }
        }
    }
}
