import OpenSSL
import PluginABI
import Testing

@testable import OpenVPNCore

/// An ICMP echo request.
private let echo = octets("4500001c000100004001f9890a0800020a080001 0800f7ff00000000")

/// 256 octets that anyone can compute: octet i is 7i + 3.
private let keys = DataKeys(exported: SecretBytes(copying: (0..<256).map { UInt8(($0 * 7 + 3) & 255) }))

private let suites: [DataCipherSuite] = DataCipher.allCases.flatMap { cipher in
    cipher.isAEAD
        ? [DataCipherSuite(cipher)]
        : [.sha1, .sha256, .sha512].map { DataCipherSuite(cipher, authentication: $0) }
}

private func channel(
    _ suite: DataCipherSuite, _ role: DataKeys.Role, peerID: UInt32? = 5, keyID: UInt8 = 2,
    framing: CompressionFraming = .none, lastPacketID: UInt32 = 0
) throws -> DataChannel {
    let channel = DataChannel(role: role, peerID: peerID, framing: framing)
    channel.install(try DataKeySlot(suite, keys, role: role, lastPacketID: lastPacketID), as: KeyID(keyID))
    return channel
}

extension DataChannel {
    fileprivate func sealed(_ payload: [UInt8]) throws -> [UInt8] {
        let packet = LentPacket(payload, headroom: 128, tailroom: 32)
        try #require(seal(&packet.slice) == nil)
        try #require(packet.isIntact)
        return packet.bytes
    }

    fileprivate func opened(_ bytes: [UInt8]) -> (Opened, [UInt8]) {
        let packet = LentPacket(bytes)
        let outcome = open(&packet.slice)
        #expect(packet.isIntact)
        return (outcome, packet.bytes)
    }
}

@Suite struct DataChannelTests {
    /// Computed with Python's `cryptography`, packet id 1, key id 2, peer id 5.
    private static let golden: [(DataCipher, DataKeys.Role, isV2: Bool, String)] = [
        (
            .aes256GCM, .client, false,
            "3200000001603c7ec1f3ddb47043a52d31bfc6a433aa5a4d"
                + "1e96264a28562d56bc24cc616c574fcd1fd5c3b607bf999e53"
        ),
        (
            .aes256GCM, .client, true,
            """
            4a000005000000016a399e552064d5bbeb17baca561eaeed
            aa5a4d1e96264a28562d56bc24cc616c574fcd1fd5c3b607bf999e53
            """
        ),
        (
            .aes256GCM, .server, false,
            "3200000001923372a3d9162bd937aa1d4728148ad42e9a95"
                + "2c4f36fb149cb23a97b906c4008f3571c06ef4459d9c6f850e"
        ),
        (
            .aes256GCM, .server, true,
            """
            4a00000500000001b0ec749c69bcb11642cbacaa9fc35440
            2e9a952c4f36fb149cb23a97b906c4008f3571c06ef4459d9c6f850e
            """
        ),
        (
            .aes192GCM, .server, true,
            """
            4a00000500000001 0236e348395c409eb01ebc9b2e0a9899
            6099724dc2efa4b8a947244861b4d092b515c5c46ceff7be8693b3aa
            """
        ),
        (
            .aes128GCM, .client, true,
            """
            4a000005000000011a9f221d0c1db32589907d41fbbd4e8e
            3a46ea227b0cefe7c06e8f4ed23eef9692e86d87d9021b13e618a2cd
            """
        ),
        (
            .aes128GCM, .server, true,
            """
            4a00000500000001078556205e53d191c779d2900c5dadd7
            0e39f4e2556e36039ca47cc9cec9de390f28f6e8a05a01f11853c149
            """
        ),
        (
            .chaCha20Poly1305, .client, false,
            "3200000001247ebb144320170aed70f9163c30f0055cdf8a"
                + "325f070f815fb9911c44a034775a606a1aac1165ac4505b14a"
        ),
        (
            .chaCha20Poly1305, .server, true,
            """
            4a0000050000000175f4c34524dd7279c7a2833dc0d12187
            5a334a0ec75e68b4326e834e4582ac22641856c1c50ddfcc2d9d58d6
            """
        ),
    ]

    @Test func `AEAD packets are octet for octet those of another implementation`() throws {
        for (cipher, role, isV2, packet) in Self.golden {
            let suite = DataCipherSuite(cipher)
            let sender = try channel(suite, role, peerID: isV2 ? 5 : nil)
            #expect(try sender.sealed(echo) == octets(packet), "\(cipher) \(role)")

            let receiver = try channel(suite, role == .server ? .client : .server)
            let (outcome, bytes) = receiver.opened(octets(packet))
            #expect(outcome == .payload)
            #expect(bytes == echo)
        }
    }

