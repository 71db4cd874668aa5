import COpenSSL

/// Who a certificate says that its holder is: a subject, and alternative names (RFC 5280 §4.1.2.6,
/// §4.2.1.6). Whether that is true is for `CertificateAuthorities` to say.
public struct CertificateHolder: Equatable, Sendable {
    /// The certificate, DER.
    public let certificate: [UInt8]
    /// DER; empty where only alternative names say who it is.
    public let subject: [UInt8]
    /// The name of who has signed it, DER.
    public let issuer: [UInt8]
    public private(set) var dnsNames: [[UInt8]] = []
    public private(set) var mailAddresses: [[UInt8]] = []
    /// 4 or 16 octets each.
    public private(set) var addresses: [[UInt8]] = []

    init(_ certificate: OpaquePointer, der: [UInt8]) {
        self.certificate = der
        let name = unsafe X509_get_subject_name(certificate)
        subject = unsafe X509_NAME_entry_count(name) > 0 ? unsafe Self.octets(ofName: name) : []
        issuer = unsafe Self.octets(ofName: X509_get_issuer_name(certificate))
        unsafe readAlternativeNames(certificate)
    }

    /// Whether it is this distinguished name, DER, whatever its capital letters and kinds of strings are.
    public func isSubject(_ name: [UInt8]) -> Bool {
        unsafe subject.withUnsafeBufferPointer { bytes in
            var next = bytes.baseAddress
            guard let own = unsafe d2i_X509_NAME(nil, &next, bytes.count) else { return false }
            defer { unsafe X509_NAME_free(own) }
            return unsafe CertificateSubject.isSameName(name, own)
        }
    }

    /// What it was issued for: nil where that is what IKE does with it.
    static func fault(of certificate: OpaquePointer) -> CertificateRefusal? {
        guard unsafe maySign(certificate) else { return CertificateRefusal("its key is not for signatures") }
        guard unsafe isForIKE(certificate) else {
            return CertificateRefusal("its extended key usage is neither IKE nor client authentication")
        }
        return nil
    }

    /// RFC 4945 §5.1.3.2. All bits where the extension is missing.
    private static func maySign(_ certificate: OpaquePointer) -> Bool {
        let usage = unsafe X509_get_key_usage(certificate)
        return usage & UInt32(KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION) != 0
    }

    /// RFC 4945 §5.1.3.12, and client authentication, which is what most authorities give to clients.
    private static let usages: Set<Int32> = [
        NID_anyExtendedKeyUsage, NID_ipsec_IKE, NID_ipsecEndSystem, NID_ipsecTunnel, NID_ipsecUser,
        NID_client_auth,
    ]

    private static func isForIKE(_ certificate: OpaquePointer) -> Bool {
        guard let found = unsafe X509_get_ext_d2i(certificate, NID_ext_key_usage, nil, nil) else {
            // One that cannot be read is not one that is missing.
            return unsafe X509_get_ext_by_NID(certificate, NID_ext_key_usage, -1) < 0
        }
        let list = OpaquePointer(found)
        defer { unsafe EXTENDED_KEY_USAGE_free(list) }
        return unsafe (0..<polyhub_usage_count(list)).contains { index in
            usages.contains(unsafe OBJ_obj2nid(polyhub_usage(list, index)))
        }
    }

    private mutating func readAlternativeNames(_ certificate: OpaquePointer) {
        guard let found = unsafe X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return }
        let names = OpaquePointer(found)
        defer { unsafe GENERAL_NAMES_free(names) }
        for index in unsafe 0..<polyhub_general_name_count(names) {
            var kind: Int32 = 0
            guard let name = unsafe polyhub_general_name(names, index),
                let value = unsafe GENERAL_NAME_get0_value(name, &kind)
            else { continue }
            switch kind {
            case GEN_DNS: dnsNames.append(unsafe Self.octets(of: value))
            case GEN_EMAIL: mailAddresses.append(unsafe Self.octets(of: value))
            case GEN_IPADD: addresses.append(unsafe Self.octets(of: value))
            case _: break
            }
        }
    }

    private static func octets(of value: UnsafeRawPointer) -> [UInt8] {
        let text = unsafe value.assumingMemoryBound(to: ASN1_STRING.self)
        let count = unsafe Int(ASN1_STRING_length(text))
        return unsafe Array(UnsafeBufferPointer(start: ASN1_STRING_get0_data(text), count: count))
    }

    static func octets(ofName name: OpaquePointer?) -> [UInt8] {
        var start: UnsafePointer<UInt8>?
        var count = 0
        guard unsafe X509_NAME_get0_der(name, &start, &count) == 1 else { return [] }
        return unsafe Array(UnsafeBufferPointer(start: start, count: count))
    }
}
