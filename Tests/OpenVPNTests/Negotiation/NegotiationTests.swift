import OpenSSL
import Testing
import Wire

@testable import OpenVPNCore

/// What OpenVPN 2.6.14 says of itself with `push-peer-info`.
private let peerInfo = """
    IV_VER=2.6.14
    IV_PLAT=linux
    IV_TCPNL=1
    IV_MTU=1600
    IV_NCP=2
    IV_CIPHERS=AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305
    IV_PROTO=990
    IV_LZO_STUB=1
    IV_COMP_STUB=1
    IV_COMP_STUBv2=1
    IV_SSL=OpenSSL_3.0.19_27_Jan_2026
    IV_GUI_VER=OpenVPN_GUI_11
    IV_SSO=webauth,crtext
    UV_ID=a=b

    """

@Suite struct PeerInfoTests {
    @Test func `what a client says of itself`() throws {
        let client = try PeerInfo(parsing: peerInfo)
        #expect(client.version == "2.6.14")
        #expect(client.platform == "linux")
        #expect(client.mtu == 1600)
        #expect(client.ciphers == ["AES-256-GCM", "AES-128-GCM", "CHACHA20-POLY1305"])
        #expect(client["UV_ID"] == "a=b")
        #expect(client["UV_OTHER"] == nil)
        #expect(client.softwareDescription == "OpenVPN 2.6.14 linux OpenVPN_GUI_11")
        #expect(
            client.capabilities == [
                .dataV2, .requestPush, .tlsKeyExport, .authPendingKeywords, .dnsOption, .controlChannelExit,
                .authFailedTemporarily, .dynamicTLSCrypt,
            ])
    }

    @Test func `a client that says nothing, or nonsense`() throws {
        #expect(try PeerInfo(parsing: "").capabilities == [])
        #expect(try PeerInfo(parsing: "").ciphers == nil)
        #expect(try PeerInfo(parsing: "\n\nno equals sign\n=\n").version == nil)
        for number in ["-1", "4294967296", "", "0x3de", "12a"] {
            #expect(try PeerInfo(parsing: "IV_PROTO=\(number)").capabilities == [], "\(number)")
        }
        #expect(try PeerInfo(parsing: "IV_VER=1\nIV_VER=2").version == "1")
    }

    @Test func `OpenVPN 2_4 negotiates both AES-GCM ciphers`() throws {
        #expect(try PeerInfo(parsing: "IV_NCP=2").ciphers == ["AES-256-GCM", "AES-128-GCM"])
        #expect(try PeerInfo(parsing: "IV_NCP=1").ciphers == nil)
    }

    @Test func `too much is refused`() {
        let lines = (0...PeerInfo.maxLines).map { "N\($0)=1" }.joined(separator: "\n")
        #expect(throws: WireError.badLength) { try PeerInfo(parsing: lines) }
        let long = "A=" + String(repeating: "x", count: PeerInfo.maxLength)
        #expect(throws: WireError.badLength) { try PeerInfo(parsing: long) }
    }
}

@Suite struct OptionsStringTests {
    /// What OpenVPN 2.6.14 announces as a client: cipher, auth, link-mtu for tun over UDP.
    static let announced: [(DataCipher, DigestAlgorithm, linkMTU: Int)] = [
        (.aes256GCM, .sha1, 1549), (.aes128GCM, .sha1, 1549), (.chaCha20Poly1305, .sha1, 1534),
        (.aes256CBC, .sha1, 1557), (.aes256CBC, .sha256, 1569), (.aes128CBC, .sha1, 1557),
        (.aes128CBC, .sha256, 1569),
    ]

    @Test func `ours is the mirror of what a client with the same cipher sends`() {
        for (cipher, digest, linkMTU) in Self.announced {
            for (device, addition) in [(OptionsString.Device.tun, 0), (.tap, 32)] {
                for isTCP in [false, true] {
                    let suite = DataCipherSuite(cipher, authentication: digest)
                    let auth = suite.authentication?.rawValue ?? "[null-digest]"
                    let client = OptionsString(
                        parsing: "V4,dev-type \(device.rawValue),"
                            + "link-mtu \(linkMTU + addition + (isTCP ? 2 : 0)),tun-mtu 1500,"
                            + "proto \(isTCP ? "TCPv4_CLIENT" : "UDPv4"),"
                            + "cipher \(cipher.rawValue),auth \(auth),"
                            + "keysize \(cipher.keyLength * 8),key-method 2,tls-client")
                    let ours = OptionsString.server(suite, device: device, isTCP: isTCP)
                    #expect(ours.text == client.mirrored().text)
                    #expect(client.mirrored().mirrored() == client)
                    #expect(client.device == device)
                    #expect(client.cipher == cipher.rawValue)
                    #expect(client.authentication == suite.authentication)
                    #expect(client.tunMTU == 1500)
                }
            }
        }
    }

    @Test func `a client with compression framing and key direction`() {
        let text =
            "V4,dev-type tun,link-mtu 1558,tun-mtu 1500,proto UDPv4,comp-lzo,keydir 1,"
            + "cipher AES-128-CBC,auth SHA1,keysize 128,tls-auth,key-method 2,tls-client"
        let client = OptionsString(parsing: text)
        #expect(client.usesCompressionFraming)
        #expect(client.text == text)
        #expect(client.mirrored().has("keydir 0"))
        #expect(client.mirrored().has("tls-server"))
        #expect(client.mirrored().has("comp-lzo"))
    }

