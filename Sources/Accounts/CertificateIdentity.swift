/// What of a client's certificate stands for a user: the common name of its subject, once the chain has been
/// verified, or the SHA-256 fingerprint of the whole certificate. Written as the name itself or as `sha256:`
/// and 64 hexadecimal digits, with or without colons between them.
public enum CertificateIdentity: Hashable, Sendable {
    case commonName(String)
    /// 32 bytes.
    case fingerprint([UInt8])

    private static let prefix = "sha256:"

    public init(_ text: String) throws(AccountError) {
        guard text.lowercased().hasPrefix(Self.prefix) else {
            self = .commonName(try UserName(text).description)
            return
        }
        let digits = text.dropFirst(Self.prefix.count).filter { $0 != ":" }
        let bytes = stride(from: 0, to: digits.utf8.count - 1, by: 2).compactMap { offset in
            let start = digits.index(digits.startIndex, offsetBy: offset)
            return digits[start].isHexDigit ? UInt8(digits[start...].prefix(2), radix: 16) : nil
        }
        guard digits.utf8.count == 64, digits.count == 64, bytes.count == 32 else {
            throw AccountError(
                .invalid,
                "\(text.quoted) is not a fingerprint: \"sha256:\" and 64 hexadecimal digits are accepted, "
                    + "or the common name of a certificate")
        }
        self = .fingerprint(bytes)
    }
}

extension CertificateIdentity: CustomStringConvertible {
    public var description: String {
        switch self {
        case .commonName(let name): name
        case .fingerprint(let bytes): Self.prefix + bytes.hexadecimal
        }
    }
}

extension [UInt8] {
    var hexadecimal: String {
        map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

/// A certificate that a client has presented and whose chain the caller has verified.
public struct PresentedCertificate: Hashable, Sendable {
    public var commonName: String?
    /// SHA-256 over the certificate's DER, 32 bytes.
    public var fingerprint: [UInt8]

    public init(commonName: String?, fingerprint: [UInt8]) {
        self.commonName = commonName
        self.fingerprint = fingerprint
    }

    func stands(for identity: CertificateIdentity) -> Bool {
        switch identity {
        case .commonName(let name): commonName == name
        case .fingerprint(let bytes): fingerprint == bytes
        }
    }
}
