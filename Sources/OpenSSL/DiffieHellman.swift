import COpenSSL

/// Groups in which two sides agree on a secret. The raw value is IANA's number ("Group Description" of IKE).
public enum DiffieHellmanGroup: UInt16, Sendable, CaseIterable {
    case modp1024 = 2
    case modp1536 = 5
    case modp2048 = 14
    case modp3072 = 15
    case modp4096 = 16
    case modp6144 = 17
    case modp8192 = 18
    case ecp256 = 19
    case ecp384 = 20

    /// Octets of a public value: a number below the prime, or both coordinates of a point.
    public var publicLength: Int {
        switch self {
        case .modp1024: 128
        case .modp1536: 192
        case .modp2048: 256
        case .modp3072: 384
        case .modp4096: 512
        case .modp6144: 768
        case .modp8192: 1024
        case .ecp256: 64
        case .ecp384: 96
        }
    }

    /// OpenSSL's name; nil for groups of numbers.
    fileprivate var curve: String? {
        switch self {
        case .ecp256: "P-256"
        case .ecp384: "P-384"
        case .modp1024, .modp1536, .modp2048, .modp3072, .modp4096, .modp6144, .modp8192: nil
        }
    }

    /// RFC 2409 §6.2, RFC 3526. The caller frees it; nil for curves.
    fileprivate var prime: OpaquePointer? {
        switch self {
        case .modp1024: unsafe BN_get_rfc2409_prime_1024(nil)
        case .modp1536: unsafe BN_get_rfc3526_prime_1536(nil)
        case .modp2048: unsafe BN_get_rfc3526_prime_2048(nil)
        case .modp3072: unsafe BN_get_rfc3526_prime_3072(nil)
        case .modp4096: unsafe BN_get_rfc3526_prime_4096(nil)
        case .modp6144: unsafe BN_get_rfc3526_prime_6144(nil)
        case .modp8192: unsafe BN_get_rfc3526_prime_8192(nil)
        case .ecp256, .ecp384: nil
        }
    }
}

/// One side's key of a Diffie-Hellman exchange, good for one exchange.
public final class DiffieHellmanKey {
    private enum Key: ~Copyable {
        case number(NumberKey)
        case curve(CurveKey)
    }

    public let group: DiffieHellmanGroup
    /// For the peer: `group.publicLength` octets.
    public let publicValue: [UInt8]
    private let key: Key

    public init(_ group: DiffieHellmanGroup) throws(OpenSSLError) {
        self.group = group
        if let curve = group.curve {
            let made = try CurveKey(curve)
            publicValue = try made.publicValue(count: group.publicLength)
            key = .curve(made)
        } else {
            let made = try NumberKey(group)
            publicValue = try made.publicValue(count: group.publicLength)
            key = .number(made)
        }
    }

    /// The secret shared with the peer whose public value this is: as many octets as the prime, or the x
    /// coordinate (RFC 5903 §9). Refuses 0, 1, p-1, what is not below p, and points off the curve.
    public func agree(with peer: [UInt8]) throws(OpenSSLError) -> SecretBytes {
        guard peer.count == group.publicLength else {
            throw OpenSSLError("key agreement", reason: "a public value of another group")
        }
        switch key {
        case .number(let key): return try key.agree(with: peer)
        case .curve(let key): return try key.agree(with: peer)
        }
    }
}

/// An exponent modulo a safe prime, to the base 2.
@safe private struct NumberKey: ~Copyable {
    /// Bits of the secret exponent: twice what the largest group resists (RFC 3526 §8).
    private static let exponentBits: Int32 = 512

    private let prime: OpaquePointer
    private let exponent: OpaquePointer
    private let context: OpaquePointer

