import OpenSSL
import Testing

@testable import MSCHAPv2

/// The worked examples of RFC 2759 §9.2 and RFC 3079 §3.5.3.
@Suite struct MSCHAPv2Tests {
    private let exchange = MSCHAPv2Exchange(
        authenticatorChallenge: octets("5b5d7c7d7b3f2f3e3c2c602132262628"),
        peerChallenge: octets("21402324255e262a28295f2b3a337c7e"), userName: Array("User".utf8))!
    private let hash = try! NTHash(ofPassword: SecretBytes(copying: Array("clientPass".utf8)))!
    private let response = octets("82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df")

    @Test func `MD4 and DES are those of their specifications`() throws {
        #expect(LegacyAlgorithms.areAvailable)
        #expect(try LegacyAlgorithms.md4(Array("abc".utf8)) == octets("a448017aaf21d8525fc10ae87aa6729d"))
        let block = octets("0123456789abcde7")
        #expect(
            try LegacyAlgorithms.encryptDES(block, key: octets("0123456789abcdef"))
                == octets("c95744256a5ed31d"))
    }

    @Test func `the example of RFC 2759`() throws {
        #expect(hash.octets == octets("44ebba8d5312b8d611474411f56989ae"))
        #expect(try hash.hashed() == octets("41c00c584bd2d91c4017a2a12fa59f3f"))
        #expect(try exchange.challengeHash() == octets("d02e4386bce91226"))
        #expect(try exchange.ntResponse(hash) == response)
        #expect(
            try exchange.authenticatorResponse(to: response, hash)
                == octets("407a5589115fd0d6209f510fe9c04566932cda56"))
    }

    @Test func `the example of RFC 3079`() throws {
        let keys = try MSCHAPv2Exchange.masterKeys(of: response, hash)
        #expect(keys.send == octets("8b7cdc149b993a1ba118cb153f56dccb"))
        #expect(keys.receive != keys.send && keys.receive.count == 16)
    }

    @Test func `another response is not accepted`() throws {
        #expect(try exchange.accepts(response, hash))
        for index in response.indices {
            var other = response
            other[index] ^= 1
            #expect(try !exchange.accepts(other, hash))
        }
        #expect(try !exchange.accepts([], hash))
    }

    @Test func `a domain in front of the name is not hashed`() throws {
        let other = MSCHAPv2Exchange(
            authenticatorChallenge: exchange.authenticatorChallenge, peerChallenge: exchange.peerChallenge,
            userName: Array("BIGCO\\User".utf8))
        #expect(try other?.ntResponse(hash) == response)
    }

    @Test func `challenges of another length, and passwords that are no text, are none`() throws {
        #expect(
            MSCHAPv2Exchange(
                authenticatorChallenge: [1], peerChallenge: exchange.peerChallenge, userName: []) == nil)
        #expect(try NTHash(ofPassword: SecretBytes(copying: [0xff, 0xfe])) == nil)
        #expect(try NTHash(ofPassword: SecretBytes(copying: [UInt8](repeating: 65, count: 257))) == nil)
        #expect(NTHash(octets: [1, 2, 3]) == nil)
    }
}

private func octets(_ hex: String) -> [UInt8] {
    stride(from: 0, to: hex.count, by: 2).map { offset in
        let start = hex.index(hex.startIndex, offsetBy: offset)
        return UInt8(hex[start..<hex.index(start, offsetBy: 2)], radix: 16)!
    }
}