    /// Computed with Python's `cryptography`; the IV is a0...af. From a client.
    private static let goldenCBC: [(DataCipher, DigestAlgorithm, String)] = [
        (
            .aes128CBC, .sha1,
            """
            4a000005a67d3aea6ec25d9a583feefe755940c538e5a46ca0a1a2a3a4a5a6a7a8a9aaabacadaeaf
            6a0fb88c34fc647d4add8ffe24d0ae7985db370589af962f0789ac58eb33c635bb8bfb79653e2e7af364a66d59908e6e
            """
        ),
        (
            .aes128CBC, .sha256,
            """
            4a000005a1179d75d1921f326f344ff81e88b4922a02c139981949fa382c8f608b6bedbc
            a0a1a2a3a4a5a6a7a8a9aaabacadaeaf
            6a0fb88c34fc647d4add8ffe24d0ae7985db370589af962f0789ac58eb33c635bb8bfb79653e2e7af364a66d59908e6e
            """
        ),
        (
            .aes256CBC, .sha1,
            """
            4a0000050d63d96e247f3940dd6db01734805bca99be6021a0a1a2a3a4a5a6a7a8a9aaabacadaeaf
            1b6b6224e3cc0219e49f3f79735bb1b7b7989ce86eac6da1dc55a9b4177f618f0bd2142c47c79026ed0bd2aa867b000a
            """
        ),
        (
            .aes256CBC, .sha512,
            """
            4a0000051b68688d669c940f53afbbb09f70656e9c435db0c85b9c58ff685c32
            24926e713b9dfaee7eb457a9d9b5f3e89ae87f43478102a937ba875a45b23a73c504e064
            a0a1a2a3a4a5a6a7a8a9aaabacadaeaf
            1b6b6224e3cc0219e49f3f79735bb1b7b7989ce86eac6da1dc55a9b4177f618f0bd2142c47c79026ed0bd2aa867b000a
            """
        ),
    ]

    @Test func `CBC packets of another implementation are opened`() throws {
        for (cipher, digest, packet) in Self.goldenCBC {
            let server = try channel(DataCipherSuite(cipher, authentication: digest), .server)
            let (outcome, bytes) = server.opened(octets(packet))
            #expect(outcome == .payload, "\(cipher) \(digest)")
            #expect(bytes == echo)
        }
    }

    @Test(arguments: suites) func `what one side seals the other opens, at every size of the last block`(
        suite: DataCipherSuite
    ) throws {
        for peerID: UInt32? in [nil, 0, 0xff_fffe] {
            for framing: CompressionFraming in [.none, .stub, .stubSwapped, .stubV2] {
                let client = try channel(suite, .client, peerID: peerID, framing: framing)
                let server = try channel(suite, .server, peerID: peerID, framing: framing)
                for count in Array(1...34) + [1400, 1500] {
                    let payload = (0..<count).map { UInt8(truncatingIfNeeded: 0x50 + $0 * 3) }
                    let sizes = DataEncapsulation(
                        suite, isTCP: false, hasPeerID: peerID != nil, framing: framing)
                    let packet = LentPacket(payload, headroom: sizes.headroom, tailroom: sizes.tailroom)
                    #expect(client.seal(&packet.slice) == nil)
                    #expect(packet.isIntact)
                    let link = (count...count + 200).first { sizes.maxPayload(link: $0) >= count }
                    #expect(packet.bytes.count <= link ?? 0)
                    #expect(server.open(&packet.slice) == .payload)
                    #expect(packet.isIntact)
                    #expect(packet.bytes == payload)
                }
            }
        }
    }

    @Test(arguments: suites) func `a packet with any octet changed is refused and changes nothing`(
        suite: DataCipherSuite
    ) throws {
        let client = try channel(suite, .client)
        let server = try channel(suite, .server)
        let packet = try client.sealed(echo)
        // An HMAC does not cover the opcode and the peer id, and ours is looked up by the caller.
        for index in (suite.cipher.isAEAD ? 0 : 4)..<packet.count {
            for bit in [0x01, 0x80] as [UInt8] {
                var forged = packet
                forged[index] ^= bit
                let (outcome, _) = server.opened(forged)
                guard case .dropped = outcome else {
                    Issue.record("octet \(index) is not authenticated")
                    continue
                }
            }
        }
        #expect(server.counters.packetsReceived == 0)
        #expect(server.opened(packet).0 == .payload)
        #expect(server.opened(packet).0 == .dropped(.replayed))
    }

    @Test(arguments: suites) func `every prefix is refused`(suite: DataCipherSuite) throws {
        let packet = try channel(suite, .client).sealed(echo)
        let server = try channel(suite, .server)
        for count in 0..<packet.count {
            let (outcome, _) = server.opened(Array(packet[..<count]))
            #expect(outcome == .dropped(.truncated) || outcome == .dropped(.notAuthentic), "\(count) octets")
        }
        #expect(server.opened(packet).0 == .payload)
    }

