import OpenVPNCore

/// Keys that `openvpn --genkey` of 2.6.14 wrote, and the first packets that its client sent with them.
enum CapturedControl {
    static let staticKeyFile = """
        -----BEGIN OpenVPN Static key V1-----
        980882b0b31d3331f6706d14f4633330
        522a5cc6ed7f00900f348578d5f0e119
        212e71f39905c447dd76a6b62b5efaec
        d1733ab3a0c29ff0488f73ed606c3122
        8c8446a25d182de8634ee6d88551ddb3
        93b5f72b1d3b8a83a0534ba355fc2731
        8e7694fe83a4f72d1636b91c258ae9e1
        8f00a766b19649bafee858e7056183c2
        8fa075b2d0624d9175b14d13163885dd
        33096f56d9f2651d6231bfa4d22b8643
        ce3efd3dd30f5dbcc83c96f9ff268cc1
        7e5845aef5844d08a41b1e8317807cef
        ef849adccc7228aa5885c803aa793019
        a72f5d25558d64a3345d43a78ff1c85c
        2009ce9bf1f48f77d283b183eba5a449
        415b33d74e4c8bdeb0174872ced28a2b
        -----END OpenVPN Static key V1-----
        """
    static let serverKeyFile = """
        -----BEGIN OpenVPN tls-crypt-v2 server key-----
        kbLO8YqDXWgtSyen56b/v9YDnt+CufsHV2HOcoVtZz1MDYEaZnJG9QlLAG3/BXtQ
        0DUlZBUVRkuJDKSHny8t7mSUycs+FsdiChKBdko4UdieYh3Gc0OPk+h06fKhD3S+
        2GGL9ZmJSCRPSJuO0NVcKkfsJ9JC+yq7xM4lFwb6nFk=
        -----END OpenVPN tls-crypt-v2 server key-----
        """
    static let clientKeyFile = """
        -----BEGIN OpenVPN tls-crypt-v2 client key-----
        1yTkhCPMETDjpwAuQdxaEQ39oH//d4MhwHRV5EqJALcVKrxwkij3Y7O2AQrn6m8k
        I5R8iBuNZYs62VlsBcmoyHgThN0FYW15ptKfzlYWB+UhXEnoXbmAfj5+VbhZ+RQs
        wY+/0goU6vZEt81lXDSVe84BMWeEQh4XswqfekSbA91vr0UOUenJwVWUZzvXfuIU
        kfcetd+jUerOv5jqjM9E/1Q4nsieELuoL/Ro6lD2gO4uYVgB4PFt7TniIqi7Hy4B
        EtuwpVYcVC2TM6ecT0BzbNPUFUk52ulQGTTXQWgyxptBT0ziTwRVeiF6XFc0++Nk
        biPcGAgHNLSVzaqpesI07mk9XvCS1KDns6OVdNVfs03osBplntuVuLDamuAFWI83
        owFnO8g1OZ+ucKnlpD+Uc41+5+/3JxSbFvNBjV3GXsTFGHIj1crSbvutnXQ7W2ux
        bYoJHO7bmdNMnJrglG+NSCvkTvm12InSLwMT48uMOBsath6Hs1HGRboQlLU7+SV1
        UOslhDneoNKN00353BHCgaeX3VNfb2EebuHaq73MGt78wApR8of6m7digQmeKnr3
        nTGTRSGYomwRCn/Lln60gCFyhwNP+Q2BcNbRQAYrHaq9/UaynidLo/uWhOawCQTl
        VSHBuiid+pHswzsgOiUC+FBFniNV120qn7hS7M2zvVRmYlA1ZKB5aVSfZ61NGLca
        FwpqfjHH8qcdJES5emgomhjP55U8KlRWMwEr
        -----END OpenVPN tls-crypt-v2 client key-----
        """

    static let plain = octets(
        "38de35bab52c2661a80000000000")
    /// `tls-auth KEY 1`
    static let tlsAuthSHA1 = octets(
        "382c450b8e592201c32985c42368e6b42b1a0187bc6cbfc2a845194fb7000000016b03db380000000000")
    /// `tls-auth KEY 1`, `auth SHA256`
    static let tlsAuthSHA256 = octets(
        "38a65f98ca48f0c4adde69893a28b6f2c9900b7486d0fbf8d053b28f5c586c0a32049b5795bbc14ff2000000"
            + "016b03db380000000000")
    /// `tls-auth KEY`
    static let tlsAuthBidirectional = octets(
        "383b10f66555b9d04d418dfb3ccf59f1ac8eb40e4ba24b9cf269024af8000000016b03db380000000000")
    static let tlsCrypt = octets(
        "38936780215f942c21000000016b03db384c63acfc605138df4291a58777f70965acbb8f068587ca52a47af0"
            + "fd08bab475bcdf0f9afa")
    /// HARD_RESET_CLIENT_V3, marked for early negotiation; its wrapped key carries a timestamp.
    static let tlsCryptV2 = octets(
        "509b031cf5f2eb42110f0000016b03db3822a98b6af107a9514e7fcc242bb857699d1d966a63927c3c18f1a1"
            + "a9235ef146a8a41d77e5693d5ef092d4a0e7b3a39574d55fb34de8b01a659edb95b8b0da9ae005588f37a301"
            + "673bc835399fae70a9e5a43f94738d7ee7eff727149b16f3418d5dc65ec4c5187223d5cad26efbad9d743b5b"
            + "6bb16d8a091ceedb99d34c9c9ae0946f8d482be44ef9b5d889d22f0313e3cb8c381b1ab61e87b351c645ba10"
            + "94b53bf9257550eb258439dea0d28dd34df9dc11c281a797dd535f6f611e6ee1daabbdcc1adefcc00a51f287"
            + "fa9bb76281099e2a7af79d3193452198a26c110a7fcb967eb480217287034ff90d8170d6d140062b1daabdfd"
            + "46b29e274ba3fb9684e6b00904e55521c1ba289dfa91ecc33b203a2502f850459e2355d76d2a9fb852eccdb3"
            + "bd546662503564a07969549f67ad4d18b71a170a6a7e31c7f2a71d2444b97a68289a18cfe7953c2a54563301"
            + "2b")

    static let staticKey = StaticKey(file: staticKeyFile)!
    static let serverKey = TLSCryptV2ServerKey(file: serverKeyFile)!
    static let clientKey = TLSCryptV2ClientKey(file: clientKeyFile)!
}
