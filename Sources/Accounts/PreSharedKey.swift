import OpenSSL

/// A secret that an IPsec peer has too, as a person writes it.
public struct PreSharedKey: Hashable, Sendable {
    /// Octets: shorter ones are guessed by whoever has listened to a peer.
    public static let lengths = 8...255

    let octets: [UInt8]

    public init(_ text: String) throws(AccountError) {
        let isPrintable = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
        guard Self.lengths.contains(text.utf8.count), isPrintable else {
            throw AccountError(
                .invalid,
                "that is no pre-shared key: \(Self.lengths.lowerBound) to \(Self.lengths.upperBound) octets "
                    + "without control characters are accepted")
        }
        octets = Array(text.utf8)
    }
}

/// A pre-shared key as it is stored: it opens with the key file alone.
public struct SealedKey: Hashable, Sendable {
    let octets: [UInt8]

    init(stored octets: [UInt8]) { self.octets = octets }
}

/// A pre-shared key, and who may use it.
public struct PeerKey: Hashable, Sendable {
    /// What the peer calls itself in phase 1. Nil: the key is a hub's, for peers that no user stands for.
    public let identity: String?
    public let hub: HubName
    public let key: [UInt8]
}
