import OpenSSL

/// What a client shows to add a connection to its session: the lane of the session, and random octets that
/// nobody guesses. It is good for that alone, and for as long as the session lives.
///
///     | lane (1) | random (19) |
public struct SessionKey: Hashable, Sendable {
    public static let length = 20
    public static let maxLanes = 256

    public let octets: [UInt8]

    public init?(_ octets: [UInt8]) {
        guard octets.count == Self.length else { return nil }
        self.octets = octets
    }

    /// `lane` is less than `maxLanes`.
    init(lane: Int, random: inout some RandomNumberGenerator) {
        octets =
            [UInt8(lane)] + (1..<Self.length).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    public var lane: Int { Int(octets[0]) }

    /// By which the session is found: half of the random octets.
    var name: UInt64 { octets[1..<9].reduce(0) { $0 << 8 | UInt64($1) } }

    /// Whether it is the same, in a time that tells nothing about where they differ.
    func matches(_ other: SessionKey) -> Bool { constantTimeEquals(octets, other.octets) }
}
