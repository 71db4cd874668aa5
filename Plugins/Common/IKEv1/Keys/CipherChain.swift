import OpenSSL
import Wire

/// The encryption of one exchange: the last block of each message is the IV of the next one, whoever sends
/// it. RFC 2409 appendix B.
struct CipherChain: Sendable {
    private let algorithm: CipherAlgorithm
    private let key: SecretBytes
    private(set) var iv: [UInt8]

    init(_ keys: PhaseOneKeys, iv: [UInt8]) {
        algorithm = keys.suite.cipher
        key = keys.cipherKey
        self.iv = iv
    }

    mutating func encrypt(_ body: [UInt8]) throws(OpenSSLError) -> [UInt8] {
        var padded = body
        padded.appendZeros(-body.count & (algorithm.blockLength - 1))
        let context = try CipherContext(algorithm, key: key.bytes, .encrypt, isPadded: false)
        let octets = try context.process(padded, iv: iv)
        iv = Array(octets.suffix(algorithm.blockLength))
        return octets
    }

    /// Changes nothing: whether the message is the peer's is seen by what it says. Then `advance`.
    func decrypt(_ body: [UInt8]) -> [UInt8]? {
        guard !body.isEmpty, body.count.isMultiple(of: algorithm.blockLength),
            let context = try? CipherContext(algorithm, key: key.bytes, .decrypt, isPadded: false)
        else { return nil }
        return try? context.process(body, iv: iv)
    }

    mutating func advance(past body: [UInt8]) { iv = Array(body.suffix(algorithm.blockLength)) }
}
