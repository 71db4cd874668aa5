import IKEPeer
import LabCertificates
import OpenSSL
import Testing
import Wire

@testable import IKEv1
@testable import IPsecCore

/// A router that comes with another certificate for the same name of the same issuer.
@Suite struct RenewedCertificateTests {
    private static func credentials(_ chain: String, _ key: String) throws -> CertificateAuthentication {
        CertificateAuthentication(
            own: try RSAIdentity(chain: Array(chain.utf8), key: Array(key.utf8)),
            authorities: try CertificateAuthorities(
                pem: Array((LabCertificates.authority + "\n" + LabCertificates.renewingAuthority).utf8)))
    }

    private func site() throws -> Site {
        let site = try Site()
        try trust(site)
        return site
    }

    /// To be said to each instance.
    private func trust(_ site: Site) throws {
        site.server.setCertificates(try Self.credentials(LabCertificates.server, LabCertificates.serverKey))
    }

    private func router(
        _ site: Site, _ certificate: String, host: UInt32 = 2, _ seed: UInt64 = 9
    ) throws -> IKEPeer {
        let peer = try site.peer(host, seed: seed) {
            $0.offers = [PhaseOneSuite(.aes256CBC, .sha256, .ecp256, .rsaSignature)]
            $0.certificates = try? Self.credentials(certificate, LabCertificates.peerKey)
            $0.identity = Identification(.fqdn, Array("router.example".utf8))
        }
        try #require(peer.isEstablished && peer.children.count == 1)
        return peer
    }

    @Test(arguments: [false, true])
    func `a router with a renewed certificate is the same peer, and is asked about again`(
        swaps: Bool
    ) throws {
        let site = try site()
        let former = try router(site, LabCertificates.router)
        #expect(site.server.peerCount == 1)
        if swaps {
            try site.swap()
            try trust(site)
        }
        let peer = try router(site, LabCertificates.renewedRouter, 10)
        #expect(site.server.peerCount == 1 && site.server.saCount == 2)
        let opening = "open EtherIP/IPsec AES-256-CBC, SHA256"
        #expect(
            site.events == [
                "authenticate router.example", opening, "close replaced", "authenticate router.example",
                opening,
            ])
        let shown = site.questions.map(\.scope.certificate?.der)
        #expect(shown == [former, peer].map { $0.certificates?.own.certificates.first })
        #expect(shown[0] != shown[1])
        for one in [former, peer] {
            #expect(try site.deliver(EtherIPTests.packet, from: one).1 == EtherIPTests.frame)
        }
    }

    @Test func `new keys by the same certificate ask nobody`() throws {
        let site = try site()
        _ = try router(site, LabCertificates.router)
        _ = try router(site, LabCertificates.router, 10)
        #expect(site.server.peerCount == 1 && site.server.saCount == 2)
        #expect(site.questions.count == 1)
    }

    @Test func `who is refused with a renewed certificate has no place any more`() throws {
        let site = try site()
        _ = try router(site, LabCertificates.router)
        site.refusal = { _ in "the certificate of another" }
        let peer = try router(site, LabCertificates.renewedRouter, 10)
        #expect(site.events.suffix(2) == ["close replaced", "authenticate router.example"])
        #expect(try site.deliver(EtherIPTests.packet, from: peer).0 == .consumed)
    }

    @Test func `a party's certificate travels once, and is shared where it arrives`() throws {
        let site = try site()
        let peer = try router(site, LabCertificates.router)
        for _ in 1...3 { try site.send(peer.startQuickMode(), from: peer) }
        let der = try #require(peer.certificates?.own.certificates.first)
        let record = try #require(site.records().first).1
        #expect(record.indices.count { record[$0...].starts(with: der) } == 1)
        let party = try ArrivingParty(parsing: record) { SplitMix64(seed: 1) }
        let scopes = party.children.values.map(\.agreed.scope) + party.peers.map(\.name.scope)
        let places = scopes.map { $0.certificate?.der.withUnsafeBufferPointer { $0.baseAddress } }
        #expect(scopes.count == 5 && Set(places).count == 1)
    }
}
