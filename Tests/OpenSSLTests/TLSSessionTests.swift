import OpenSSL
import Testing

@Suite struct TLSSessionTests {
    private static let authority = try! CertificateMaker.make(
        .authority, commonName: "test authority", signer: nil, validTo: 3600)
    private static let stranger = try! CertificateMaker.make(
        .authority, commonName: "another authority", signer: nil, validTo: 3600)
    private static let identity = issued(.server(names: ["vpn.example"]), signer: authority)
    private static let client = issued(.client, signer: authority)
    private static let other = issued(.client, signer: stranger)
    private static let expired = issued(.client, signer: authority, validTo: -60)

    private static func issued(
        _ purpose: CertificateMaker.Purpose, signer: CertificateMaker.Pair, validTo: Int = 3600
    ) -> TLSContext.Identity {
        let pair = try! CertificateMaker.make(
            purpose, commonName: "polyhub test", signer: signer, validTo: validTo)
        return TLSContext.Identity(chain: pair.certificate, key: pair.key)
    }

    /// Carries bytes to and fro until neither side has more to say.
    private func exchange(_ client: TLSSession, _ server: TLSSession) throws -> Bool {
        var isDone = false
        for _ in 0..<10 {
            let clientDone = try client.handshake()
            while client.pendingOutput > 0 { try server.receive(client.takeOutput(upTo: 100)) }
            let serverDone = try server.handshake()
            while server.pendingOutput > 0 { try client.receive(server.takeOutput(upTo: 100)) }
            isDone = clientDone && serverDone
        }
        return isDone
    }

    private func pair(
        client identity: TLSContext.Identity? = nil, authorities: String? = nil
    ) throws -> (client: TLSSession, server: TLSSession) {
        let server = try TLSContext(.server, identity: Self.identity, authorities: authorities)
        let client = try TLSContext(.client, identity: identity, authorities: nil)
        return (try TLSSession(client), try TLSSession(server))
    }

    @Test func `both sides agree, talk and have the same exported keys`() throws {
        let (client, server) = try pair()
        #expect(try exchange(client, server))
        try client.write([1, 2, 3])
        try client.write([4])
        try server.receive(client.takeOutput(upTo: 100_000))
        #expect(try server.read(limit: 100) == [1, 2, 3])
        #expect(try server.read(limit: 100) == [4])
        #expect(try server.read(limit: 100) == nil)
        let ours = try client.exportKeyingMaterial(label: "EXPORTER-test", count: 64)
        let theirs = try server.exportKeyingMaterial(label: "EXPORTER-test", count: 64)
        let other = try server.exportKeyingMaterial(label: "EXPORTER-other", count: 64)
        let areEqual = constantTimeEquals(ours.bytes, theirs.bytes)
        let isOther = constantTimeEquals(ours.bytes, other.bytes)
        #expect(areEqual && !isOther)
        #expect(server.summary.hasPrefix("TLSv1.3 TLS_"))
        #expect(server.peerVerification == .absent)
    }

    @Test func `a record larger than the limit comes in pieces`() throws {
        let (client, server) = try pair()
        #expect(try exchange(client, server))
        try client.write([UInt8](repeating: 5, count: 250))
        try server.receive(client.takeOutput(upTo: 100_000))
        #expect(
            try [server.read(limit: 100), server.read(limit: 100), server.read(limit: 100)].map { $0?.count }
                == [100, 100, 50])
    }

    @Test func `a verified certificate is told`() throws {
        let good = try pair(client: Self.client, authorities: Self.authority.certificate)
        #expect(try exchange(good.client, good.server))
        guard case .verified(let certificate) = good.server.peerVerification else {
            Issue.record("not verified: \(good.server.peerVerification)")
            return
        }
        #expect(certificate.commonName == "polyhub test")
        #expect(certificate.subject == "CN=polyhub test")
    }

    @Test func `an expired certificate and a stranger's are told apart`() throws {
        for (identity, isLate) in [(Self.expired, true), (Self.other, false)] {
            let (client, server) = try pair(client: identity, authorities: Self.authority.certificate)
            #expect(try exchange(client, server))
            guard case .refused(let isExpired, let reason) = server.peerVerification else {
                Issue.record("not refused: \(server.peerVerification)")
                return
            }
            #expect(isExpired == isLate)
            #expect(!reason.isEmpty)
        }
    }

    @Test func `what is not TLS fails with a reason, and leaves an alert to send`() throws {
        let (_, server) = try pair()
        try server.receive(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        #expect(throws: TLSSession.Failure.self) { try server.handshake() }
    }

    @Test func `a changed record ends the session`() throws {
        let (client, server) = try pair()
        #expect(try exchange(client, server))
        try client.write([1, 2, 3])
        var record = client.takeOutput(upTo: 1000)
        record[record.count - 1] ^= 1
        try server.receive(record)
        #expect(throws: TLSSession.Failure.self) { try server.read(limit: 10) }
        #expect(server.pendingOutput > 0)
    }

    @Test func `a closed session says so`() throws {
        let (client, server) = try pair()
        #expect(try exchange(client, server))
        client.close()
        try server.receive(client.takeOutput(upTo: 1000))
        #expect(try server.read(limit: 10) == nil)
        #expect(server.isClosedByPeer)
    }

    @Test func `a certificate without its key, and a text without certificate, are refused`() throws {
        let mixed = TLSContext.Identity(chain: Self.identity.chain, key: Self.other.key)
        #expect(throws: OpenSSLError.self) { try TLSContext(.server, identity: mixed, authorities: nil) }
        let empty = TLSContext.Identity(chain: "nothing", key: Self.identity.key)
        #expect(throws: OpenSSLError.self) { try TLSContext(.server, identity: empty, authorities: nil) }
    }
}
