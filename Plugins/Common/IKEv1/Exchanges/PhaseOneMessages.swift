import OpenSSL
import Wire

/// A peer's first message: in main mode kept in the book as octets.
struct FirstMessage {
    let body: [UInt8]
    let offerBody: [UInt8]
    let offer: SAPayload
    let abilities: Abilities

    init(_ body: [UInt8]) throws(WireError) {
        self.body = body
        var input = ByteReader(body.rawSpan)
        let payloads = try Payload.chain(
            from: .securityAssociation, in: &input, padding: Payload.maxClearPadding)
        offerBody = try payloads.only(.securityAssociation)
        offer = try SAPayload(parsing: offerBody)
        abilities = Abilities.of(payloads)
    }
}

/// What a half-open SA is made of.
struct PhaseOneRequest {
    let message: Message
    let cookies: Cookies
    let first: FirstMessage
    let choice: (proposal: Proposal, suite: PhaseOneSuite)
    let theirs: KeyExchange
    /// Nothing has shown that the peer receives at its address.
    let isUnproved: Bool
}

/// What the peer brings to the exchange of keys.
struct KeyExchange {
    let publicValue: [UInt8]
    let nonce: [UInt8]
    /// Empty where it does not know of NATs.
    let natHashes: [[UInt8]]

    init(_ payloads: [Payload], _ abilities: Abilities) throws(WireError) {
        publicValue = try payloads.only(.keyExchange)
        nonce = try payloads.only(.nonce)
        guard IKEServer.nonceLengths.contains(nonce.count) else { throw .badLength }
        natHashes = abilities.understandsNAT ? payloads.all(abilities.natDiscoveryType) : []
    }
}

/// Who the peer says it is, and its proof.
struct Proof {
    enum Evidence {
        case hash([UInt8])
        case signature(SignatureProof)

        init(_ payloads: [Payload], _ method: AuthenticationMethod) throws(WireError) {
            switch method {
            case .preSharedKey: self = .hash(try payloads.only(.hash))
            case .rsaSignature: self = .signature(try SignatureProof(payloads))
            }
        }
    }

    /// With which it was decrypted.
    var chain: CipherChain
    var identity: Identification
    let identityBody: [UInt8]
    let evidence: Evidence
    let isInitialContact: Bool
    var scope = KeyRing.Scope(hubs: nil)

    /// Nil: the payloads are not those of a proof.
    init?(
        _ claim: ISAKMPSA.Claim, _ chain: CipherChain, _ payloads: [Payload], _ method: AuthenticationMethod
    ) {
        guard let evidence = try? Evidence(payloads, method) else { return nil }
        self.chain = chain
        identity = claim.identity
        identityBody = claim.identityBody
        self.evidence = evidence
        isInitialContact = payloads.sayInitialContact
        scope = claim.scope
    }

    /// Nil: the octets make no sense, as when the keys are others.
    init?(_ message: Message, _ chain: CipherChain, _ method: AuthenticationMethod) {
        guard let plain = chain.decrypt(message.body) else { return nil }
        var input = ByteReader(plain.rawSpan)
        guard
            let payloads = try? Payload.chain(
                from: message.header.nextPayload, in: &input, padding: Payload.maxPadding),
            let body = try? payloads.only(.identification),
            let evidence = try? Evidence(payloads, method), let identity = try? Identification(parsing: body)
        else { return nil }
        self.chain = chain
        self.identity = identity
        identityBody = body
        self.evidence = evidence
        isInitialContact = payloads.sayInitialContact
    }

    /// Of a pre-shared key.
    func isValid(
        _ keys: PhaseOneKeys, _ handshake: ISAKMPSA.Handshake, isInitiator: Bool
    ) throws(OpenSSLError) -> Bool {
        guard case .hash(let hash) = evidence else { return false }
        let expected = try keys.proof(
            isInitiator: isInitiator, handshake.exchange, offer: handshake.offer, identity: identityBody)
        return constantTimeEquals(expected, hash)
    }
}
