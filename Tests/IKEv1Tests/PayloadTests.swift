import OpenSSL
import Testing
import Wire

@testable import IKEv1

@Suite struct PayloadTests {
    /// A first message: AES-256, SHA-256, group 14, a pre-shared key, 28800 seconds; NAT traversal.
    static let first: [UInt8] =
        [
            0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x10, 2, 0, 0, 0, 0, 0,
            0, 0, 0, 108,
        ] + [13, 0, 0, 60, 0, 0, 0, 1, 0, 0, 0, 1] + [0, 0, 0, 48, 1, 1, 0, 1] + [
            0, 0, 0, 40, 1, 1, 0, 0, 0x80, 1, 0, 7, 0x80, 14, 1, 0, 0x80, 2, 0, 4, 0x80, 4, 0, 14, 0x80, 3, 0,
            1, 0x80, 11, 0, 1, 0, 12, 0, 4, 0, 0, 0x70, 0x80,
        ] + [0, 0, 0, 20] + VendorID.rfc3947.octets

    static func parse(_ octets: [UInt8]) throws -> (ISAKMPHeader, [Payload]) {
        var input = ByteReader(octets.rawSpan)
        let header = try ISAKMPHeader(parsing: &input)
        return (header, try Payload.chain(from: header.nextPayload, in: &input))
    }

