import IKEPeer
import LabCertificates
import OpenSSL
import Testing
import Wire

@testable import IKEv1

/// Proofs by RSA signature, RFC 2409 §5.1.
@Suite struct CertificateTests {
    private static func credentials(
        _ chain: [String], _ key: String, authority: String = LabCertificates.authority
    ) throws -> CertificateAuthentication {
        CertificateAuthentication(
            own: try RSAIdentity(chain: Array(chain.joined(separator: "\n").utf8), key: Array(key.utf8)),
            authorities: try CertificateAuthorities(pem: Array(authority.utf8)))
    }

    private func site(
        _ server: String = LabCertificates.server, _ change: (inout IKEOptions) -> Void = { _ in }
    ) throws -> Site {
        let site = try Site(change)
        site.server.setCertificates(try Self.credentials([server], LabCertificates.serverKey))
        return site
    }

    /// A peer that knows no pre-shared key, with SAs if it got them.
    private func connected(
        _ site: Site, _ chain: [String] = [LabCertificates.peer],
        as identity: Identification = Identification(.fqdn, Array("peer.example".utf8)),
        _ change: (IKEPeer) -> Void = { _ in }
    ) throws -> IKEPeer {
        let peer = site.peer()
        peer.offers = [PhaseOneSuite(.aes256CBC, .sha256, .ecp256, .rsaSignature)]
        peer.preSharedKey = SecretBytes(copying: [0])
        peer.certificates = try Self.credentials(chain, LabCertificates.peerKey)
        peer.identity = identity
        change(peer)
        try site.send(peer.start(), from: peer)
        if peer.isEstablished { try site.send(peer.startQuickMode(), from: peer) }
        return peer
    }

