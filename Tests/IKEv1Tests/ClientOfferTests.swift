import ESP
import OpenSSL
import Testing
import Wire

@testable import IKEv1

/// What clients are documented to offer, what is taken of it, and what is not.
@Suite struct ClientOfferTests {
    struct Client: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Cipher, key length (zero: not said), hash, group: the numbers of RFC 2409 appendix A.
        let phaseOne: [[UInt16]]
        /// Transform id, key length (zero: not said), integrity: the numbers of RFC 2407 §4.5.
        let phaseTwo: [[UInt16]]
        /// As it is, and where weak groups and ciphers are allowed; nil: nothing fits.
        let strong: String?
        let weak: String?
        let esp: String?
    }

    private static let (des, tripleDES, aes): (UInt16, UInt16, UInt16) = (1, 5, 7)
    private static let (md5, sha1, sha256, sha384, sha512): (UInt16, UInt16, UInt16, UInt16, UInt16) =
        (1, 2, 4, 5, 6)

    static let clients = [
        Client(
            testDescription: "Windows",
            phaseOne: [
                [aes, 256, sha1, 20], [aes, 128, sha1, 19], [aes, 256, sha1, 14], [tripleDES, 0, sha1, 14],
                [tripleDES, 0, sha1, 2],
            ],
            phaseTwo: [[12, 256, 2], [12, 128, 2], [3, 0, 2], [2, 0, 2], [11, 0, 2]],
            strong: "AES-256-CBC, SHA1, ecp384", weak: "AES-256-CBC, SHA1, ecp384",
            esp: "AES-256-CBC, SHA1"),
        Client(
            testDescription: "macOS and iOS",
            phaseOne: [sha256, sha1, md5, sha512].map { [aes, 256, $0, 14] }
                + [sha256, sha1, md5].map { [aes, 256, $0, 5] }
                + [sha256, sha1, md5].map { [aes, 256, $0, 2] } + [[aes, 128, sha1, 2]]
                + [sha1, md5].map { [tripleDES, 0, $0, 2] },
            phaseTwo: [[12, 256, 2], [12, 256, 1], [12, 128, 2], [12, 128, 1], [3, 0, 2], [3, 0, 1]],
            strong: "AES-256-CBC, SHA256, modp2048", weak: "AES-256-CBC, SHA256, modp2048",
            esp: "AES-256-CBC, SHA1"),
        Client(
            testDescription: "Android",
            phaseOne: [sha384, sha256, sha512, sha1, md5].map { [aes, 256, $0, 2] }
                + [sha384, sha256, sha512, sha1, md5].map { [aes, 128, $0, 2] }
                + [[tripleDES, 0, sha1, 2], [tripleDES, 0, md5, 2], [des, 0, sha1, 2], [des, 0, md5, 2]],
            phaseTwo: [7, 6, 5, 2, 1].map { [12, 256, $0] } + [7, 6, 5, 2, 1].map { [12, 128, $0] }
                + [[3, 0, 2], [3, 0, 1], [2, 0, 2]],
            strong: nil, weak: "AES-256-CBC, SHA384, modp1024", esp: "AES-256-CBC, SHA512"),
        Client(
            testDescription: "strongSwan",
            phaseOne: [[aes, 128, sha256, 19], [aes, 128, sha256, 14], [aes, 192, sha384, 20]],
            phaseTwo: [[20, 128, 0], [12, 128, 5], [12, 256, 5]], strong: "AES-128-CBC, SHA256, ecp256",
            weak: "AES-128-CBC, SHA256, ecp256", esp: "AES-128-GCM"),
        Client(
            testDescription: "libreswan",
            phaseOne: [14, 5].map { [aes, 256, sha256, $0] } + [14, 5].map { [aes, 256, sha512, $0] }
                + [14, 5].map { [aes, 256, sha1, $0] } + [[aes, 128, sha1, 14], [tripleDES, 0, sha1, 14]],
            phaseTwo: [[12, 128, 2], [12, 256, 2], [3, 0, 2]], strong: "AES-256-CBC, SHA256, modp2048",
            weak: "AES-256-CBC, SHA256, modp2048", esp: "AES-128-CBC, SHA1"),
        Client(
            testDescription: "a Cisco router",
            phaseOne: [[tripleDES, 0, sha1, 2], [des, 0, sha1, 2]], phaseTwo: [[3, 0, 2]],
            strong: nil, weak: "DES-EDE3-CBC, SHA1, modp1024", esp: nil),
    ]

    private func transforms(_ lines: [[UInt16]]) -> [Transform] {
        lines.enumerated().map { index, line in
            var attributes = [
                Attribute(1, line[0]), Attribute(2, line[2]), Attribute(4, line[3]), Attribute(3, 1),
                Attribute(11, 1), Attribute(12, 28_800),
            ]
            if line[1] > 0 { attributes.append(Attribute(14, line[1])) }
            return Transform(number: UInt8(index + 1), id: 1, attributes)
        }
    }

    private func espTransforms(_ lines: [[UInt16]]) -> [Transform] {
        lines.enumerated().map { index, line in
            var attributes = [Attribute(1, 1), Attribute(2, long: 3600), Attribute(4, 4)]
            if line[2] > 0 { attributes.append(Attribute(5, line[2])) }
            if line[1] > 0 { attributes.append(Attribute(6, line[1])) }
            return Transform(number: UInt8(index + 1), id: UInt8(line[0]), attributes)
        }
    }

    @Test(arguments: clients) func `the best of a client's offer is taken`(_ client: Client) throws {
        let offer = try SAPayload(
            parsing: SAPayload([Proposal(number: 1, .isakmp, transforms(client.phaseOne))]).body)
        var policy = PhaseOnePolicy()
        policy.ciphers.insert(.tripleDESCBC)
        #expect(policy.choose(offer)?.suite.name == client.weak)
        policy.ciphers.remove(.tripleDESCBC)
        policy.groups.subtract([.modp1024, .modp1536])
        #expect(policy.choose(offer)?.suite.name == client.strong)
    }

    @Test(arguments: clients, [true, false])
    func `so it is for ESP, in one proposal or in one for each transform`(
        _ client: Client, _ isOne: Bool
    ) throws {
        let transforms = espTransforms(client.phaseTwo)
        let proposals =
            isOne
            ? [Proposal(number: 1, .esp, spi: [1, 2, 3, 4], transforms)]
            : transforms.enumerated().map {
                Proposal(number: UInt8($0 + 1), .esp, spi: [1, 2, 3, 4], [$1])
            }
        let offer = try SAPayload(parsing: SAPayload(proposals).body)
        var policy = PhaseTwoPolicy()
        #expect(policy.choose(offer, isInUDP: true)?.suite.esp.name == client.esp)
        #expect(policy.choose(offer, isInUDP: false) == nil)
        policy.ciphers.insert(.tripleDESCBC)
        let weak = policy.choose(offer, isInUDP: true)?.suite.esp.name
        #expect(weak == client.esp ?? "DES-EDE3-CBC, SHA1")
    }

    @Test func `every cipher, hash and group of phase 1 is taken that is ours`() throws {
        var count = 0
        for cipher in [CipherAlgorithm.aes128CBC, .aes192CBC, .aes256CBC] {
            for hash in [DigestAlgorithm.sha1, .sha256, .sha384, .sha512] {
                for group in DiffieHellmanGroup.allCases {
                    let suite = PhaseOneSuite(cipher, hash, group)
                    let offer = SAPayload([
                        Proposal(number: 1, .isakmp, [suite.transform(number: 1, lifetime: .seconds(60))])
                    ])
                    #expect(PhaseOnePolicy().choose(try SAPayload(parsing: offer.body))?.suite == suite)
                    count += 1
                }
            }
        }
        #expect(Set(DiffieHellmanGroup.allCases.map(\.rawValue)) == [2, 5, 14, 15, 16, 17, 18, 19, 20])
        #expect(count == 108)
    }

    @Test func `3DES protects both phases where it is allowed`() throws {
        let site = try Site {
            $0.phaseOne.ciphers.insert(.tripleDESCBC)
            $0.phaseTwo.ciphers.insert(.tripleDESCBC)
        }
        let peer = try site.connected {
            $0.offers = [PhaseOneSuite(.tripleDESCBC, .sha1, .modp1024)]
            $0.suite = PhaseTwoSuite(
                .cbc(.tripleDESCBC, .sha1), EncapsulationMode(isTunnel: false, isInUDP: false))
        }
        let (ours, theirs) = (try #require(site.installed.first), try #require(peer.children.first))
        #expect(octets(ours.inboundKeys) == octets(theirs.outboundKeys) && ours.inboundKeys.count == 44)
        #expect(site.active == [ours.spi])
        let refused = try Site().connected { $0.offers = [PhaseOneSuite(.tripleDESCBC, .sha1, .modp1024)] }
        #expect(!refused.isEstablished)
    }
}
