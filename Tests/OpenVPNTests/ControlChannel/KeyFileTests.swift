import OpenVPNTestClient
import Testing
import Wire

@testable import OpenVPNCore

@Suite struct KeyFileTests {
    @Test func `a static key file is read and written back`() {
        let key = CapturedControl.staticKey
        #expect(Array(key.octets.prefix(4)) == [0x98, 0x08, 0x82, 0xb0])
        #expect(StaticKey(file: key.file) == key)
        #expect(key.file.split(separator: "\n").count == 18)
    }

    @Test func `comments, blanks and Windows line ends do no harm`() {
        let text =
            "# made by openvpn\r\n\r\n"
            + CapturedControl.staticKeyFile.split(separator: "\n").joined(separator: " \r\n")
        #expect(StaticKey(file: text) == CapturedControl.staticKey)
    }

    @Test func `a short, a long, a cut and an unreadable key are refused`() {
        let file = CapturedControl.staticKeyFile
        #expect(StaticKey(file: "") == nil)
        #expect(StaticKey(file: file.replacing("980882b0", with: "")) == nil)
        #expect(StaticKey(file: file.replacing("980882b0", with: "980882b000")) == nil)
        #expect(StaticKey(file: file.replacing("980882b0", with: "98x882b0")) == nil)
        #expect(StaticKey(file: file.replacing("-----END OpenVPN Static key V1-----", with: "")) == nil)
        #expect(StaticKey(file: CapturedControl.serverKeyFile) == nil)
    }

    @Test func `the keys of tls-crypt-v2 are read and written back`() {
        #expect(TLSCryptV2ServerKey(file: CapturedControl.serverKey.file) == CapturedControl.serverKey)
        #expect(TLSCryptV2ClientKey(file: CapturedControl.clientKey.file) == CapturedControl.clientKey)
        #expect(TLSCryptV2ServerKey(file: CapturedControl.clientKeyFile) == nil)
        #expect(TLSCryptV2ClientKey(file: CapturedControl.serverKeyFile) == nil)
    }

    @Test func `generated keys differ, and have all their octets`() {
        var random = SplitMix64(seed: 1)
        let keys = (0..<2).map { _ in StaticKey.generate(from: &random) }
        #expect(keys[0] != keys[1])
        #expect(StaticKey(file: keys[0].file) == keys[0])
        let server = TLSCryptV2ServerKey.generate(from: &random)
        #expect(TLSCryptV2ServerKey(file: server.file) == server)
    }

    /// RFC 4648 §10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `the vectors of the RFC`(plain: String, encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(plain.utf8))
    }

    @Test(arguments: ["Z", "Zg", "Zg=", "Z===", "====", "Zg=a", "Zm9v=", "Zm 9", "Zm9-"])
    func `what is not Base64 is refused`(text: String) { #expect(Base64.decode(text) == nil) }
}