    @Test(arguments: ["", "V4", ",", ",,,", "V4,cipher", "V4,cipher ", "V4,ciphers AES-256-GCM"])
    func `nothing usable`(text: String) {
        let options = OptionsString(parsing: text)
        #expect(options.cipher == nil || options.cipher == "")
        #expect(options.device == nil)
        #expect(options.authentication == nil)
    }

    @Test func `options beyond the bound are dropped`() {
        let options = OptionsString(parsing: "V4" + String(repeating: ",a", count: 1000))
        #expect(options.options.count == OptionsString.maxOptions - 1)
    }
}

@Suite struct CipherNegotiationTests {
    private func outcome(
        _ info: String, _ options: String = "", ours: [DataCipher] = DataCipher.allCases
    ) throws -> CipherNegotiation.Outcome {
        CipherNegotiation(ciphers: ours).outcome(
            peerInfo: try PeerInfo(parsing: info), options: OptionsString(parsing: options))
    }

    @Test func `the first of ours that the client lists`() throws {
        let info = "IV_CIPHERS=CHACHA20-POLY1305:AES-128-GCM:AES-256-GCM"
        #expect(try outcome(info) == .agreed(DataCipherSuite(.aes256GCM), push: true))
        #expect(
            try outcome(info, ours: [.chaCha20Poly1305, .aes256GCM])
                == .agreed(DataCipherSuite(.chaCha20Poly1305), push: true))
        #expect(
            try outcome("IV_CIPHERS=aes-128-gcm") == .agreed(DataCipherSuite(.aes128GCM), push: true))
    }

    @Test func `the HMAC of a CBC cipher is the one that the client says it has`() throws {
        #expect(
            try outcome("IV_CIPHERS=AES-128-CBC", "V4,cipher AES-128-CBC,auth SHA256,keysize 128")
                == .agreed(DataCipherSuite(.aes128CBC, authentication: .sha256), push: true))
        #expect(
            try outcome("IV_CIPHERS=AES-256-CBC:AES-128-CBC", "V4,auth [null-digest]")
                == .agreed(DataCipherSuite(.aes256CBC, authentication: .sha1), push: true))
    }

    @Test func `a client of 2_4 also takes the cipher that it is configured with`() throws {
        #expect(
            try outcome("IV_NCP=2", "V4,cipher AES-128-CBC,auth SHA1", ours: [.aes128CBC])
                == .agreed(DataCipherSuite(.aes128CBC), push: true))
        #expect(
            try outcome("IV_NCP=2\nIV_CIPHERS=AES-256-GCM", "V4,cipher AES-128-CBC", ours: [.aes128CBC])
                == .nothingInCommon(offered: ["AES-256-GCM"]))
    }

    @Test func `a client that cannot negotiate keeps its own cipher and is told nothing`() throws {
        #expect(
            try outcome("IV_VER=2.3.18", "V4,cipher AES-256-CBC,auth SHA1,keysize 256")
                == .agreed(DataCipherSuite(.aes256CBC), push: false))
        #expect(
            try outcome("", "V4,cipher AES-256-CBC,auth SHA1", ours: [.aes256GCM])
                == .nothingInCommon(offered: ["AES-256-CBC"]))
        #expect(try outcome("", "V4,cipher BF-CBC,auth SHA1") == .nothingInCommon(offered: ["BF-CBC"]))
        #expect(try outcome("", "") == .nothingInCommon(offered: []))
    }
}

@Suite struct DataKeysTests {
    private func source(_ first: UInt8, preMaster: Bool) -> KeySource {
        KeySource(
            preMaster: preMaster ? SecretBytes(copying: Array(0..<48)) : nil,
            random1: SecretBytes(copying: [UInt8](repeating: first, count: 32)),
            random2: SecretBytes(copying: [UInt8](repeating: first + 1, count: 32)))
    }

    /// Computed with Python's hmac and hashlib.
    @Test func `the older derivation agrees with another implementation`() throws {
        let keys = try #require(
            try DataKeys(
                client: source(0xc1, preMaster: true), server: source(0x51, preMaster: false),
                clientSessionID: SessionID(0x0102_0304_0506_0708),
                serverSessionID: SessionID(0x1112_1314_1516_1718)))
        let hash = try DigestAlgorithm.sha256.hash(keys.material.bytes)
        #expect(
            hash
                == octets("d2058fa49ca3a6957f40f93dc337c45ca4d23499d4694f193837a50f9e06f49f"))
        let key = keys.cipherKey(sentBy: .client, count: 16)
        let bytes = key.bytes.withUnsafeBytes { Array($0) }
        #expect(constantTimeEquals(bytes, octets("3f739d7cc7ab9af47c270d274f0b4812")))
    }

    @Test func `without a pre-master there are no keys`() throws {
        let keys = try DataKeys(
            client: source(1, preMaster: false), server: source(2, preMaster: false),
            clientSessionID: SessionID(1), serverSessionID: SessionID(2))
        #expect(keys == nil)
    }

    @Test func `each direction has fields of its own`() {
        let keys = DataKeys(exported: SecretBytes(copying: (0..<256).map { UInt8($0) }))
        func first(_ secret: SecretBytes) -> UInt8 { secret.bytes.bigEndian(at: 0) }
        #expect(first(keys.cipherKey(sentBy: .client, count: 32)) == 0)
        #expect(first(keys.hmacKey(sentBy: .client, count: 8)) == 64)
        #expect(first(keys.cipherKey(sentBy: .server, count: 32)) == 128)
        #expect(first(keys.hmacKey(sentBy: .server, count: 64)) == 192)
    }
}
