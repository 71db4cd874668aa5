import OpenSSL
import Testing

@testable import OpenVPNCore

/// Packets of OpenVPN 2.6.14 on both sides, caught between them; the keys are from its log (`verb 7`).
@Suite struct CapturedPacketTests {
    private struct Session {
        let suite: DataCipherSuite
        var framing = CompressionFraming.none
        /// Cipher key, HMAC key.
        let client: (String, String)
        let server: (String, String)

        func channel(_ role: DataKeys.Role) throws -> DataChannel {
            let fields = [client.0, client.1, server.0, server.1].map { octets($0) }
            let material = fields.flatMap { $0 + [UInt8](repeating: 0, count: 64 - $0.count) }
            let channel = DataChannel(role: role, peerID: 0, framing: framing)
            let keys = DataKeys(exported: SecretBytes(copying: material))
            try channel.install(keys, suite, as: KeyID(0))
            return channel
        }
    }

    private func open(_ packet: String, _ channel: DataChannel) -> (Opened, [UInt8]) {
        let lent = LentPacket(octets(packet))
        let outcome = channel.open(&lent.slice)
        #expect(lent.isIntact)
        return (outcome, lent.bytes)
    }

    @Test func `AES-256-CBC with SHA256: pings both ways`() throws {
        let session = Session(
            suite: DataCipherSuite(.aes256CBC, authentication: .sha256),
            client: (
                "a2539afd f00c6165 9efd77ee f985687f 5cb174b5 fb2a3dc9 2fab37cc 32eccd89",
                "f7b0363f d4183c59 a0de0e6d 7f40804f c26d9ce1 71ab9333 a935e23b 018e9d4b"
            ),
            server: (
                "4ac37375 8e05df17 7589a654 36d8ae92 41ff950f a6875eb5 076ad64d cf695c9f",
                "01a036e6 14acf6f6 4d0bcb45 94e1233a 0e5546e8 8881d697 072e9587 892f2484"
            ))
        let client = try session.channel(.client)
        let server = try session.channel(.server)
        let fromServer = """
            480000000261d9c757ac96ffaac22966a0f543e66a15d5ee20363b87e0c9e45f22aa358caf7467f61b5e57c7b6caac7f
            000b6eaaa590dcb3382b43257427d71c0745b7db32b8cba211c2ab3a7dd841d15c9c3e97
            """
        #expect(open(fromServer, client).0 == .ping)
        #expect(open(fromServer, client).0 == .dropped(.replayed))
        let fromClient = """
            48000000dab5ccf4c406d218d3e98a53e379cadd5a0c7cbb80c09c1429217d11eb8777dc0cf803367006713e49656905
            1d9fa755db61c36400b9a8fde957728da6dca37ad97a56aa16e8e82c12c06a5d2b6ca908
            """
        #expect(open(fromClient, server).0 == .ping)
    }

    @Test func `AES-128-CBC with SHA1 and comp-lzo no: a router solicitation and pings`() throws {
        let session = Session(
            suite: DataCipherSuite(.aes128CBC), framing: .stub,
            client: (
                "24d07f2a 0722e895 0204ad21 6c409039", "8a37f1a7 1fef197c 672f9f86 3e244e80 902ec950"
            ),
            server: (
                "3d8f613c 3194abc3 585f4f70 64a74e69", "81ead4af 882b9b85 d36782da f9601383 30db672d"
            ))
        let client = try session.channel(.client)
        let server = try session.channel(.server)
        let (outcome, packet) = open(
            """
            4800000005d693f5d6a5b240648cb3a035f12472695255bc3c3a40124bc560ce8e225f088e8befb7a8403aac6e214822
            e8f000421bc8dc631bd69ecf88f97cf49ea8762c04f8890ba9e57a2b4f40cb001497738d58b928b15604a1086dc6e39d
            8e1d88afbe01a25d
            """, server)
        #expect(outcome == .payload)
        #expect(packet.count == 48)
        #expect(packet[0] >> 4 == 6 && packet[6] == 58, "IPv6, ICMPv6")
        #expect(packet[40] == 133, "router solicitation")
        #expect(
            open(
                """
                4800000001b812f51b527096b41b56ea354b7fd262f15dfae2e1d946ddfe6715b484709254efe29870744e8267f2
                de2553be61cb5f124e7c58cdf0049fc2726ebb921e57ed44e11b
                """, server
            ).0 == .ping)
        #expect(
            open(
                """
                480000005bec8475c470f23a3bea93e418ca706798d52a26fc174356008b780e8f700af4967a26a60f33854912f5
                cd1e9b46f709e0522d1118943c76ff7ecbaf0f35c9086ae79261
                """, client
            ).0 == .ping)
    }

    @Test func `AES-128-CBC with SHA1 and compress stub: pings with the first octet at the end`() throws {
        let session = Session(
            suite: DataCipherSuite(.aes128CBC), framing: .stubSwapped,
            client: (
                "0b403f50 93612d2a 02228c24 6c1e59e9", "d08e42f5 841ea1c0 d14a1326 77c799b1 0a2eb8c5"
            ),
            server: (
                "ed0fd1f2 988b57dc cbf274ab 1b2b5b90", "94af4095 11dbda8a 9382539f 8d59ebf6 431f0ff8"
            ))
        let fromServer = """
            4800000076de6477fcaaa4c308ee6c73ad95b3ae99ebe965007d607595cb1a674629ba867cf2f03403a7740992fa611f7e
            ae9a5f4ee03dd69f3053043263a647ad022931ba0f43ab
            """
        #expect(open(fromServer, try session.channel(.client)).0 == .ping)
        let fromClient = """
            48000000ae43a4370ddf06802459f71f00e91d96f7deaab190a9853ca9cf004c59a87fb14f1a58179811dd9a114b8e3b3a
            269c84cabb3360849f030cc24f0502591486d8dadc27dd
            """
        #expect(open(fromClient, try session.channel(.server)).0 == .ping)
    }
}