    init(_ group: DiffieHellmanGroup) throws(OpenSSLError) {
        guard let prime = unsafe group.prime, let exponent = unsafe BN_secure_new(),
            let context = unsafe BN_CTX_secure_new(),
            unsafe BN_priv_rand(exponent, Self.exponentBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1
        else { throw OpenSSLError(taking: "Diffie-Hellman key") }
        unsafe polyhub_bn_set_constant_time(exponent)
        unsafe self.prime = unsafe prime
        unsafe self.exponent = unsafe exponent
        unsafe self.context = unsafe context
    }

    deinit {
        unsafe BN_free(prime)
        unsafe BN_clear_free(exponent)
        unsafe BN_CTX_free(context)
    }

    func publicValue(count: Int) throws(OpenSSLError) -> [UInt8] {
        guard let base = unsafe BN_new() else { throw OpenSSLError(taking: "Diffie-Hellman") }
        defer { unsafe BN_free(base) }
        var value = [UInt8](repeating: 0, count: count)
        let isDone =
            unsafe BN_set_word(base, 2) == 1
            && value.withUnsafeMutableBufferPointer { value in
                unsafe raise(base, into: value)
            }
        guard isDone else { throw OpenSSLError(taking: "Diffie-Hellman") }
        return value
    }

    func agree(with peer: [UInt8]) throws(OpenSSLError) -> SecretBytes {
        guard let number = unsafe BN_bin2bn(peer, Int32(peer.count), nil) else {
            throw OpenSSLError(taking: "Diffie-Hellman")
        }
        defer { unsafe BN_free(number) }
        guard unsafe isValid(number) else {
            throw OpenSSLError("Diffie-Hellman", reason: "the peer's public value is not in the group")
        }
        return try SecretBytes(count: peer.count) { output throws(OpenSSLError) in
            let isDone = unsafe output.withUnsafeMutableBytes {
                unsafe raise(number, into: $0.bindMemory(to: UInt8.self))
            }
            guard isDone else { throw OpenSSLError(taking: "Diffie-Hellman") }
        }
    }

    /// Strictly between 1 and p-1, RFC 2631 §2.1.5.
    private func isValid(_ number: OpaquePointer) -> Bool {
        guard let last = unsafe BN_dup(prime) else { return false }
        defer { unsafe BN_free(last) }
        return unsafe BN_is_zero(number) == 0 && BN_is_one(number) == 0 && BN_sub_word(last, 1) == 1
            && BN_cmp(number, last) < 0
    }

    private func raise(_ base: OpaquePointer, into output: UnsafeMutableBufferPointer<UInt8>) -> Bool {
        guard let result = unsafe BN_secure_new() else { return false }
        defer { unsafe BN_clear_free(result) }
        return unsafe BN_mod_exp_mont_consttime(result, base, exponent, prime, context, nil) == 1
            && BN_bn2binpad(result, output.baseAddress, Int32(output.count)) == Int32(output.count)
    }
}

/// A key of an elliptic curve. Points travel as both coordinates, without OpenSSL's first octet.
@safe private struct CurveKey: ~Copyable {
    private static let uncompressed: UInt8 = 4

    private let handle: OpaquePointer

    init(_ curve: String) throws(OpenSSLError) {
        guard let key = unsafe polyhub_ec_key_generate(curve) else { throw OpenSSLError(taking: curve) }
        unsafe handle = unsafe key
    }

    deinit { unsafe EVP_PKEY_free(handle) }

    func publicValue(count: Int) throws(OpenSSLError) -> [UInt8] {
        var start: UnsafeMutablePointer<UInt8>?
        let length = unsafe EVP_PKEY_get1_encoded_public_key(handle, &start)
        defer { unsafe CRYPTO_free(start, nil, 0) }
        guard let start = unsafe start, length == count + 1, unsafe start.pointee == Self.uncompressed else {
            throw OpenSSLError(taking: "public point")
        }
        return unsafe Array(UnsafeBufferPointer(start: start + 1, count: count))
    }

    func agree(with peer: [UInt8]) throws(OpenSSLError) -> SecretBytes {
        let point = [Self.uncompressed] + peer
        guard let other = unsafe EVP_PKEY_new() else { throw OpenSSLError(taking: "peer's key") }
        defer { unsafe EVP_PKEY_free(other) }
        guard unsafe EVP_PKEY_copy_parameters(other, handle) == 1,
            unsafe EVP_PKEY_set1_encoded_public_key(other, point, point.count) == 1,
            let context = unsafe EVP_PKEY_CTX_new(handle, nil)
        else { throw OpenSSLError(taking: "peer's public point") }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        guard unsafe EVP_PKEY_derive_init(context) == 1,
            unsafe EVP_PKEY_derive_set_peer(context, other) == 1
        else { throw OpenSSLError(taking: "peer's public point") }
        return try SecretBytes(count: peer.count / 2) { output throws(OpenSSLError) in
            let isDone = unsafe output.withUnsafeMutableBytes { output in
                var length = output.count
                return unsafe EVP_PKEY_derive(context, output.bindMemory(to: UInt8.self).baseAddress, &length)
                    == 1 && length == output.count
            }
            guard isDone else { throw OpenSSLError(taking: "key agreement") }
        }
    }
}
