import COpenSSL

/// Makes X.509 certificates (RFC 5280) on elliptic-curve keys: an authority, and what it signs.
/// For servers that were given no certificate, and for tests; it keeps no list of what was issued.
public enum CertificateMaker {
    /// A certificate and its key, PEM.
    public struct Pair: Sendable {
        public var certificate: String
        public var key: String

        public init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    public enum Purpose: Sendable {
        case authority
        /// `names` go into the subject alternative names: DNS names and numeric addresses.
        case server(names: [String])
        case client
    }

    /// MBSTRING_UTF8, a macro that Swift does not see.
    private static let mbstringUTF8: Int32 = 0x1000

    /// - Parameters:
    ///   - commonName: of the subject.
    ///   - signer: nil signs with the key itself.
    ///   - validFrom, validTo: seconds from now.
    public static func make(
        _ purpose: Purpose, commonName: String, signer: Pair?, validFrom: Int = -86_400, validTo: Int
    ) throws(OpenSSLError) -> Pair {
        guard let key = unsafe polyhub_ec_key_generate("P-256") else { throw OpenSSLError(taking: "EC key") }
        defer { unsafe EVP_PKEY_free(key) }
        guard let certificate = unsafe X509_new() else { throw OpenSSLError(taking: "certificate") }
        defer { unsafe X509_free(certificate) }
        try unsafe describe(certificate, commonName: commonName, key: key, from: validFrom, to: validTo)
        if let signer {
            let issuer = try unsafe readCertificate(signer.certificate)
            defer { unsafe X509_free(issuer) }
            let issuerKey = try unsafe readKey(signer.key)
            defer { unsafe EVP_PKEY_free(issuerKey) }
            unsafe X509_set_issuer_name(certificate, X509_get_subject_name(issuer))
            try unsafe extend(certificate, for: purpose, issuer: issuer)
            try unsafe sign(certificate, with: issuerKey)
        } else {
            unsafe X509_set_issuer_name(certificate, X509_get_subject_name(certificate))
            try unsafe extend(certificate, for: purpose, issuer: certificate)
            try unsafe sign(certificate, with: key)
        }
        return Pair(
            certificate: try unsafe text("certificate") { unsafe PEM_write_bio_X509($0, certificate) },
            key: try unsafe text("key") { unsafe PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) })
    }

    private static func describe(
        _ certificate: OpaquePointer, commonName: String, key: OpaquePointer, from: Int, to: Int
    ) throws(OpenSSLError) {
        // RFC 5280 §4.1.2.2: positive and unique.
        let serial = UInt64.random(in: 1...UInt64.max >> 1)
        let name = unsafe X509_get_subject_name(certificate)
        let bytes = Array(commonName.utf8)
        let isMade =
            unsafe X509_set_version(certificate, 2) == 1  // v3
            && ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1
            && X509_gmtime_adj(X509_getm_notBefore(certificate), from) != nil
            && X509_gmtime_adj(X509_getm_notAfter(certificate), to) != nil
            && X509_set_pubkey(certificate, key) == 1
            && X509_NAME_add_entry_by_txt(name, "CN", mbstringUTF8, bytes, Int32(bytes.count), -1, 0) == 1
        guard isMade else { throw OpenSSLError(taking: "certificate") }
    }

    private static func extend(
        _ certificate: OpaquePointer, for purpose: Purpose, issuer: OpaquePointer
    ) throws(OpenSSLError) {
        var extensions = [(NID_subject_key_identifier, "hash"), (NID_authority_key_identifier, "keyid")]
        switch purpose {
        case .authority:
            extensions.append((NID_basic_constraints, "critical,CA:TRUE"))
            extensions.append((NID_key_usage, "critical,keyCertSign,cRLSign"))
        case .server(let names):
            extensions.append((NID_basic_constraints, "critical,CA:FALSE"))
            extensions.append((NID_key_usage, "critical,digitalSignature"))
            extensions.append((NID_ext_key_usage, "serverAuth"))
            let alternatives = names.filter(isPlain).map { (isNumeric($0) ? "IP:" : "DNS:") + $0 }
            if !alternatives.isEmpty {
                extensions.append((NID_subject_alt_name, alternatives.joined(separator: ",")))
            }
        case .client:
            extensions.append((NID_basic_constraints, "critical,CA:FALSE"))
            extensions.append((NID_key_usage, "critical,digitalSignature"))
            extensions.append((NID_ext_key_usage, "clientAuth"))
        }
        var context = unsafe X509V3_CTX()
        unsafe X509V3_set_ctx(&context, issuer, certificate, nil, nil, 0)
        for (identifier, value) in extensions {
            guard let made = unsafe X509V3_EXT_conf_nid(nil, &context, identifier, value) else {
                throw OpenSSLError(taking: "certificate extension")
            }
            defer { unsafe X509_EXTENSION_free(made) }
            guard unsafe X509_add_ext(certificate, made, -1) == 1 else {
                throw OpenSSLError(taking: "certificate extension")
            }
        }
    }

    private static func sign(_ certificate: OpaquePointer, with key: OpaquePointer) throws(OpenSSLError) {
        guard unsafe X509_sign(certificate, key, EVP_sha256()) > 0 else {
            throw OpenSSLError(taking: "signature")
        }
    }

    private static func readCertificate(_ pem: String) throws(OpenSSLError) -> OpaquePointer {
        let bio = try MemoryBIO(pem)
        guard let read = unsafe PEM_read_bio_X509(bio.handle, nil, nil, nil) else {
            throw OpenSSLError(taking: "certificate")
        }
        return unsafe read
    }

    private static func readKey(_ pem: String) throws(OpenSSLError) -> OpaquePointer {
        let bio = try MemoryBIO(pem)
        guard let read = unsafe PEM_read_bio_PrivateKey(bio.handle, nil, nil, nil) else {
            throw OpenSSLError(taking: "key")
        }
        return unsafe read
    }

    private static func text(_ what: String, _ write: (OpaquePointer) -> Int32) throws(OpenSSLError) -> String
    {
        guard let bio = unsafe BIO_new(BIO_s_mem()) else { throw OpenSSLError(taking: what) }
        defer { unsafe BIO_free(bio) }
        guard unsafe write(bio) == 1 else { throw OpenSSLError(taking: what) }
        var start: UnsafeMutablePointer<CChar>?
        let length = unsafe polyhub_bio_get_mem_data(bio, &start)
        return unsafe String(decoding: UnsafeRawBufferPointer(start: start, count: length), as: UTF8.self)
    }

    /// Nothing that the extension's own syntax would read as something else.
    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { octet in
                switch octet {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x3a: true
                case _: false
                }
            }
    }

    private static func isNumeric(_ name: String) -> Bool {
        name.contains(":") || name.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2e }
    }
}