    @Test func `a first message is what its octets say, and back`() throws {
        let (header, payloads) = try Self.parse(Self.first)
        #expect(header.cookies == Cookies(initiator: 0x1122_3344_5566_7788, responder: 0))
        #expect(header.exchange == .identityProtection && header.flags == [] && header.messageID == 0)
        #expect(Abilities.of(payloads) == .natTraversal)
        let suite = PhaseOneSuite(.aes256CBC, .sha256, .modp2048)
        let offer = try SAPayload(parsing: payloads.only(.securityAssociation))
        #expect(PhaseOneSuite(offer.proposals[0].transforms[0]) == suite)
        #expect(PhaseOneSuite.lifetime(offer.proposals[0].transforms[0]) == .seconds(28_800))
        var octets: [UInt8] = []
        header.serialize(into: &octets, bodyLength: Payload.serialize(payloads).count)
        #expect(octets + Payload.serialize(payloads) == Self.first)
        #expect(offer.body == payloads[0].body)
        let made = Proposal(
            number: 1, .isakmp, [suite.transform(number: 1, lifetime: .seconds(28_800))])
        #expect(SAPayload([made]).proposals[0].transforms[0].attributes.count == 7)
        #expect(
            PhaseOneSuite(try SAPayload(parsing: SAPayload([made]).body).proposals[0].transforms[0]) == suite)
    }

    @Test func `every prefix of a message is refused`() {
        for count in 0..<Self.first.count {
            #expect(throws: WireError.self) { try Self.parse(Array(Self.first.prefix(count))) }
        }
    }

    @Test func `every lie about a length is refused`() throws {
        // The header's, the SA's, the proposal's, the transform's, the vendor id's.
        for offset in [24, 30, 42, 50, 90] {
            for lie in [0, 1, 3, 5, 27, 109, 200, 0xff] {
                var octets = Self.first
                guard octets[offset == 24 ? 27 : offset + 1] != UInt8(lie) else { continue }
                octets[offset == 24 ? 27 : offset + 1] = UInt8(lie)
                #expect(throws: WireError.self, "\(lie) at \(offset)") {
                    let (_, payloads) = try Self.parse(octets)
                    _ = try SAPayload(parsing: payloads.only(.securityAssociation))
                }
            }
        }
    }

    @Test func `a chain without end is refused`() {
        let payload: [UInt8] = [13, 0, 0, 4]
        let body = Array(repeatElement(payload, count: 1000).joined())
        #expect(throws: WireError.tooDeep) {
            var input = ByteReader(body.rawSpan)
            _ = try Payload.chain(from: .vendorID, in: &input)
        }
    }

    @Test func `a thousand proposals are refused, and what 255 transforms say is read`() throws {
        let transform = Transform(number: 1, id: 1, [Attribute(1, 7)])
        let many = Proposal(number: 1, .isakmp, Array(repeating: transform, count: 255))
        #expect(try SAPayload(parsing: SAPayload([many]).body).proposals[0].transforms.count == 255)
        let one = Proposal(number: 1, .isakmp, [transform])
        #expect(throws: WireError.tooDeep) {
            try SAPayload(parsing: SAPayload(Array(repeating: one, count: 1000)).body)
        }
    }

    @Test func `a count of transforms that is not theirs is refused`() {
        let transform = Transform(number: 1, id: 1, [Attribute(1, 7)])
        var body = SAPayload([Proposal(number: 1, .isakmp, [transform, transform])]).body
        for count in [0, 1, 3, 255] as [UInt8] {
            body[15] = count
            #expect(throws: WireError.self) { try SAPayload(parsing: body) }
        }
    }

    @Test func `attributes are short or long, and never longer than their transform`() throws {
        var input = ByteReader([0, 12, 0, 4, 0, 1, 0x51, 0x80, 0x80, 14, 0, 128].rawSpan)
        #expect(try Attribute(parsing: &input) == Attribute(12, long: 86_400))
        #expect(try Attribute(parsing: &input) == Attribute(14, 128))
        var overrun = ByteReader([0, 12, 0, 5, 0, 1, 0x51, 0x80].rawSpan)
        #expect(throws: WireError.truncated) { try Attribute(parsing: &overrun) }
        #expect(Attribute(12, long: 7).number == 7)
        var empty = ByteReader([0, 12, 0, 0].rawSpan)
        #expect(try Attribute(parsing: &empty).number == nil)
    }

    @Test func `identities have the length of their kind, and one line of text`() throws {
        let address = Identification(.ipv4Address, [192, 0, 2, 9], protocolNumber: 17, port: 1701)
        #expect(address.body == [1, 17, 0x06, 0xa5, 192, 0, 2, 9])
        #expect(try Identification(parsing: address.body) == address)
        #expect(address.text == "192.0.2.9")
        #expect(Identification(.fqdn, Array("site-1.example".utf8)).text == "site-1.example")
        #expect(Identification(.fqdn, Array("a\nb".utf8)).text == "610a62")
        for lie in [[1, 0, 0, 0, 1, 2, 3], [1, 0, 0, 0, 1, 2, 3, 4, 5], [2, 0, 0, 0], [4, 0, 0, 0, 1]] {
            #expect(throws: WireError.self) { try Identification(parsing: lie.map { UInt8($0) }) }
        }
        let long = [11, 0, 0, 0] + [UInt8](repeating: 65, count: Identification.maxLength + 1)
        #expect(throws: WireError.badLength) { try Identification(parsing: long) }
    }

    @Test func `deletions hold as many SPIs as they say`() throws {
        let deletion = Deletion(.esp, [[1, 2, 3, 4], [5, 6, 7, 8]])
        #expect(deletion.body == [0, 0, 0, 1, 3, 4, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8])
        #expect(try Deletion(parsing: deletion.body) == deletion)
        for (offset, lie) in [(5, 0), (5, 3), (5, 8), (7, 1), (7, 3), (6, 255)] as [(Int, UInt8)] {
            var body = deletion.body
            body[offset] = lie
            #expect(throws: WireError.self) { try Deletion(parsing: body) }
        }
    }

    @Test func `vendor ids are the digests of their texts`() throws {
        let texts: [(VendorID, String)] = [
            (.rfc3947, "RFC 3947"), (.draft03, "draft-ietf-ipsec-nat-t-ike-03"),
            (.draft02WithNewline, "draft-ietf-ipsec-nat-t-ike-02\n"),
            (.draft02, "draft-ietf-ipsec-nat-t-ike-02"), (.fragmentation, "FRAGMENTATION"),
        ]
        for (id, text) in texts { #expect(id.octets == (try DigestAlgorithm.md5.hash(Array(text.utf8)))) }
    }
}
