import OpenSSL
import Wire

/// The key material of one ESP SA, RFC 2409 §5.5.
enum QuickModeKeys {
    /// `spi`: of the side that receives. `secret`: with perfect forward secrecy.
    static func material(
        _ keys: PhaseOneKeys, spi: UInt32, nonces: [UInt8], secret: SecretBytes?, count: Int
    ) throws(OpenSSLError) -> SecretBytes {
        var seed: [UInt8] = []
        defer { wipe(&seed) }
        seed.reserveCapacity((secret?.count ?? 0) + 5 + nonces.count)
        if let secret { seed += Array(copying: secret.bytes) }
        seed.append(ProtocolID.esp.rawValue)
        seed.appendBigEndian(spi)
        seed += nonces
        return try keyStream(
            keys.suite.hash, keys.derivation.bytes, count: count, seed: seed, repeatsSeed: true)
    }
}
