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
}
