public import OpenSSL
public import Wire

/// Makes a server's session id out of what the client sent, so that nothing need be remembered before the
/// client has shown, by echoing it, that it receives at the address it gives: HMAC-SHA256 over the time
/// slot, that address and the client's session id, cut to 64 bits. The key lives as long as the process and
/// is handed over at a module's swap.
public final class SessionCookie {
    /// A cookie is good in its slot and, because clocks tick while packets fly, in both neighbours.
    public static let slot: Duration = .seconds(30)
    public static let keyLength = 32

    /// Handed over at a swap; a secret.
    public let key: [UInt8]
    private let hmac: HMAC

    /// `key`: `keyLength` random octets.
    public init(key: [UInt8]) throws(OpenSSLError) {
        precondition(key.count == Self.keyLength, "a cookie's key has 32 octets")
        self.key = key
        hmac = try HMAC(.sha256, key: key)
    }

    public func sessionID(
        for client: SessionID, at address: TransportAddress, _ now: Instant
    ) throws(OpenSSLError) -> SessionID {
        try sessionID(slot: Self.slotNumber(now), client, address)
    }

    public func isValid(
        _ cookie: SessionID, for client: SessionID, at address: TransportAddress, _ now: Instant
    ) -> Bool {
        let current = Self.slotNumber(now)
        var isValid = false
        for slot in [current &- 1, current, current &+ 1] {
            guard let expected = try? sessionID(slot: slot, client, address) else { return false }
            // Whole words, without a branch: the time tells nothing of how many octets were right.
            isValid = (expected.rawValue ^ cookie.rawValue) == 0 || isValid
        }
        return isValid
    }

    private static func slotNumber(_ now: Instant) -> UInt64 {
        now.nanoseconds / UInt64(slot.components.seconds * 1_000_000_000)
    }

    private func sessionID(
        slot: UInt64, _ client: SessionID, _ address: TransportAddress
    ) throws(OpenSSLError) -> SessionID {
        var text: [UInt8] = []
        text.appendBigEndian(slot)
        text.appendBigEndian(client.rawValue)
        address.serialize(into: &text)
        let tag = try hmac.authenticate(text)
        return SessionID(tag.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }
}
