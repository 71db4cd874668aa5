/// The 2048-bit key that tls-auth and tls-crypt share with all clients ("OpenVPN Static key V1"): two key
/// sets of 64 octets for a cipher and 64 for HMAC; each algorithm takes from the front what it needs.
public struct StaticKey: Equatable, Sendable {
    public static let length = 256
    /// Octets of a cipher's or HMAC's part of a key set.
    static let partLength = 64

    /// `length` octets.
    public let octets: [UInt8]

    /// Nil unless there are 256 octets.
    public init?(octets: [UInt8]) {
        guard octets.count == Self.length else { return nil }
        self.octets = octets
    }

    public static func generate(from random: inout some RandomNumberGenerator) -> StaticKey {
        StaticKey(octets: (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) })!
    }

    func cipherKey(set: Int, count: Int) -> [UInt8] {
        Array(octets[set * 2 * Self.partLength..<set * 2 * Self.partLength + count])
    }

    func hmacKey(set: Int, count: Int) -> [UInt8] {
        let start = (set * 2 + 1) * Self.partLength
        return Array(octets[start..<start + count])
    }
}

/// Which of the two key sets each side sends with. Both sides of `bidirectional` use the first.
public enum KeyDirection: UInt8, Sendable {
    /// `key-direction 0`, as servers have it.
    case normal
    /// `key-direction 1`, as clients have it.
    case inverse
    case bidirectional

    var sendSet: Int { self == .inverse ? 1 : 0 }
    var receiveSet: Int { self == .normal ? 1 : 0 }
}
