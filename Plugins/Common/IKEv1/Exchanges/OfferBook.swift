import OpenSSL
import Wire

/// Answers first messages without keeping anything about their senders.
///
/// A responder needs the offer again when the proof comes, and IKEv1 does not send it again. But clients of
/// one kind all make the same offer, so that it is the offers that are kept, not who made them: the cookie
/// tells which one it was, and authenticates that and the sender's address. A flood of made-up offers turns
/// over the unproven part alone; what a client has completed phase 1 with stays in the proven part.
struct OfferBook: ~Copyable {
    static let provenCount = 256
    static let unprovenCount = 2048
    /// Octets of a first message without its header.
    static let maxOffer = 4096
    /// A cookie is good in the interval in which it was made, and in the next one.
    private static let interval: UInt64 = 30

    /// Of the cookies; a secret.
    let key: SecretBytes
    private let mac: HMAC
    var offers: [[UInt8]?]
    private var indices: [[UInt8]: Int] = [:]
    var nextProven = 0
    var nextUnproven = provenCount

    init(key: [UInt8]) throws(OpenSSLError) {
        self.key = SecretBytes(copying: key)
        mac = try HMAC(.sha256, key: key)
        offers = Array(repeating: nil, count: Self.provenCount + Self.unprovenCount)
    }

    /// The responder's cookie for an offer.
    mutating func cookie(
        for offer: [UInt8], initiator: UInt64, from remote: TransportAddress, at now: Instant
    ) throws(OpenSSLError) -> UInt64 {
        let index = indices[offer] ?? store(offer, provenly: false)
        return try cookie(index, offer, initiator, remote, now.seconds / Self.interval)
    }

    /// The offer that we answered with this cookie; nil: it is not ours, too old, or the offer was pushed
    /// out.
    func offer(
        answered cookies: Cookies, from remote: TransportAddress, at now: Instant
    ) throws(OpenSSLError) -> [UInt8]? {
        let index = Int(cookies.responder >> 48)
        guard index < offers.count, let offer = offers[index] else { return nil }
        let interval = now.seconds / Self.interval
        for interval in [interval, interval &- 1] {
            let expected = try cookie(index, offer, cookies.initiator, remote, interval)
            if expected == cookies.responder { return offer }
        }
        return nil
    }

    /// A client with this offer has proved who it is.
    mutating func prove(_ offer: [UInt8]) {
        if let index = indices[offer], index < Self.provenCount { return }
        _ = store(offer, provenly: true)
    }

    /// Puts an offer where another instance had it: cookies say where.
    mutating func restore(_ offer: [UInt8], at index: Int) {
        offers[index] = offer
        indices[offer] = index
    }

    private mutating func store(_ offer: [UInt8], provenly isProven: Bool) -> Int {
        let index = isProven ? nextProven : nextUnproven
        if isProven {
            nextProven = (nextProven + 1) % Self.provenCount
        } else {
            nextUnproven += 1
            if nextUnproven == offers.count { nextUnproven = Self.provenCount }
        }
        // The offer may stand in both parts; the one that was stored last is answered.
        if let old = offers[index], indices[old] == index { indices[old] = nil }
        offers[index] = offer
        indices[offer] = index
        return index
    }

    /// The place in 16 bits, the authenticator in 48.
    private func cookie(
        _ index: Int, _ offer: [UInt8], _ initiator: UInt64, _ remote: TransportAddress, _ interval: UInt64
    ) throws(OpenSSLError) -> UInt64 {
        var octets: [UInt8] = []
        octets.appendBigEndian(initiator)
        octets.appendBigEndian(interval)
        remote.serialize(into: &octets)
        let tag = try mac.authenticate(octets, offer).prefix(6).reduce(0) { $0 << 8 | UInt64($1) }
        return UInt64(index) << 48 | tag
    }
}
