import COpenSSL

/// Algorithms looked up by name once per process: a look-up by name per use costs more than a short packet.
enum Fetched {
    private nonisolated(unsafe) static let digests = unsafe DigestAlgorithm.allCases.map {
        unsafe EVP_MD_fetch(nil, $0.rawValue, nil)
    }
    private nonisolated(unsafe) static let ciphers = unsafe CipherAlgorithm.allCases.map {
        unsafe EVP_CIPHER_fetch(nil, $0.rawValue, nil)
    }
    private nonisolated(unsafe) static let aeads = unsafe AEADAlgorithm.allCases.map {
        unsafe EVP_CIPHER_fetch(nil, $0.rawValue, nil)
    }
    private nonisolated(unsafe) static let hmacFunction = unsafe EVP_MAC_fetch(nil, "HMAC", nil)
    private nonisolated(unsafe) static let tls1PRFFunction = unsafe EVP_KDF_fetch(nil, "TLS1-PRF", nil)

    static func digest(_ algorithm: DigestAlgorithm) -> OpaquePointer? {
        unsafe DigestAlgorithm.allCases.firstIndex(of: algorithm).flatMap { unsafe digests[$0] }
    }
    static func cipher(_ algorithm: CipherAlgorithm) -> OpaquePointer? {
        unsafe CipherAlgorithm.allCases.firstIndex(of: algorithm).flatMap { unsafe ciphers[$0] }
    }
    static func aead(_ algorithm: AEADAlgorithm) -> OpaquePointer? {
        unsafe AEADAlgorithm.allCases.firstIndex(of: algorithm).flatMap { unsafe aeads[$0] }
    }
    static var hmac: OpaquePointer? { unsafe hmacFunction }
    static var tls1PRF: OpaquePointer? { unsafe tls1PRFFunction }
}
