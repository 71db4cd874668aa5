import OpenSSL
import SoftEtherPassword
import Testing

private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

private func secret(_ text: String) -> SecretBytes { SecretBytes(copying: Array(text.utf8)) }

@Suite struct SoftEtherPasswordTests {
    @Test(arguments: [
        ("", "f96cea198ad1dd5617ac084a3d92c6107708c0ef"),
        // FIPS 180, appendices A and B.
        ("abc", "0164b8a914cd2a5e74c4f7ff082c4d97f1edf880"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "d2516ee1acfa5baf33dfc1c471e438449ef134c8"
        ),
    ])
    func `SHA-0 of known messages`(message: String, digest: String) {
        #expect(hex(SHA0.hash(Array(message.utf8))) == digest)
    }

    /// The padding of lengths around a block's: the same as hashing through OpenSSL would be, were it there.
    @Test func `every length has its own digest`() {
        let digests = Set((0...200).map { SHA0.hash([UInt8](repeating: 0x61, count: $0)) })
        #expect(digests.count == 201)
    }

    @Test func `a password and its proof`() {
        let password = SoftEtherPassword(of: secret("Secret123"), user: "alice")
        #expect(hex(password.octets) == "119d71db56b8cf61d6bb0a20d01176f650fb4ba1")
        let challenge = [UInt8](0...19)
        let proof = password.proof(of: challenge)
        #expect(hex(proof) == "d9b039667401a6f1db96f5de9f74c3590f35e441")
        #expect(password.accepts(proof, of: challenge))
        #expect(!password.accepts(proof, of: [UInt8](1...20)))
        #expect(!password.accepts(Array(proof.dropLast()), of: challenge))
        #expect(!password.accepts([], of: challenge))
    }

    @Test func `the user's name counts, but not its case`() {
        let password = SoftEtherPassword(of: secret("Secret123"), user: "ALICE")
        #expect(password.octets == SoftEtherPassword(of: secret("Secret123"), user: "alice").octets)
        #expect(password.octets != SoftEtherPassword(of: secret("Secret123"), user: "alicf").octets)
        #expect(password.octets != SoftEtherPassword(of: secret("secret123"), user: "alice").octets)
    }

    @Test func `what is stored comes back`() throws {
        let password = SoftEtherPassword(of: secret("Secret123"), user: "alice")
        #expect(try #require(SoftEtherPassword(octets: password.octets)).octets == password.octets)
        #expect(SoftEtherPassword(octets: Array(password.octets.dropLast())) == nil)
    }
}
