import MSCHAPv2
import OpenSSL
package import PPP

/// Somebody who knows the accounts: alice's password is "secret".
package struct TestAccounts {
    /// Those whose password can be proved by MS-CHAPv2.
    package var hashes: [String: String] = ["alice": "secret"]

    package init() {}

    package func judge(_ evidence: Evidence) -> AuthenticationVerdict {
        let name = String(decoding: evidence.name, as: UTF8.self)
        switch evidence.proof {
        case .password(let password):
            return String(decoding: password, as: UTF8.self) == "secret" && name == "alice"
                ? .accepted(authenticatorResponse: []) : .refused(.credentials)
        case .chapMD5: return .refused(.method)
        case .certificate(let der):
            return CertificateSubject.commonName(ofDER: der) == name && name == "alice"
                ? .accepted(authenticatorResponse: []) : .refused(.credentials)
        case .msCHAPv2(let challenge, let response):
            guard let password = hashes[name],
                let hash = try? NTHash(ofPassword: SecretBytes(copying: Array(password.utf8))),
                let exchange = MSCHAPv2Exchange(
                    authenticatorChallenge: Array(challenge.prefix(16)),
                    peerChallenge: Array(challenge.suffix(16)), userName: evidence.name)
            else { return .refused(.method) }
            guard (try? exchange.accepts(response, hash)) == true,
                let proof = try? MSCHAPv2Proof(exchange, response, hash)
            else { return .refused(.credentials) }
            return .accepted(authenticatorResponse: proof.authenticatorResponse)
        }
    }
}