    @Test func `other opcodes and keys that are not there are refused`() throws {
        let packet = try channel(DataCipherSuite(.aes256GCM), .client).sealed(echo)
        let server = try channel(DataCipherSuite(.aes256GCM), .server)
        for first in 0...255 as ClosedRange<UInt8> where first != packet[0] {
            let (outcome, _) = server.opened([first] + packet.dropFirst())
            switch (first >> 3, first & 7) {
            case (9, _): #expect(outcome == .dropped(.noKey))
            case (6, 2): #expect(outcome == .dropped(.notAuthentic))
            case (6, _): #expect(outcome == .dropped(.noKey))
            default: #expect(outcome == .dropped(.notData))
            }
        }
    }

    @Test func `the other direction's keys do not open a packet`() throws {
        let sender = try channel(DataCipherSuite(.aes256GCM), .server)
        let packet = try sender.sealed(echo)
        #expect(sender.opened(packet).0 == .dropped(.notAuthentic))
    }

    @Test(arguments: suites) func `a slice without room is refused and keeps its octets`(
        suite: DataCipherSuite
    ) throws {
        let sizes = DataEncapsulation(suite, isTCP: false)
        let client = try channel(suite, .client)
        for (headroom, tailroom) in [(sizes.headroom - 1, 64), (128, sizes.tailroom - 1)] where tailroom >= 0
        {
            let packet = LentPacket(echo, headroom: headroom, tailroom: tailroom)
            #expect(client.seal(&packet.slice) == .noRoom)
            #expect(packet.isIntact)
            #expect(packet.bytes == echo)
        }
        #expect(client.counters[.noRoom] > 0)
        #expect(client.counters.packetsSent == 0)
    }
}

@Suite struct DataChannelPacketIDTests {
    @Test(arguments: suites) func `the last packet id is sent and none after it`(suite: DataCipherSuite)
        throws
    {
        let client = try channel(suite, .client, lastPacketID: .max - 2)
        let server = try channel(suite, .server)
        #expect(server.opened(try client.sealed(echo)).0 == .payload)
        let last = try client.sealed(echo)
        #expect(server.opened(last).0 == .payload)
        #expect(server.opened(last).0 == .dropped(.replayed))
        for _ in 0..<3 {
            let packet = LentPacket(echo, headroom: 128, tailroom: 32)
            #expect(client.seal(&packet.slice) == .exhausted)
            #expect(packet.bytes == echo)
        }
        #expect(client.counters[.exhausted] == 3)
    }

    @Test func `a key that nears the end of its ids asks for another, at either side`() throws {
        let suite = DataCipherSuite(.aes256GCM)
        let client = try channel(
            suite, .client, lastPacketID: DataKeySlot.packetIDsBeforeRenegotiation - 2)
        let server = try channel(suite, .server)
        #expect(server.opened(try client.sealed(echo)).0 == .payload)
        #expect(!client.renegotiationIsDue && !server.renegotiationIsDue)
        #expect(server.opened(try client.sealed(echo)).0 == .payload)
        #expect(client.renegotiationIsDue && server.renegotiationIsDue)

        client.install(try DataKeySlot(suite, keys, role: .client), as: KeyID(3))
        client.send(with: KeyID(3))
        #expect(!client.renegotiationIsDue)
    }

    @Test func `a packet of the wrapped counter is refused`() throws {
        let suite = DataCipherSuite(.aes128CBC)
        // The wrapped counter's first packet carries id 0: seal it by hand from the slot's own id arithmetic.
        let protection = try CBCProtection(.aes128CBC, .sha1, keys, role: .client)
        let packet = LentPacket([UInt8](repeating: 0, count: 4) + echo, headroom: 64, tailroom: 16)
        let length = protection.seal(packet.slice.start, 4 + echo.count)
        #expect(length > 0)
        let start = packet.slice.start - 36
        let bytes = [UInt8(9 << 3 | 2), 0, 0, 5] + UnsafeBufferPointer(start: start, count: 36 + length)
        #expect(try channel(suite, .server).opened(bytes).0 == .dropped(.replayed))
    }
}

@Suite struct DataChannelMessageTests {
    private func exchange(_ payload: [UInt8]) throws -> Opened {
        let suite = DataCipherSuite(.aes256GCM)
        return try channel(suite, .server).opened(try channel(suite, .client).sealed(payload)).0
    }

    @Test func `a ping is told from a payload`() throws {
        #expect(DataMessage.ping == octets("2a187bf3641eb4cb07ed2d0a981fc748"))
        #expect(try exchange(DataMessage.ping) == .ping)
        #expect(try exchange(DataMessage.ping + [0]) == .payload)
        for count in 1..<DataMessage.ping.count {
            #expect(try exchange(Array(DataMessage.ping[..<count])) == .payload)
        }
    }

