public import OpenSSL
import Wire

/// The 256 octets from which both directions of the data channel take their keys.
///
///     0          64         128        192        256
///     | cipher 0 | hmac 0   | cipher 1 | hmac 1   |
///
/// 0 is what the client encrypts with, 1 what the server encrypts with. A cipher takes the front of its
/// field. With an AEAD cipher the front of the hmac field is the implicit part of the nonce.
public struct DataKeys: Sendable {
    public static let length = 256
    /// The label for `SSL_export_keying_material`; no context.
    public static let exporterLabel = "EXPORTER-OpenVPN-datakeys"
    static let fieldLength = 64

    public enum Role: Sendable { case client, server }

    public let material: SecretBytes

    /// `material`: the output of the TLS exporter, used where both sides agreed on `protocol-flags tls-ekm`.
    public init(exported material: SecretBytes) {
        precondition(material.count == Self.length, "data keys have 256 octets")
        self.material = material
    }

    /// The older derivation, OpenVPN's own, with the pseudo-random function of TLS 1.0. Nil without a
    /// pre-master.
    public init?(
        client: KeySource, server: KeySource, clientSessionID: SessionID, serverSessionID: SessionID
    ) throws(OpenSSLError) {
        guard let preMaster = client.preMaster else { return nil }
        let master = try Self.expand(
            preMaster, "OpenVPN master secret", client.random1, server.random1, sessionIDs: [], count: 48)
        material = try Self.expand(
            master, "OpenVPN key expansion", client.random2, server.random2,
            sessionIDs: [clientSessionID, serverSessionID], count: Self.length)
    }

    private static func expand(
        _ secret: SecretBytes, _ label: String, _ client: SecretBytes, _ server: SecretBytes,
        sessionIDs: [SessionID], count: Int
    ) throws(OpenSSLError) -> SecretBytes {
        var seed = Array(label.utf8)
        seed.reserveCapacity(256)
        for random in [client, server] {
            unsafe random.bytes.withUnsafeBytes { unsafe seed.append(contentsOf: $0) }
        }
        for id in sessionIDs { seed.appendBigEndian(id.rawValue) }
        defer { wipe(&seed) }
        return try tls1PRF(secret: secret.bytes, seed: unsafe seed.span.bytes, count: count)
    }

    func cipherKey(sentBy role: Role, count: Int) -> SecretBytes { field(sentBy: role, at: 0, count: count) }
    func hmacKey(sentBy role: Role, count: Int) -> SecretBytes {
        field(sentBy: role, at: Self.fieldLength, count: count)
    }

    private func field(sentBy role: Role, at offset: Int, count: Int) -> SecretBytes {
        precondition(count <= Self.fieldLength, "a key field has 64 octets")
        let start = (role == .client ? 0 : 2 * Self.fieldLength) + offset
        return SecretBytes(copying: material.bytes.extracting(start..<start + count))
    }
}
