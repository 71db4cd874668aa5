import OpenSSL
import PPPPeer
import Testing
import Wire

@testable import PPP

@Suite struct EAPTLSLinkTests {
    private typealias Certificates = PPPCertificates

    private func site(
        _ methods: [AuthenticationMethod] = [.eapTLS], wire: PeerNetworkSite.Wire = .init(), seed: UInt64 = 1,
        _ tls: TLSContext? = nil, _ change: (inout SimulatedPeer.Options) -> Void = { _ in }
    ) -> PeerNetworkSite {
        var options = SimulatedPeer.Options()
        options.tls = tls
        change(&options)
        let configuration = Link.Configuration(
            methods: methods, serverName: Array("polyhub".utf8), tls: Certificates.context)
        let site = PeerNetworkSite(configuration, options, wire: wire, seed: seed)
        site.start()
        return site
    }

    private func eap(_ site: PeerNetworkSite) -> [String] {
        site.transcript.filter { $0.contains("EAP") || $0 == "authenticated" || $0.hasPrefix("ended") }
    }

    @Test func `a peer with a certificate joins the network by TLS 1-3`() {
        // Its signature is now longer, now shorter, and its answer about as long as a fragment by default.
        let site = site([.eapTLS], Certificates.client(Certificates.alice)) { $0.fragment = 1300 }
        #expect(site.run { site.peer.isUp && site.link.isNetworkUp })
        #expect(
            eap(site) == [
                "<-- EAP Request Identity", "EAP Response Identity -->",
                "<-- EAP Request TLS start", "EAP Response TLS data -->",
                "<-- EAP Request TLS data more", "EAP Response TLS -->",
                "<-- EAP Request TLS data", "EAP Response TLS data -->",
                "<-- EAP Request TLS data", "EAP Response TLS -->",
                "<-- EAP Success", "authenticated",
            ])
        #expect(site.evidence.map(\.loggedName) == ["alice"])
        #expect(site.link.masterSessionKey == nil, "keys are kept no longer than they are needed")
    }

    @Test func `a peer with a certificate joins the network by TLS 1-2, in small fragments`() {
        let site = site([.eapTLS], Certificates.client(Certificates.alice, .tls12)) { $0.fragment = 300 }
        #expect(site.run { site.peer.isUp && site.link.isNetworkUp })
        let said = eap(site)
        #expect(said.contains("EAP Response TLS data more -->"))
        #expect(
            said.suffix(4) == [
                "<-- EAP Request TLS data", "EAP Response TLS -->", "<-- EAP Success", "authenticated",
            ])
    }

    @Test(arguments: 1...20) func `EAP-TLS comes to its end on a bad wire`(seed: UInt64) {
        let wire = PeerNetworkSite.Wire(loss: 0.1, duplication: 0.1, milliseconds: 5...400)
        let site = site(
            [.eapTLS], wire: wire, seed: seed,
            Certificates.client(Certificates.alice, seed % 2 == 0 ? .tls12 : .tls13))
        #expect(site.run(for: 300) { site.peer.isUp && site.link.isNetworkUp || site.end != nil })
        #expect(site.end == nil, "\(site.transcript)")
    }

    @Test(
        arguments: [
            (PPPCertificates.former, "certificate has expired"),
            (PPPCertificates.stranger, "unable to get local issuer certificate"),
            (PPPCertificates.server, "certificate purpose"),
            (nil, "peer did not return a certificate"),
        ] as [(CertificateMaker.Pair?, String)], [TLSContext.Version.tls12, .tls13])
    func `a certificate that is not good is refused, and the end says why`(
        shown: (CertificateMaker.Pair?, String), version: TLSContext.Version
    ) {
        let site = site([.eapTLS, .eapMSCHAPv2, .pap], Certificates.client(shown.0, version))
        #expect(site.run { site.end != nil })
        #expect(site.end?.cause == .authentication)
        let sentence = site.end?.sentence ?? ""
        #expect(sentence.contains("TLS with alice failed") && sentence.contains(shown.1), "\(sentence)")
        #expect(eap(site).contains("<-- EAP Failure"))
        #expect(site.evidence.isEmpty, "nobody judges what was not verified")
    }

    @Test func `a certificate of somebody else is refused by those who know`() {
        let site = site([.eapTLS, .eapMSCHAPv2], Certificates.client(Certificates.mallory))
        #expect(site.run { site.end != nil })
        #expect(site.end?.cause == .authentication)
        #expect(site.evidence.count == 1)
        #expect(eap(site).suffix(2).first == "<-- EAP Failure")
        #expect(site.peer.isUp == false)
    }

    @Test func `a peer that does not trust the server ends it`() {
        let other = Certificates.stranger.certificate
        let site = site([.eapTLS], Certificates.client(Certificates.alice, trusting: other))
        #expect(site.run { site.end != nil })
        #expect(site.end?.sentence.contains("alert unknown ca") == true, "\(site.end as Any)")
    }

    @Test(arguments: [
        ("", "alice"), ("@OFFICE", "alice@OFFICE"), ("alice@OFFICE", "alice@OFFICE"), ("bob", "bob"),
    ]) func `a name that is hidden is the certificate's`(name: String, judged: String) {
        let site = site([.eapTLS], Certificates.client(Certificates.alice)) { $0.name = name }
        #expect(site.run { !site.evidence.isEmpty })
        #expect(site.evidence.first?.loggedName == judged)
        guard case .certificate(let der) = site.evidence.first?.proof else {
            Issue.record("no certificate")
            return
        }
        #expect(CertificateSubject.commonName(ofDER: der) == "alice")
    }

    @Test func `a peer without a certificate is asked by EAP-MSCHAPv2`() {
        let site = site([.eapTLS, .eapMSCHAPv2, .msCHAPv2])
        #expect(site.run { site.peer.isUp })
        #expect(
            Array(eap(site).prefix(6)) == [
                "<-- EAP Request Identity", "EAP Response Identity -->",
                "<-- EAP Request TLS start", "EAP Response Nak -->",
                "<-- EAP Request MSCHAPv2 1", "EAP Response MSCHAPv2 2 -->",
            ])
    }

    @Test func `where EAP has nothing else, LCP has`() {
        let site = site([.eapTLS, .msCHAPv2])
        #expect(site.run { site.peer.isUp })
        #expect(site.transcript.contains("CHAP Response -->"))
    }

    @Test func `where nothing is left, nobody is let in`() {
        let site = site([.eapTLS])
        #expect(site.run { site.end != nil })
        #expect(site.end?.cause == .authentication)
    }

    @Test func `a peer that knows no EAP is asked no second time for it`() {
        let site = site([.eapTLS, .eapMSCHAPv2, .msCHAPv2, .pap]) { $0.accepts = [.pap] }
        #expect(site.run { site.peer.isUp })
        #expect(site.transcript.filter { $0 == "LCP Nak pap -->" }.count == 1, "\(site.transcript)")
    }

    @Test func `a peer that is slow for ever has a minute`() throws {
        let site = site([.eapTLS], Certificates.client(Certificates.alice))
        // The first answer, and then nothing but one that says it is not all.
        #expect(site.run { site.transcript.contains("<-- EAP Request TLS start") })
        let begun = site.now
        var link = site.link
        var now = begun
        var identifier = try #require(link.authenticator).identifier
        var isFirst = true
        while link.phase != .ended, now < begun + .seconds(300) {
            let packet = EAPTLSPacket(hasMore: true, messageLength: isFirst ? 9999 : nil, data: [1])
            isFirst = false
            let response = EAPPacket(.response, identifier, .tls, packet.octets)
            try link.receive(PPPHeader.frame(.eap, response.octets).span.bytes, at: now)
            while link.nextOutput() != nil {}
            identifier &+= 1
            now = now + .milliseconds(2900)
            link.handleTimeout(at: now)
        }
        #expect(link.phase == .ended)
        #expect(now <= begun + .seconds(66))
    }

    @Test func `how long the judge takes is not taken off the peer's minute`() {
        let site = site([.eapTLS], Certificates.client(Certificates.alice))
        site.judgeTakes = 90_000
        #expect(site.run(for: 200) { site.peer.isUp }, "\(site.transcript)")
        #expect(site.end == nil)
    }

    @Test(arguments: [[0x80], [0x80, 0xff, 0xff, 0xff, 0xff], [0x40, 1, 2, 3], []] as [[UInt8]])
    func `an answer that is none ends it with a failure`(data: [UInt8]) throws {
        let site = site([.eapTLS, .pap], Certificates.client(Certificates.alice))
        #expect(site.run { site.transcript.contains("<-- EAP Request TLS start") })
        var link = site.link
        let response = EAPPacket(.response, try #require(link.authenticator).identifier, .tls, data)
        try link.receive(PPPHeader.frame(.eap, response.octets).span.bytes, at: site.now)
        #expect(link.phase == .ended)
        let failure = link.nextOutput()
        #expect(failure == .send(PPPHeader.frame(.eap, EAPPacket(.failure, response.identifier).octets)))
    }

    @Test func `a peer that has begun with TLS stays with it`() throws {
        let site = site([.eapTLS, .eapMSCHAPv2], Certificates.client(Certificates.alice))
        #expect(site.run { site.transcript.contains("<-- EAP Request TLS data more") })
        var link = site.link
        while link.nextOutput() != nil {}
        let identifier = try #require(link.authenticator).identifier
        let nak = EAPPacket(.response, identifier, .nak, [EAPPacket.Method.msCHAPv2.rawValue])
        try link.receive(PPPHeader.frame(.eap, nak.octets).span.bytes, at: site.now)
        #expect(link.nextOutput() == nil)
        #expect(link.phase == .authenticate)
    }
}
