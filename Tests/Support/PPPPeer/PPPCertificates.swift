package import OpenSSL

/// Certificates of one authority, and of somebody else, and what TLS makes of them.
package enum PPPCertificates {
    package static let authority = made(.authority, "an authority")
    package static let server = made(.server(names: ["vpn.example"]), "vpn.example", by: authority)
    package static let alice = made(.client, "alice", by: authority)
    package static let mallory = made(.client, "mallory", by: authority)
    package static let former = made(.client, "alice", by: authority, validTo: -3600)
    package static let stranger = made(.client, "alice", by: made(.authority, "somebody else"))

    package static let context = context {
        () throws(OpenSSLError) in
        try TLSContext(
            .server, identity: .init(chain: server.certificate, key: server.key),
            authorities: authority.certificate, verification: .required)
    }

    package static func client(
        _ pair: CertificateMaker.Pair?, trusting trusted: String = authority.certificate,
        _ version: TLSContext.Version = .tls13
    ) -> TLSContext {
        let identity = pair.map { TLSContext.Identity(chain: $0.certificate, key: $0.key) }
        return context {
            () throws(OpenSSLError) in
            try TLSContext(
                .client, identity: identity, authorities: trusted, verification: .required, maximum: version)
        }
    }

    private static func context(_ make: () throws(OpenSSLError) -> TLSContext) -> TLSContext {
        do throws(OpenSSLError) { return try make() } catch { fatalError("\(error)") }
    }

    private static func made(
        _ purpose: CertificateMaker.Purpose, _ name: String, by signer: CertificateMaker.Pair? = nil,
        validTo: Int = 3600
    ) -> CertificateMaker.Pair {
        do throws(OpenSSLError) {
            return try CertificateMaker.make(purpose, commonName: name, signer: signer, validTo: validTo)
        } catch { fatalError("\(error)") }
    }
}
