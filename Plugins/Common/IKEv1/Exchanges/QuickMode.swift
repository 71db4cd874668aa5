import OpenSSL
import Wire

/// One quick mode, RFC 2409 §5.5: a pair of ESP SAs is agreed under the protection of an ISAKMP SA.
///
///     HDR*, HASH(1), SA, Ni, [KE], [IDci, IDcr]    -->
///                                                  <--    HDR*, HASH(2), SA, Nr, [KE], [IDci, IDcr]
///     HDR*, HASH(3)                                -->
struct QuickMode {
    static let retransmitInterval: Duration = .seconds(2)
    static let maxRetransmits = 4
    /// How long a finished one is remembered, to answer what the peer sends again.
    static let memory: Duration = .seconds(30)

    enum Stage {
        /// We answered; the peer's HASH(3) tells that it has our answer.
        case awaitingConfirmation(expected: [UInt8], spi: UInt32)
        /// We asked.
        case awaitingAnswer(Asked)
        case done
    }

    /// What the answer to our question is judged by.
    struct Asked {
        let nonce: [UInt8]
        let spi: UInt32
        /// With perfect forward secrecy.
        let key: DiffieHellmanKey?
        /// The one to be replaced.
        let old: ChildSA
    }

    var stage: Stage
    var chain: CipherChain
    var lastReceived: [UInt8]
    var lastSent: [UInt8]
    /// When the last message is sent again, or this is forgotten.
    var deadline: Instant
    var retransmits = 0
}

/// A message of phase 2 in clear: payloads, and the octets behind the hash that it authenticates.
struct ProtectedMessage {
    let hash: [UInt8]
    let payloads: [Payload]
    let authenticated: [UInt8]

    /// Nil: not a message.
    init?(_ plain: [UInt8], first: PayloadType) {
        guard first == .hash else { return nil }
        var input = ByteReader(plain.rawSpan)
        guard
            let all = try? Payload.chain(from: first, in: &input, padding: Payload.maxPadding),
            let hash = all.first
        else { return nil }
        self.hash = hash.body
        payloads = Array(all.dropFirst())
        let start = Payload.headerLength + hash.body.count
        authenticated = Array(plain[start..<plain.count - input.remaining])
    }

    /// The octets of a message whose hash `authenticate` makes of what stands behind it.
    static func octets(
        _ payloads: [Payload], _ authenticate: ([UInt8]) throws(OpenSSLError) -> [UInt8]
    ) throws(OpenSSLError) -> [UInt8] {
        let rest = Payload.serialize(payloads)
        var octets: [UInt8] = []
        Payload(.hash, try authenticate(rest)).serialize(into: &octets, next: payloads.first?.type ?? .none)
        return octets + rest
    }
}

extension UInt32 {
    var octets: [UInt8] {
        var octets: [UInt8] = []
        octets.appendBigEndian(self)
        return octets
    }
}
