public import OpenSSL
import Wire

/// What IKE needs for proofs by RSA signature, RFC 2409 §5.1: our own certificate, and who may sign those of
/// peers.
public struct CertificateAuthentication: Sendable {
    let own: RSAIdentity
    let authorities: CertificateAuthorities

    public init(own: RSAIdentity, authorities: CertificateAuthorities) {
        self.own = own
        self.authorities = authorities
    }

    /// Our subject, or the first alternative name of a certificate that has none. RFC 4945 §3.1: it is in the
    /// certificate.
    var identity: Identification {
        guard own.holder.subject.isEmpty, let name = own.holder.dnsNames.first else {
            return Identification(.distinguishedName, own.holder.subject)
        }
        return Identification(.fqdn, name)
    }

    /// What authorities we believe: RFC 4945 §3.2.
    var requests: [Payload] {
        authorities.names.map {
            Payload(.certificateRequest, CertificatePayload(.x509Signature, $0).body)
        }
    }

    /// Our certificates, and the signature of HASH_R.
    func proof(of hash: [UInt8]) throws(OpenSSLError) -> [Payload] {
        let certificates = own.certificates.map {
            Payload(.certificate, CertificatePayload(.x509Signature, $0).body)
        }
        return certificates + [Payload(.signature, try own.sign(hash: hash))]
    }
}

/// A peer's signature in the place of HASH_I, and its certificates: RFC 4945 §3.3. Lists of revoked ones, and
/// encodings that nobody has to read, are passed over.
struct SignatureProof {
    static let maxCertificates = 5

    let signature: [UInt8]
    /// DER; the first one is of the key that signs.
    let certificates: [[UInt8]]
    private let hasOtherEncoding: Bool

    init(_ payloads: [Payload]) throws(WireError) {
        signature = try payloads.only(.signature)
        var all: [CertificatePayload] = []
        for body in payloads.all(.certificate) { all.append(try CertificatePayload(parsing: body)) }
        certificates = all.filter { $0.encoding == .x509Signature }.map(\.data)
        guard certificates.count <= Self.maxCertificates else { throw .tooDeep }
        hasOtherEncoding = all.contains { $0.encoding == .pkcs7 }
    }

    /// Who the peer is, if it is who it says. Cheap questions come first; all of them are asked before we
    /// sign anything in main mode.
    func judge(
        _ claimed: Identification, hash: [UInt8], _ authorities: CertificateAuthorities
    ) throws(CertificateRefusal) -> (Identification, KeyRing.Scope) {
        guard !certificates.isEmpty else {
            throw CertificateRefusal(
                hasOtherEncoding ? "certificates in PKCS #7 are not read" : "the peer shows no certificate")
        }
        let peer: CertificateHolder
        do throws(CertificateRefusal) {
            peer = try authorities.verify(certificates)
        } catch {
            throw CertificateRefusal("certificate refused: \(error.reason)")
        }
        guard let identity = claimed.confirmed(by: peer) else {
            throw CertificateRefusal("identity \(claimed.text) is not in the certificate")
        }
        guard CertificateSignature.isValidRSA(signature, ofHash: hash, byCertificate: peer.certificate) else {
            throw CertificateRefusal("wrong signature")
        }
        return (identity, KeyRing.Scope(hubs: nil, certificate: PeerCertificate(peer)))
    }
}

extension Identification {
    /// As the certificate spells it; nil: it is not what this identity says. RFC 4945 §3.1: the subject, or
    /// one of the alternative names, whole; no wildcards. Where the peer has its address from is not asked:
    /// it may stand behind a NAT.
    func confirmed(by peer: CertificateHolder) -> Identification? {
        let names: [[UInt8]]
        switch kind {
        case .distinguishedName:
            guard peer.isSubject(data) else { return nil }
            return Identification(kind, peer.subject)
        // Users are found by the text: a name that reads like an identity of another kind is none.
        case .fqdn: names = peer.dnsNames.filter(Self.isHostName)
        case .userFQDN:
            names = peer.mailAddresses.filter { $0.contains(Self.at) && !$0.contains(Self.equals) }
        case .ipv4Address, .ipv6Address: return peer.addresses.contains(data) ? self : nil
        default: return nil
        }
        let wanted = Self.lowercased(data)
        guard let name = names.first(where: { Self.lowercased($0) == wanted }) else { return nil }
        return Identification(kind, name)
    }

    private static let at = UInt8(ascii: "@")
    private static let equals = UInt8(ascii: "=")

    /// Letters, digits, `-`, `_` and dots, and in the last label a letter: no address, no distinguished name.
    private static func isHostName(_ name: [UInt8]) -> Bool {
        let isLetter = { (octet: UInt8) in (0x61...0x7a).contains(octet | 0x20) }
        let label = name.split(separator: UInt8(ascii: ".")).last ?? []
        return label.contains(where: isLetter)
            && name.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || "-_.".utf8.contains($0) }
    }

    private static func lowercased(_ name: [UInt8]) -> [UInt8] {
        name.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
    }
}
