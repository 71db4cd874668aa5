import LabCertificates
import OpenSSL
import Testing

/// Signatures by the key of `LabCertificates.peer`.
private enum Made {
    /// 0, 1, ... 31.
    static let hash = [UInt8](0...31)

    /// By `openssl pkeyutl -sign -pkeyopt rsa_padding_mode:pkcs1`.
    static let signature = octets(
        """
        a513d090dd24279064cf723be0a3f99521178e34ca73a11807165a279cedaf709f0898c960eaa948da33eae3931d6134
        71100b34aa0d304c78cdb387dc760aa52b56275f3809a0757f9bbdb85d29975094af531d80915cd2fbf9c785d50dc704
        289eb5ba6835a52a02b020c1aedb8dfe07e5e04f2368656e685e72a1dbd827e6f087caa21e00fb7451e1e7d2b40a6b11
        32bbe1312bda356fa388f95eb3e70c8872b717c00fd419c2b3952f92697ade43077d25e152a51fffb8573edba9d08403
        c9aa888f1332eb9119dd1a1f10ccb901e3934dad34bc48e3748831ad934e1bd3f8f73a58e5b30a9273881a53ad224753
        31dbc846f939ef8bbe564f5ddc89aa10
        """)

    /// With the name of SHA-256 before the hash, as everything but IKEv1 signs.
    static let named = octets(
        """
        9f0acc5ac08859958be57af2b10f6e30618485b2d700626b99176a39ea14fe70b61defa8ebd40a8c5cffe41259c5e720
        cc8a744ac9d3b491db12a6e52cd92e522171f346470b3061cf0be363b0bcea8d113340100c4154e50d62dfec03ca7d66
        b5863d7d893e7375e0da2bbc469cd8421aa613d91ef87b6b7b8829f70089abfb9d6ce9534309dc7ea7ff96e1b0af58cc
        9631b88f1e598e53d7c83adf9735387b15476c2d48c5167b2e16fbaeb2c8c297baee9d6bc99f66172a2c1d4bc5ee4198
        6b46e3ee53d0855518ac8493f661f37e2c2fe405942b118220fff8fc3a9f5d68b1aa69f22e366bc0c9747208120f3e3e
        3e3b231b44f4e333267abe5d4fce6df0
        """)

    /// A padding of eight octets, and anything behind the hash.
    static let short = octets(
        """
        312ee1cb1f4e9c47154aea23e3838ca4cd938d700bbd28acdda8e78e8a0f151597b3ef3e61b4db44edc698ba0d45de7c
        32f76b947ea1de97ad789be9e11cdca07a90ce416c70a5686620c86d6427b4bc428022e31ea895b216efe81385ce8250
        0cfe698084a79a86c43696e03df05fe632cd41e3b15a0863577a860c19d6c4de79187f290256fb33c7d55b30d6c201cb
        646d163174bea56f9c5885fb2fe24d348134a1bec16e83f8b93bb685b2f851050e536989c57925c73075ebf2128dff71
        d0f8261cf9badc0446d5f583601eedfb00e7fe372e2f91b587d9280cab340c6a03162dd20264dfbb5d9bc3ecd35e0b22
        a2d87cf92c8ba057b532b41aa02be039
        """)

    /// Padded as what is encrypted.
    static let encrypted = octets(
        """
        b1c81f01ff307af9bfdc8ba87a0ec64dca77da5245b06c8cacd2cfd2345758f19d1b4645df9411ad751fa67cddfaebc1
        11b3666d07455cb81e22ce53eccf15c5c8632d40637822a37a712e1f0a04777fbb1cf4d0655008c2ea06230deec7639a
        7a81f0bc75bd4cca0a46545493f7721d5d3e09d1788f2625cb429fdb585b3f597e0e5793154fcf0f96026767cbd4b077
        b148ccdf5d7cc73fc84d9ab8c448f02c4d027a5210efd3c13ab16d39728e12e78a040c9078174840a180ca8472cbf3e9
        3ce7cd5ae3aa29f1e67738c94c120c8caba0d712a59b337028b514bcde034d782ccfcb56577f29557b7e893776c0ad1b
        62e18f706ec870b83b4e7b260c30d257
        """)

