import OpenSSL

/// A peer's certificate, whose chain was verified. Another one that the same issuer has given to the same
/// subject stands for the same peer: certificates are renewed.
public struct PeerCertificate: Hashable, Sendable {
    public let der: [UInt8]
    /// The names of issuer and subject, DER, one behind the other. A subject may be empty: then an
    /// alternative name is the peer's identity.
    let names: [UInt8]

    init(der: [UInt8], names: [UInt8]) {
        self.der = der
        self.names = names
    }

    init(_ holder: CertificateHolder) {
        self.init(der: holder.certificate, names: holder.issuer + holder.subject)
    }

    public static func == (a: Self, b: Self) -> Bool { a.names == b.names }

    public func hash(into hasher: inout Hasher) { hasher.combine(names) }
}
