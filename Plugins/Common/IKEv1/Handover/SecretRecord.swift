import EngineParts
import OpenSSL
public import Wire

/// What travels to another instance of the module: octets, and apart from them the certificates, each once,
/// and the secrets, so that memory which grows leaves no copies of these behind.
public struct SecretRecord {
    public var octets: [UInt8] = []
    private var certificates: [PeerCertificate] = []
    private var secrets: [SecretBytes] = []

    public init() {}

    /// Read again by `RecordSecrets.take` in the same order.
    mutating func append(_ secret: SecretBytes) { secrets.append(secret) }

    /// Its place among the certificates.
    mutating func append(_ certificate: PeerCertificate) {
        let place = certificates.firstIndex { $0.der == certificate.der } ?? certificates.count
        if place == certificates.count { certificates.append(certificate) }
        octets.appendBigEndian(UInt32(place))
    }

    /// All of it, to be wiped by who gets it.
    public var whole: [UInt8] {
        var whole: [UInt8] = []
        whole.reserveCapacity(
            12 + octets.count + certificates.reduce(0) { $0 + 8 + $1.der.count + $1.names.count }
                + secrets.reduce(0) { $0 + 4 + $1.count })
        whole.appendCounted(octets)
        whole.appendBigEndian(UInt32(certificates.count))
        for certificate in certificates {
            whole.appendCounted(certificate.der)
            whole.appendCounted(certificate.names)
        }
        whole.appendBigEndian(UInt32(secrets.count))
        for secret in secrets {
            whole.appendBigEndian(UInt32(secret.count))
            for index in 0..<secret.count { whole.append(secret.bytes.bigEndian(at: index, as: UInt8.self)) }
        }
        return whole
    }
}

/// The secrets of a record, to be taken one by one, and its certificates.
public struct RecordSecrets {
    private var certificates: [PeerCertificate] = []
    private var secrets: [SecretBytes] = []
    private var taken = 0

    /// What stands behind a record's octets.
    public init(parsing reader: inout ByteReader) throws(WireError) {
        for _ in 0..<(try reader.readCount()) {
            certificates.append(
                PeerCertificate(der: try reader.readCounted(), names: try reader.readCounted()))
        }
        for _ in 0..<(try reader.readCount()) {
            var octets = try reader.readCounted()
            defer { wipe(&octets) }
            secrets.append(SecretBytes(copying: octets))
        }
    }

    public var isEmpty: Bool { taken == secrets.count }

    /// `count`: octets that it has to have.
    mutating func take(_ count: Int? = nil) throws(WireError) -> SecretBytes {
        guard taken < secrets.count, count == nil || secrets[taken].count == count else { throw .badLength }
        taken += 1
        return secrets[taken - 1]
    }

    /// The certificate at the place that the octets say; whoever names it shares its memory.
    func certificate(parsing reader: inout ByteReader) throws(WireError) -> PeerCertificate {
        let place = Int(try reader.read(UInt32.self))
        guard place < certificates.count else { throw .badValue }
        return certificates[place]
    }
}
