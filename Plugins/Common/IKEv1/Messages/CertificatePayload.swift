public import Wire

/// A certificate, or the authority of those that are asked for: RFC 2408 §3.9 and §3.10.
///
///     | Encoding (1) | octets
public struct CertificatePayload: Equatable, Sendable {
    /// Octets of one.
    static let maxLength = 8192

    public var encoding: Encoding
    /// DER: of a certificate, or of a request the authority's name, empty for any.
    public var data: [UInt8]

    public struct Encoding: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let pkcs7 = Encoding(rawValue: 1)
        public static let x509Signature = Encoding(rawValue: 4)
    }

    public init(_ encoding: Encoding, _ data: [UInt8]) {
        self.encoding = encoding
        self.data = data
    }

    public init(parsing body: [UInt8]) throws(WireError) {
        var input = ByteReader(body.rawSpan)
        encoding = Encoding(rawValue: try input.read(UInt8.self))
        data = input.rest()
        guard data.count <= Self.maxLength else { throw .badLength }
    }

    public var body: [UInt8] { [encoding.rawValue] + data }
}
