import OpenSSL
import Testing

/// Made by the openssl program: a certificate with an RSA key, one with an EC key, and what the first signed.
private enum Made {
    static let certificate = octets(
        """
        308201fc30820165a00302010202140b2478439b39f20058208abed80eed6c2e20e8cb300d06092a864886f70d01010b
        05003010310e300c06035504030c05616c696365301e170d3236313132333130333030345a170d333631313230313033
        3030345a3010310e300c06035504030c05616c69636530819f300d06092a864886f70d010101050003818d0030818902
        818100ca84c70714f5aec311f44f8512112e424a8263603e3eed2b50079b5b6be0a622614a051d73d6dc6b72e73cde70
        b80f892f27107c26963aa4a5a14ccbf6fe19d2a43b8d1dfc905614120bd867db31679e9d40a73da0478b3bc0dca39bf4
        252e1bc14cd382f7256a8371ea441b0374c66f48b59cac54352d4eb959bb02beb8dcc10203010001a3533051301d0603
        551d0e041604148757e5ac1522bd5175b1eb72fd641083bcbceeaa301f0603551d230418301680148757e5ac1522bd51
        75b1eb72fd641083bcbceeaa300f0603551d130101ff040530030101ff300d06092a864886f70d01010b050003818100
        9465c8a63c217d06b59d0e49a68f8aa3f3de5cdf4e53bb64e763b0812fa681176420bf6240382e02ff7419f4ee13750f
        dd5a29da089ed7170f922f70828789f55773b387c8133958e4514818fa700597cb6d17668f209b81bb3cce5ca95a3ab4
        212216bb5b98a75f01a689af010692c7117d1cdc106e67d0611dbbbe88538d43
        """)

    static let otherKind = octets(
        """
        308201753082011ba00302010202146f99cea71e1adec287720307bb2119b4d6d2209d300a06082a8648ce3d04030230
        10310e300c06035504030c05616c696365301e170d3236313132333130333030345a170d333631313230313033303034
        5a3010310e300c06035504030c05616c6963653059301306072a8648ce3d020106082a8648ce3d030107034200040848
        0085f161cfbd077f202d37f14b9f0b95a4264f1827099e422508ce0029c4682a47bd347556d69a1b5fa264b37a15a736
        6cb98e2935d57937160e460450e6a3533051301d0603551d0e041604145c216c8e5a44d68f7beac4f7d6f2220711176e
        b0301f0603551d230418301680145c216c8e5a44d68f7beac4f7d6f2220711176eb0300f0603551d130101ff04053003
        0101ff300a06082a8648ce3d040302034800304502210097b9e5c4119278ee0e0e9340763eb7fef2eeda9deb73ceed45
        7de319df65ab240220589a3c32be4d8c3217e4b45d121c7d05692d7f8502cb8948b58747402704ece4
        """)

    static let signature = octets(
        """
        1d24961692e1f604552f4f3b19d7b891a1b3f20fde4095d00a7818bcc08673b484527e8dff63643bd91d5a8ca8705f30
        4a97e7f2c3fb02cd19bc90a99ec27ffee44248e0329ebd67048110f057d9288c2c45b68e3311f481111c544521c154b2
        d3cb1a4797535a19c6c87b621b126860b2a87affb57158f0a5b63c49ccd1871f
        """)

    /// With a key whose exponent is 3, and what that one signed.
    static let cubicCertificate = octets(
        """
        308202ff308201e7a00302010202140ac7458dc78c89a1a6d7f1d7bf6c958bc3f3e3df300d06092a864886f70d01010b
        05003010310e300c06035504030c05616c696365301e170d3236313132333137333030395a170d333631313230313733
        3030395a3010310e300c06035504030c05616c69636530820120300d06092a864886f70d01010105000382010d003082
        01080282010100b19009c025e15d1a536e642aae0563fdaea092b6ebfd9cbe6af89c7721ffca581e91a24e42d2b35742
        f5f1655dd23d76477d78cb6764e0f67b8bec22c6dc6f36ce0a393a1c05d4c2cc6a11b0571b30a4ec6c43fce314b00d72
        9932e6992a01becb18d05df57218c5e524320afeca4ac231beb58f6915ca9df37237629ebc4cd5410b7a8f23d5784d63
        e4cfdd71bc0a256729eeee1d16956e3f2130cb9e371d8e89f93baf77e4613d0eadc8c1c40592ec4f5dec61fe5a768ad1
        da83095c2d0b391ca651479209159bc5ef3b9d65dfad2b83c54d4d20a5805a6fb8ed05bcfdf4c8adabbb9fd00ba4e468
        a8be657616236c4483a2ea3b4da6a76598e56fe5a14261020103a3533051301d0603551d0e04160414e155e1ee9a082e
        888d1e4e4ba21214dfa00a15f7301f0603551d23041830168014e155e1ee9a082e888d1e4e4ba21214dfa00a15f7300f
        0603551d130101ff040530030101ff300d06092a864886f70d01010b05000382010100526859eb66b8d6658bce889c5c
        002d8a08d5f18fb9be95c2a64fd230a06c7dbaf401854575961bc0b987aa71a025872829ba16a19c2b8b6be2afc74c86
        c1d9d389c354521697d875015109afac9d959ac0eadbe6973b33475b4214353f293738160fea155efdc1796cb80933f1
        48c4eec9b1db161c119903b5e8b47a58caac4d3ad7160cb55fadabcdfe00088467efc3d197e39225e3c59ac56767d181
        0096723543dd213bc433cec82b85ce921ef645e1d950f229503c3e023ac390fca11ae50522ae5041f6bb38e8355de409
        388f9f5bd2c1e33716c53ac4bf3b6ec01c0892009c866bb1058b5dce81b70840409811449e47cf0cc74f1aa9fb8cb8bf
        098627
        """)

