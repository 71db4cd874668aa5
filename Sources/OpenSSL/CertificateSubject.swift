import COpenSSL

/// Reads who a certificate was issued to.
public enum CertificateSubject {
    /// The last common name of the subject (RFC 5280 §4.1.2.6); nil where there is none or the DER is
    /// malformed.
    public static func commonName(ofDER der: [UInt8]) -> String? {
        unsafe der.withUnsafeBufferPointer { bytes in
            var next = bytes.baseAddress
            guard let certificate = unsafe d2i_X509(nil, &next, bytes.count) else {
                ERR_clear_error()
                return nil
            }
            defer { unsafe X509_free(certificate) }
            let name = unsafe PeerCertificate.commonName(of: X509_get_subject_name(certificate))
            // A name with a zero octet inside would be compared by what stands before it.
            return name.isEmpty || name.utf8.contains(0) ? nil : name
        }
    }

    /// A distinguished name in DER as RFC 2253 writes it, printable ASCII; nil where it is malformed.
    public static func text(ofName der: [UInt8]) -> String? {
        unsafe der.withUnsafeBufferPointer { bytes in
            var next = bytes.baseAddress
            guard let name = unsafe d2i_X509_NAME(nil, &next, bytes.count) else {
                ERR_clear_error()
                return nil
            }
            defer { unsafe X509_NAME_free(name) }
            guard unsafe next == bytes.baseAddress?.advanced(by: bytes.count) else { return nil }
            return unsafe PeerCertificate.text(of: name)
        }
    }

    /// Whether two distinguished names in DER are the same one (RFC 5280 §7.1).
    static func isSameName(_ one: [UInt8], _ other: OpaquePointer?) -> Bool {
        unsafe one.withUnsafeBufferPointer { bytes in
            var next = bytes.baseAddress
            guard let name = unsafe d2i_X509_NAME(nil, &next, bytes.count) else {
                ERR_clear_error()
                return false
            }
            defer { unsafe X509_NAME_free(name) }
            return unsafe next == bytes.baseAddress?.advanced(by: bytes.count)
                && X509_NAME_cmp(name, other) == 0
        }
    }
}