    @Test func `main mode is proved by signatures on both sides`() throws {
        let site = try site()
        let peer = try connected(site)
        #expect(
            peer.transcript == [
                "SA -->", "<-- SA", "KE, Ni -->", "<-- KE, Nr", "IDii, CERT, SIG_I -->",
                "<-- IDir, CERT, SIG_R", "HASH(1), SA, Ni -->", "<-- HASH(2), SA, Nr", "HASH(3) -->",
            ])
        let authorities = try CertificateAuthorities(pem: Array(LabCertificates.authority.utf8))
        #expect(peer.requests == authorities.names)
        let child = try #require(site.installed.first)
        // As the certificate spells it.
        #expect(child.identity.text == "Peer.example")
        #expect(child.scope.hubs == nil)
        #expect(child.scope.certificate?.der == peer.certificates?.own.certificates.first)
        #expect(site.server.malformed == 0 && site.server.unauthentic == 0)
    }

    @Test(arguments: [DigestAlgorithm.sha1, .sha256, .sha384, .sha512])
    func `every hash is signed`(_ hash: DigestAlgorithm) throws {
        let peer = try connected(try site()) {
            $0.offers = [PhaseOneSuite(.aes128CBC, hash, .modp2048, .rsaSignature)]
        }
        #expect(peer.isEstablished && peer.children.count == 1)
    }

    @Test(arguments: [true, false])
    func `so is aggressive mode`(_ encrypts: Bool) throws {
        let site = try site { $0.allowsAggressiveMode = true }
        let peer = site.peer()
        peer.offers = [PhaseOneSuite(.aes256CBC, .sha256, .ecp256, .rsaSignature)]
        peer.certificates = try Self.credentials([LabCertificates.peer], LabCertificates.peerKey)
        peer.encryptsProof = encrypts
        try site.send(peer.startAggressively(), from: peer)
        try site.send(peer.startQuickMode(), from: peer)
        #expect(
            peer.transcript.prefix(3) == [
                "SA, KE, Ni, IDii -->", "<-- SA, KE, Nr, IDir, CERT, SIG_R", "CERT, SIG_I -->",
            ])
        #expect(peer.children.count == 1 && site.installed.first?.scope.certificate != nil)
    }

    @Test func `in aggressive mode a flood makes us sign twenty-five times at once`() throws {
        let site = try site { $0.allowsAggressiveMode = true }
        site.arrives = { isServers, _ in !isServers }
        for host in 1...40 {
            let peer = site.peer(UInt32(host) << 8)
            peer.offers = [PhaseOneSuite(.aes256CBC, .sha256, .ecp256, .rsaSignature)]
            try site.send(peer.startAggressively(), from: peer)
        }
        #expect(site.server.saCount == 25)
    }

    @Test func `each kind of identity is looked for in the certificate`() throws {
        let holder = try CertificateAuthorities(pem: Array(LabCertificates.authority.utf8))
            .verify(CertificateAuthorities.octets(ofPEM: Array(LabCertificates.peer.utf8)))
        let good: [(Identification, String)] = [
            (Identification(.distinguishedName, holder.subject), "CN=peer,O=Lab"),
            (Identification(.fqdn, Array("PEER.EXAMPLE".utf8)), "Peer.example"),
            (Identification(.userFQDN, Array("router@peer.example".utf8)), "router@peer.example"),
            (Identification(.ipv4Address, [198, 51, 100, 2]), "198.51.100.2"),
            (
                Identification(.ipv6Address, [0x20, 1, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [2]),
                "2001:db8::2"
            ),
        ]
        for (identity, text) in good {
            let site = try site()
            let peer = try connected(site, as: identity)
            #expect(peer.isEstablished, "\(text)")
            #expect(site.installed.first?.identity.text == text)
        }
        let bad: [Identification] = [
            Identification(.fqdn, Array("peer".utf8)), Identification(.fqdn, Array(".example".utf8)),
            Identification(.fqdn, Array("*.example".utf8)),
            Identification(.fqdn, Array("peer.example\0".utf8)),
            Identification(.fqdn, Array("router@peer.example".utf8)),
            Identification(.userFQDN, Array("peer.example".utf8)),
            Identification(.userFQDN, Array("root@peer.example".utf8)),
            Identification(.ipv4Address, [198, 51, 100, 3]),
            Identification(.ipv4Subnet, [198, 51, 100, 2, 255, 255, 255, 255]),
            Identification(.ipv6Address, [UInt8](repeating: 0, count: 16)),
            Identification(.distinguishedName, [0x30, 0]),
            Identification(.distinguishedName, Array(holder.subject.dropLast())),
            Identification(.keyID, Array("peer.example".utf8)),
        ]
        for identity in bad {
            let site = try site()
            let peer = try connected(site, as: identity)
            #expect(!peer.isEstablished && peer.transcript.last == "<-- N(24) in clear", "\(identity.text)")
            #expect(site.log.contains { $0.contains("is not in the certificate") }, "\(site.log)")
        }
    }

    @Test func `certificates that nobody should believe are refused, and the log says why`() throws {
        let cases: [([String], String)] = [
            ([LabCertificates.foreign], "unable to get local issuer certificate"),
            ([LabCertificates.foreign, LabCertificates.otherAuthority], "unable to get local issuer"),
            ([LabCertificates.expired], "certificate has expired"),
            ([LabCertificates.forWeb], "extended key usage"),
            ([LabCertificates.forAgreement], "not for signatures"),
            ([LabCertificates.below], "unable to get local issuer certificate"),
        ]
        for (chain, reason) in cases {
            let site = try site()
            let peer = try connected(site, chain)
            #expect(!peer.isEstablished && site.installed.isEmpty)
            #expect(site.log.contains { $0.contains(reason) }, "\(site.log)")
            #expect(site.server.unauthentic == 1)
        }
        #expect(try connected(try site(), [LabCertificates.below, LabCertificates.middle]).isEstablished)
    }

    private func certificate(_ data: [UInt8], _ encoding: UInt8 = 4) -> Payload {
        Payload(.certificate, CertificatePayload(.init(rawValue: encoding), data).body)
    }

    @Test func `proofs that are none are refused`() throws {
        let own = try Self.credentials([LabCertificates.peer], LabCertificates.peerKey)
        let der = own.own.certificates[0]
        let other = try Self.credentials([LabCertificates.server], LabCertificates.serverKey)
        let changes: [(String, ([Payload]) -> [Payload])] = [
            ("no certificate", { Array($0.suffix(1)) }),
            ("PKCS #7", { [self.certificate(der, 1)] + $0.suffix(1) }),
            // A list of revoked ones is passed over.
            ("no certificate", { [self.certificate(der, 7)] + $0.suffix(1) }),
            ("malformed", { [self.certificate(Array(der.dropLast()))] + $0.suffix(1) }),
            ("malformed", { [self.certificate([])] + $0.suffix(1) }),
            ("not in the certificate", { [self.certificate(other.own.certificates[0])] + $0.suffix(1) }),
            ("wrong signature", { Array($0.prefix(1)) + [Payload(.signature, [])] }),
            (
                "wrong signature",
                { Array($0.prefix(1)) + [Payload(.signature, [UInt8](repeating: 0, count: 256))] }
            ),
            ("wrong signature", { $0.prefix(1) + [Payload(.signature, $0[1].body.reversed())] }),
            ("no signature", { Array($0.prefix(1)) }),
            ("no signature", { $0 + $0.suffix(1) }),
            ("no signature", { Array(repeating: $0[0], count: 6) + $0.suffix(1) }),
            ("no signature", { [self.certificate([UInt8](repeating: 0, count: 8193))] + $0.suffix(1) }),
            ("no signature", { [Payload(.certificate, [])] + $0.suffix(1) }),
            ("no signature", { [Payload(.hash, $0[1].body)] }),
        ]
        for (reason, change) in changes {
            let site = try site()
            let peer = try connected(site) { $0.changesProof = change }
            #expect(!peer.isEstablished && site.installed.isEmpty)
            #expect(site.log.contains { $0.contains(reason) }, "\(reason): \(site.log)")
        }
    }

    @Test func `who gets four chances uses no more`() throws {
        let site = try site()
        var sent: [[UInt8]] = []
        site.arrives = { isServers, octets in
            if !isServers { sent.append(octets) }
            return true
        }
        let peer = try connected(site, [LabCertificates.expired])
        var proof = try #require(sent.last)
        for octet in 0..<10 as Range<UInt8> {
            proof[proof.count - 1] ^= octet | 1
            site.server.receive(proof, from: peer.path, at: site.now)
            while site.server.nextOutput() != nil {}
        }
        #expect(site.server.unauthentic == 4)
    }

    @Test func `without authorities nobody shows a certificate, and the log says so`() throws {
        let site = try Site()
        let peer = try connected(site)
        #expect(peer.transcript == ["SA -->", "<-- N(14) in clear"])
        #expect(site.log.contains { $0.contains("no ike-client-ca") })
        site.server.setCertificates(try Self.credentials([LabCertificates.server], LabCertificates.serverKey))
        #expect(try connected(site).isEstablished)
        site.server.setCertificates(nil)
        #expect(try !connected(site).isEstablished)
    }

    @Test func `who has the pre-shared key needs no certificate beside those who have one`() throws {
        let site = try site()
        #expect(try site.connected(9).isEstablished && site.installed.last?.scope.certificate == nil)
        #expect(try connected(site).isEstablished && site.installed.last?.scope.certificate != nil)
    }

    @Test(arguments: [64_221, 65_001, 65_005] as [UInt16])
    func `user authentication behind that of the machine is refused politely`(_ method: UInt16) throws {
        let site = try site()
        let peer = site.peer()
        var transform = PhaseOneSuite(.aes128CBC, .sha1, .modp2048).transform(
            number: 1, lifetime: .seconds(9))
        transform.attributes = transform.attributes.map { $0.type == 3 ? Attribute(3, method) : $0 }
        let offer = SAPayload([Proposal(number: 1, .isakmp, [transform])])
        let header = ISAKMPHeader(Cookies(initiator: 1, responder: 0), .identityProtection)
        try site.send(peer.message([Payload(.securityAssociation, offer.body)], header), from: peer)
        #expect(peer.transcript == ["<-- N(14) in clear"])
        #expect(site.log.contains { $0.contains("XAUTH and hybrid") })
    }

    @Test func `a server whose certificate has no subject says its name`() throws {
        let peer = try connected(try site(LabCertificates.namelessServer))
        #expect(peer.isEstablished)
    }

    /// A proof that comes again is answered again, in fragments where it is long.
    @Test func `long messages travel in fragments`() throws {
        let site = try site()
        let chain = [LabCertificates.server, LabCertificates.middle, LabCertificates.below]
        site.server.setCertificates(try Self.credentials(chain, LabCertificates.serverKey))
        var (sizes, last): ([Int], [UInt8]) = ([], [])
        site.arrives = { isServers, octets in
            if isServers { sizes.append(octets.count) } else { last = octets }
            return !isServers || sizes.count < 3
        }
        let peer = try connected(site)
        #expect(sizes.count == 4 && sizes[2] == 1280 && sizes.allSatisfy { $0 <= 1280 })
        site.server.receive(last, from: peer.path, at: site.now)
        var again: [Int] = []
        while let output = site.server.nextOutput() {
            if case .send(let octets, _) = output { again.append(octets.count) }
        }
        #expect(again == Array(sizes.suffix(2)))
    }

    @Test func `a payload of a certificate is its encoding and its octets`() throws {
        #expect(try CertificatePayload(parsing: [4, 1, 2]) == CertificatePayload(.x509Signature, [1, 2]))
        #expect(CertificatePayload(.x509Signature, [1, 2]).body == [4, 1, 2])
        #expect(throws: WireError.self) { try CertificatePayload(parsing: []) }
        #expect(throws: WireError.self) {
            try CertificatePayload(parsing: [UInt8](repeating: 4, count: 8194))
        }
    }
}