    @Test func `OCC messages are told from a payload`() throws {
        #expect(DataMessage.occ(.exit) == octets("287f346bd4ef7a812d56b8d3afc5459c06"))
        #expect(try exchange(DataMessage.occ(.exit)) == .occ(.exit))
        #expect(try exchange(DataMessage.occ(.request)) == .occ(.request))
        #expect(try exchange(DataMessage.occ(OCCMessage(rawValue: 99))) == .occ(OCCMessage(rawValue: 99)))
        #expect(try exchange(DataMessage.occ(.exit).dropLast()) == .payload)
    }

    @Test(arguments: [CompressionFraming.stub, .stubSwapped, .stubV2])
    func `a ping travels with the marks of its framing`(framing: CompressionFraming) throws {
        let suite = DataCipherSuite(.aes256GCM)
        let client = try channel(suite, .client, framing: framing)
        let server = try channel(suite, .server, framing: framing)
        #expect(server.opened(try client.sealed(DataMessage.ping)).0 == .ping)
    }

    /// What stands in the packet under each framing, and what comes of it.
    @Test(arguments: [
        (CompressionFraming.none, "66 45 00", Opened.payload, "66 45 00"),
        (.stub, "fa 45 00", .payload, "45 00"),
        (.stub, "fb 00 45", .payload, "45 00"),
        (.stub, "66 45 00", .dropped(.compressed), ""),
        (.stub, "45 00", .dropped(.compressed), ""),
        (.stub, "fa", .dropped(.empty), ""),
        (.stubSwapped, "fb 00 45", .payload, "45 00"),
        (.stubSwapped, "fb", .dropped(.empty), ""),
        (.stubSwapped, "69 45 00", .dropped(.compressed), ""),
        (.stubV2, "45 00", .payload, "45 00"),
        (.stubV2, "50 00 50 01", .payload, "50 01"),
        (.stubV2, "50 01 45 00", .dropped(.compressed), ""),
        (.stubV2, "50 00", .dropped(.empty), ""),
        (.stubV2, "50", .dropped(.truncated), ""),
    ])
    func `compression marks`(
        framing: CompressionFraming, inside: String, outcome: Opened, payload: String
    ) throws {
        let suite = DataCipherSuite(.aes256GCM)
        let packet = try channel(suite, .client).sealed(octets(inside))
        let (result, bytes) = try channel(suite, .server, framing: framing).opened(packet)
        #expect(result == outcome)
        if outcome == .payload { #expect(bytes == octets(payload)) }
    }

    @Test func `stub marks are octet for octet those of OpenVPN`() throws {
        let suite = DataCipherSuite(.aes256GCM)
        for (framing, payload, inside): (CompressionFraming, String, String) in [
            (.stub, "45 00 01", "fa 45 00 01"), (.stubSwapped, "45 00 01", "fb 00 01 45"),
            (.stubV2, "45 00 01", "45 00 01"), (.stubV2, "50 00 01", "50 00 50 00 01"),
        ] {
            let packet = try channel(suite, .client, framing: framing).sealed(octets(payload))
            #expect(try channel(suite, .server).opened(packet).1 == octets(inside))
        }
    }
}

@Suite struct DataChannelKeyTests {
    private let suite = DataCipherSuite(.aes256GCM)

    @Test func `keys of the old and the new generation are both received`() throws {
        let client = try channel(suite, .client, keyID: 0)
        let server = try channel(suite, .server, keyID: 0)
        let early = try client.sealed(echo)
        client.install(try DataKeySlot(suite, keys, role: .client), as: KeyID(1))
        server.install(try DataKeySlot(suite, keys, role: .server), as: KeyID(1))
        client.send(with: KeyID(1))
        let late = try client.sealed(echo)
        #expect(late[0] & 7 == 1)
        #expect(server.opened(late).0 == .payload)
        #expect(server.opened(early).0 == .payload)

        server.remove(KeyID(0))
        #expect(server.opened(try channel(suite, .client, keyID: 0).sealed(echo)).0 == .dropped(.noKey))
    }

    @Test func `without a key nothing is sent or received`() throws {
        let channel = DataChannel(role: .server, peerID: nil)
        let packet = LentPacket(echo, headroom: 64)
        #expect(channel.seal(&packet.slice) == .noKey)
        #expect(channel.opened([9 << 3, 0, 0, 0, 1, 2, 3]).0 == .dropped(.noKey))
        #expect(channel.counters[.noKey] == 2)
    }

    @Test func `a removed key sends no more`() throws {
        let client = try channel(suite, .client, keyID: 1)
        client.remove(KeyID(1))
        let packet = LentPacket(echo, headroom: 64)
        #expect(client.seal(&packet.slice) == .noKey)
    }
}
