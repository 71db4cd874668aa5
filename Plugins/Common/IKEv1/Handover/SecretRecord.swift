import EngineParts
import OpenSSL
public import Wire

/// What travels to another instance of the module: octets, and the secrets apart from them, so that memory
/// which grows leaves no copies of these behind.
public struct SecretRecord {
    public var octets: [UInt8] = []
    private var secrets: [SecretBytes] = []

    public init() {}

    /// Read again by `RecordSecrets.take` in the same order.
    mutating func append(_ secret: SecretBytes) { secrets.append(secret) }

    /// All of it, to be wiped by who gets it.
    public var whole: [UInt8] {
        var whole: [UInt8] = []
        whole.reserveCapacity(8 + octets.count + secrets.reduce(0) { $0 + 4 + $1.count })
        whole.appendCounted(octets)
        whole.appendBigEndian(UInt32(secrets.count))
        for secret in secrets {
            whole.appendBigEndian(UInt32(secret.count))
            for index in 0..<secret.count { whole.append(secret.bytes.bigEndian(at: index, as: UInt8.self)) }
        }
        return whole
    }
}

/// The secrets of a record, to be taken one by one.
public struct RecordSecrets {
    private var secrets: [SecretBytes] = []
    private var taken = 0

    /// What stands behind a record's octets.
    public init(parsing reader: inout ByteReader) throws(WireError) {
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
}
