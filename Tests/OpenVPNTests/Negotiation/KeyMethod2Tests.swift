import OpenSSL
import Testing
import Wire

@testable import OpenVPNCore

private func parse(_ bytes: [UInt8], _ sender: KeyMethod2.Sender = .client) throws -> KeyMethod2 {
    var reader = ByteReader(bytes.span.bytes)
    return try KeyMethod2(parsing: &reader, from: sender)
}

private let preMaster = [UInt8](repeating: 0xa0, count: 48)
private let randoms = [UInt8](repeating: 0xb1, count: 32) + [UInt8](repeating: 0xb2, count: 32)
private let clientHead: [UInt8] = [0, 0, 0, 0, 2] + preMaster + randoms

private func string(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(UInt16(text.utf8.count + 1))
    return bytes + text.utf8 + [0]
}

private func contents(_ secret: SecretBytes?) -> [UInt8]? {
    secret.map { secret in secret.bytes.withUnsafeBytes { Array($0) } }
}

@Suite struct KeyMethod2Tests {
    private let golden =
        clientHead + string("V4,dev-type tun") + string("alice@HUB") + string("pass wörd")
        + string("IV_VER=2.6.14\nIV_PROTO=990\n")

    @Test func `a client's message, there and back`() throws {
        let message = try parse(golden)
        #expect(message.options == "V4,dev-type tun")
        #expect(message.username == "alice@HUB")
        #expect(contents(message.password) == Array("pass wörd".utf8))
        #expect(message.peerInfo == "IV_VER=2.6.14\nIV_PROTO=990\n")
        #expect(contents(message.keySource.preMaster) == preMaster)
        #expect(contents(message.keySource.random1) == Array(randoms[..<32]))
        #expect(contents(message.keySource.random2) == Array(randoms[32...]))

        var bytes: [UInt8] = []
        message.serialize(into: &bytes)
        #expect(bytes == golden)
    }

    @Test func `a server's message has no pre-master and no credentials`() throws {
        let message = KeyMethod2(keySource: try KeySource.server(), options: "V4,tls-server")
        var bytes: [UInt8] = []
        message.serialize(into: &bytes)
        #expect(bytes.prefix(5) == [0, 0, 0, 0, 2])
        #expect(bytes.count == 5 + 64 + 2 + "V4,tls-server".utf8.count + 1 + 3 * 2)
        let back = try parse(bytes, .server)
        #expect(back.keySource.preMaster == nil)
        #expect(back.options == "V4,tls-server")
        #expect(back.username == nil && back.password == nil && back.peerInfo == nil)
    }

    @Test func `every prefix is incomplete, but for one that ends between two strings`() throws {
        let ends = [
            clientHead.count, clientHead.count + 18, clientHead.count + 18 + 12,
            clientHead.count + 18 + 12 + 13,
        ]
        for count in 0..<golden.count {
            let bytes = Array(golden[..<count])
            if ends.contains(count) {
                #expect(throws: Never.self) { try parse(bytes) }
            } else {
                #expect(throws: WireError.truncated, "\(count) octets") { try parse(bytes) }
            }
        }
    }

    @Test func `an old client stops after the options`() throws {
        let message = try parse(clientHead + string("V4"))
        #expect(message.options == "V4")
        #expect(message.username == nil)
    }

    @Test(arguments: [0, 1, 3, 4, 255] as [UInt8]) func `other key methods are refused`(method: UInt8) {
        #expect(throws: WireError.badValue) { try parse([0, 0, 0, 0, method] + golden.dropFirst(5)) }
    }

    @Test(arguments: 0..<4) func `the leading zeros are zeros`(index: Int) {
        var bytes = golden
        bytes[index] = 1
        #expect(throws: WireError.badValue) { try parse(bytes) }
    }

    /// Each string in turn is replaced by octets; what comes of it.
    @Test(arguments: 0..<4) func `lies about a string's length, and strings that are none`(which: Int) {
        func message(_ replacement: [UInt8]) -> [UInt8] {
            var strings = [string("V4"), string("user"), string("secret"), string("IV_VER=2")]
            strings[which] = replacement
            return clientHead + strings.flatMap { $0 }
        }
        #expect(throws: Never.self, "absent") { try parse(message([0, 0])) }
        #expect(throws: Never.self, "empty") { try parse(message([0, 1, 0])) }
        #expect(throws: WireError.badLength, "longest length") { try parse(message([0xff, 0xff, 0x41, 0])) }
        #expect(throws: WireError.self, "longer than what is left") {
            try parse(message([1, 0] + [UInt8](repeating: 0x41, count: 10)))
        }
        #expect(throws: WireError.badValue, "no NUL at its end") { try parse(message([0, 2, 0x41, 0x42])) }
        for octet in [0, 1, 7, 9, 13, 0x1b, 0x1f, 0x7f] as [UInt8] {
            #expect(throws: WireError.badValue, "control character \(octet)") {
                try parse(message([0, 4, 0x41, octet, 0x42, 0]))
            }
        }
        let broken = message([0, 3, 0xc3, 0x28, 0])
        if which == 2 {
            #expect(throws: Never.self, "a password need not be UTF-8") { try parse(broken) }
        } else {
            #expect(throws: WireError.badValue, "not UTF-8") { try parse(broken) }
        }
    }

    @Test func `lines are for the peer info alone`() {
        #expect(throws: WireError.badValue) { try parse(clientHead + string("V4\n")) }
        #expect(throws: WireError.badValue) { try parse(clientHead + string("V4") + string("a\nb")) }
        #expect(throws: Never.self) {
            try parse(clientHead + string("V4") + string("a") + string("b") + string("IV_A=1\n"))
        }
    }

    @Test func `the longest strings are taken, and one octet more is not`() throws {
        func text(_ count: Int) -> [UInt8] { string(String(repeating: "x", count: count)) }
        let limits = [
            OptionsString.maxLength, KeyMethod2.maxUsername, KeyMethod2.maxPassword, PeerInfo.maxLength,
        ]
        #expect(throws: Never.self) { try parse(clientHead + limits.flatMap { text($0) }) }
        for index in limits.indices {
            var longer = limits
            longer[index] += 1
            #expect(throws: WireError.badLength) { try parse(clientHead + longer.flatMap { text($0) }) }
        }
    }

    @Test func `a message beyond the bound is refused before it is read`() {
        let bytes = golden + [UInt8](repeating: 0, count: KeyMethod2.maxLength)
        #expect(throws: WireError.badLength) { try parse(bytes) }
    }
}