    static let cubicSignature = octets(
        """
        5f302ef5d6a4a8af1058eae411ca7ebf4ba34d6456c2aceb45b16069f4a1bc47124ca8f93337515bec3ef34a93b18799
        ca386392d37fda1c71be915cb441e25a5b812afe6856e9258ce22f1b3db5362d2bed3171f8356f0c0a8fab8b12b97664
        52cadb2d8c27f1a67b504e8356426613741016d68090ab58223f261a8d2b21535d4e594089eefb5228a8c95e3da4fb4a
        76ae825edb36324ae29355e7c4c0e474480e4edf03283f1bbb9d3ede03e41d4ce4dc7d92064f4dc8b6901212f2653360
        1a258cef448cd5916ad9cacc1c7f866dcb23197d21f474d3cae6cc1ad9625866e68fa1a6932c682cf23c184e76e27040
        657649106214b9ac800fe63160486ed8
        """)

    /// Made without the key: the cube root of a block that begins as one of PKCS #1 does, with a padding of
    /// eight octets, and has anything behind the digest.
    static let forgery = octets(
        """
        000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
        000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
        000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
        00000000000000000000000000000000000000000000000000000032cbfd4a7adc7905583d75edab851cd700a52e579c
        736881999484ac8548e038ad2f9b44cc1c1f2bfcfc379b4a247e80ff79d70d7ac3cb0b59ae9086337ea93bbe2c5f50ca
        2969675bf41123d4a3ceb8ddc30a88a9
        """)

    /// Of an organization without a common name.
    static let nameless = octets(
        """
        308201773082011da003020102021408f98d2030587683289d6929907a18c7340ee717300a06082a8648ce3d04030230
        11310f300d060355040a0c066f6666696365301e170d3236313132333137333031305a170d3336313132303137333031
        305a3011310f300d060355040a0c066f66666963653059301306072a8648ce3d020106082a8648ce3d03010703420004
        209eb74d50b0c80e3c0be18210cbc1537934a97f2652611ae898c69311dbc58ed506ced263a3f6b3b5f35d4195019734
        06d05064568bd5e60693b2235347577da3533051301d0603551d0e041604147f64dc6f91fcd443eceed88125f16e390a
        404343301f0603551d230418301680147f64dc6f91fcd443eceed88125f16e390a404343300f0603551d130101ff0405
        30030101ff300a06082a8648ce3d0403020348003045022100db8582e52c89584b0891f88f8311fffcb5fe17684b2d0d
        09ff96b2c9c24db09902201d7ded5048c1ec91e9da9f2307db8d35c7212c9c474206918e7bdf943250b1e7
        """)

    private static func octets(_ text: String) -> [UInt8] {
        let digits = Array(text.utf8.filter { $0 > 0x20 })
        return stride(from: 0, to: digits.count, by: 2).map {
            UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)!
        }
    }
}

@Suite struct CertificateSignatureTests {
    private let challenge = [UInt8](0...19)

    private func isValid(
        _ signature: [UInt8]? = nil, _ message: [UInt8]? = nil, _ certificate: [UInt8]? = nil
    ) -> Bool {
        CertificateSignature.isValidRSASHA1(
            signature ?? Made.signature, of: message ?? challenge,
            byCertificate: certificate ?? Made.certificate)
    }

    @Test func `a signature by the certificate's key`() {
        #expect(isValid())
    }

    @Test func `every other octet of it, and every prefix, is refused`() {
        for index in Made.signature.indices {
            var signature = Made.signature
            signature[index] ^= 1
            #expect(!isValid(signature))
            #expect(!isValid(Array(Made.signature[..<index])))
        }
        #expect(!isValid(Made.signature + [0]))
    }

    @Test func `another message, another certificate or none`() {
        #expect(!isValid(nil, [UInt8](1...20)))
        #expect(!isValid(nil, []))
        #expect(!isValid(nil, nil, Made.otherKind))
        #expect(!isValid(nil, nil, []))
        for count in stride(from: 0, to: Made.certificate.count, by: 7) {
            #expect(!isValid(nil, nil, Array(Made.certificate[..<count])))
        }
    }

    /// features.md §4.2, input 28.
    @Test func `a signature that is forged for the exponent 3 is refused`() {
        #expect(isValid(Made.cubicSignature, nil, Made.cubicCertificate))
        #expect(!isValid(Made.forgery, nil, Made.cubicCertificate))
    }

    @Test func `a certificate without a common name names nobody`() {
        #expect(CertificateSubject.commonName(ofDER: Made.certificate) == "alice")
        #expect(CertificateSubject.commonName(ofDER: Made.nameless) == nil)
        for count in stride(from: 0, to: Made.nameless.count, by: 7) {
            #expect(CertificateSubject.commonName(ofDER: Array(Made.nameless[..<count])) == nil)
        }
    }
}
