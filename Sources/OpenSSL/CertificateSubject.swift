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
            var name = [CChar](repeating: 0, count: 256)
            let length = unsafe X509_NAME_get_text_by_NID(
                X509_get_subject_name(certificate), NID_commonName, &name, Int32(name.count))
            // A name with a zero octet inside would be compared by what stands before it.
            guard length > 0, !name[..<Int(length)].contains(0) else { return nil }
            return String(decoding: name[..<Int(length)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