    private static func octets(_ text: String) -> [UInt8] {
        let digits = text.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

@Suite struct RSAIdentityTests {
    private let peer = RSAIdentityTests.der(LabCertificates.peer)

    static func der(_ pem: String) -> [UInt8] {
        (try? CertificateAuthorities.octets(ofPEM: Array(pem.utf8)).first) ?? []
    }

    private func isValid(_ signature: [UInt8], _ hash: [UInt8] = Made.hash) -> Bool {
        CertificateSignature.isValidRSA(signature, ofHash: hash, byCertificate: peer)
    }

    private func identity(
        _ chain: String = LabCertificates.peer, _ key: String = LabCertificates.peerKey
    ) throws -> RSAIdentity {
        try RSAIdentity(chain: Array(chain.utf8), key: Array(key.utf8))
    }

    @Test func `we sign a hash as the openssl program does`() throws {
        #expect(try identity().sign(hash: Made.hash) == Made.signature)
        #expect(isValid(Made.signature))
    }

    @Test func `every other octet of a signature, and every prefix, is refused`() {
        for index in Made.signature.indices {
            var signature = Made.signature
            signature[index] ^= 1
            #expect(!isValid(signature) && !isValid(Array(Made.signature[..<index])))
        }
        #expect(!isValid(Made.signature + [0]))
    }

    /// features.md §4.2, input 28: with an exponent of 3 such a block can be made without the key.
    @Test func `what is signed otherwise is refused`() {
        #expect(!isValid(Made.named) && !isValid(Made.short) && !isValid(Made.encrypted))
        #expect(!isValid(Made.signature, Array(Made.hash.dropLast())))
        #expect(!isValid(Made.signature, Made.hash + [0]))
        #expect(!isValid(Made.signature, []))
    }

    @Test func `a key that is not RSA, or not the certificate's, is refused`() throws {
        #expect(throws: OpenSSLError.self) { try identity(LabCertificates.server) }
        #expect(throws: OpenSSLError.self) { try identity("", LabCertificates.peerKey) }
        #expect(throws: OpenSSLError.self) { try identity(LabCertificates.peer, "") }
        let curve = try CertificateMaker.make(.client, commonName: "x", signer: nil, validTo: 3600)
        let error = #expect(throws: OpenSSLError.self) { try identity(curve.certificate, curve.key) }
        #expect(error?.reason == "it is not an RSA key")
    }

    @Test func `the chain goes without its root`() throws {
        let chain = LabCertificates.below + "\n" + LabCertificates.middle + "\n" + LabCertificates.authority
        #expect(
            try identity(chain).certificates == [
                Self.der(LabCertificates.below), Self.der(LabCertificates.middle),
            ])
    }
}

@Suite struct CertificateAuthoritiesTests {
    private func verify(
        _ chain: String..., authority: String = LabCertificates.authority
    ) throws -> CertificateHolder {
        let authorities = try CertificateAuthorities(pem: Array(authority.utf8))
        return try authorities.verify(chain.map(RSAIdentityTests.der))
    }

    private func refusal(_ chain: String...) -> String? {
        let authorities = try? CertificateAuthorities(pem: Array(LabCertificates.authority.utf8))
        do throws(CertificateRefusal) {
            _ = try authorities?.verify(chain.map(RSAIdentityTests.der))
            return nil
        } catch {
            return error.reason
        }
    }

    @Test func `a certificate tells its names`() throws {
        let holder = try verify(LabCertificates.peer)
        #expect(CertificateSubject.text(ofName: holder.subject) == "CN=peer,O=Lab")
        #expect(holder.dnsNames == [Array("Peer.example".utf8)])
        #expect(holder.mailAddresses == [Array("router@peer.example".utf8)])
        #expect(holder.addresses.map(\.count) == [4, 16] && holder.addresses[0] == [198, 51, 100, 2])
        #expect(holder.isSubject(holder.subject) && !holder.isSubject([]) && !holder.isSubject([0x30, 0]))
        // Other letters and another kind of string, the same name.
        let shouted = Array(holder.subject.dropLast(6)) + [0x13, 4] + Array("PEER".utf8)
        #expect(shouted != holder.subject && holder.isSubject(shouted))
        for count in 0..<holder.subject.count {
            #expect(!holder.isSubject(Array(holder.subject[..<count])))
            #expect(CertificateSubject.text(ofName: Array(holder.subject[..<count])) == nil)
        }
        #expect(!holder.isSubject(holder.subject + [0]))
        let nameless = try verify(LabCertificates.namelessServer)
        #expect(nameless.subject.isEmpty && !nameless.isSubject([]) && !nameless.isSubject([0x30, 0]))
    }

    @Test func `a chain is followed up to the authority`() throws {
        #expect(throws: CertificateRefusal.self) { try verify(LabCertificates.below) }
        let below = try verify(LabCertificates.below, LabCertificates.middle)
        #expect(below.dnsNames == [Array("peer.example".utf8)])
        #expect(try verify(LabCertificates.foreign, authority: LabCertificates.otherAuthority) != below)
    }

    @Test func `whom nobody should believe is refused with a reason`() {
        #expect(refusal(LabCertificates.expired) == "certificate has expired")
        #expect(refusal(LabCertificates.foreign)?.contains("unable to get local issuer") == true)
        #expect(refusal(LabCertificates.forWeb)?.contains("extended key usage") == true)
        #expect(refusal(LabCertificates.forAgreement)?.contains("not for signatures") == true)
        // No authority of its own, and none who may sign.
        #expect(refusal(LabCertificates.foreign, LabCertificates.otherAuthority)?.contains("self") == true)
        #expect(refusal(LabCertificates.below, LabCertificates.peer) != nil)
        #expect(refusal() == "there is none" && refusal("") == "it is malformed")
    }

    @Test func `every prefix of a certificate is refused, and what is longer`() throws {
        let authorities = try CertificateAuthorities(pem: Array(LabCertificates.authority.utf8))
        let whole = RSAIdentityTests.der(LabCertificates.peer)
        for count in whole.indices {
            #expect(throws: CertificateRefusal("it is malformed")) {
                try authorities.verify([Array(whole[..<count])])
            }
        }
        #expect(throws: CertificateRefusal("it is malformed")) { try authorities.verify([whole + [0]]) }
        #expect(throws: CertificateRefusal("it is malformed")) { try authorities.verify([whole, [0x30]]) }
        #expect(throws: OpenSSLError.self) { try CertificateAuthorities(pem: Array("nothing".utf8)) }
    }
}
