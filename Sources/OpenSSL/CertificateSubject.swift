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
}
