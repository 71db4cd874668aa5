import OpenSSL

/// The server's end of EAP-TLS: RFC 5216 §2.1, and RFC 9190 where the peer speaks TLS 1.3. TLS runs over
/// memory; a certificate is shown and asked for, and nothing is said within TLS but that all is well.
/// Identifiers and repetitions are EAP's business, the peer's place in the accounts the caller's.
///
/// Bounds: messages as `EAPTLSReassembly` says, `maxOctets` and `maxRounds` of a peer in all.
/// @unchecked Sendable: a link and its copies are of one thread at a time, and TLS with them.
struct EAPTLSExchange: @unchecked Sendable {
    static let maxOctets = 32 * 1024
    static let maxRounds = 64
    /// Octets of an EAP packet that every link carries, RFC 3748 §3.1.
    static let maxPacket = 1020
    /// EAP's header and type, and what `EAPTLSPacket` puts in front.
    private static let maxHeader = 5 + EAPTLSPacket.maxHeader
    /// Octets of MSK and EMSK, RFC 5216 §2.3.
    private static let keyMaterialLength = 128
    static let masterSessionKeyLength = 64

    enum Step: Equatable {
        case send(EAPTLSPacket)
        /// The peer holds the key of this certificate, whose chain was verified. To be answered by `accept`,
        /// or by EAP's Failure.
        case proved(PeerCertificate)
        /// The peer has heard the end: EAP's Success is due.
        case concluded
        /// EAP's Failure is due.
        case failed(String)
        /// The peer's packet is none, or one too many.
        case malformed
    }

    private enum Phase {
        case handshake
        case judgement
        case conclusion
        /// The peer is told an alert.
        case alert(String)
    }

    private let context: TLSContext
    private let fragmentLength: Int
    private var tls: TLSSession?
    private var phase = Phase.handshake
    private var reassembly = EAPTLSReassembly()
    /// What is left of our message.
    private var outgoing: [UInt8] = []
    private var isFirstFragment = true
    private var rounds = 0
    private var octets = 0
    /// The MSK, 64 octets; from `proved` on.
    private(set) var masterSessionKey: SecretBytes?

    /// `packetLimit`: octets of an EAP packet that the link carries.
    init(_ context: TLSContext, packetLimit: Int) {
        self.context = context
        fragmentLength = max(1, min(packetLimit, Self.maxPacket) - Self.maxHeader)
    }

    /// Nothing but the Start was said so far, so that the peer may still wish for another method.
    var isFresh: Bool { rounds == 0 }

    /// Why the peer is being refused.
    var fault: String? { if case .alert(let reason) = phase { reason } else { nil } }

    mutating func receive(_ packet: EAPTLSPacket) -> Step {
        rounds += 1
        octets += packet.data.count
        guard rounds <= Self.maxRounds, octets <= Self.maxOctets else { return .malformed }
        guard outgoing.isEmpty else {
            return packet.isAcknowledgement ? .send(nextFragment()) : .malformed
        }
        switch phase {
        case .handshake: return receiveMessage(packet)
        case .judgement: return .malformed
        case .conclusion:
            return packet.isAcknowledgement ? .concluded : .failed("the peer does not take its success")
        case .alert(let reason): return .failed(reason)
        }
    }

    private mutating func receiveMessage(_ packet: EAPTLSPacket) -> Step {
        let message: [UInt8]
        do {
            guard let whole = try reassembly.add(packet) else { return .send(.acknowledgement) }
            message = whole
        } catch {
            return .malformed
        }
        guard let tls = tls ?? (try? TLSSession(context)) else { return .failed("no TLS session") }
        self.tls = tls
        do throws(TLSSession.Failure) {
            try tls.receive(message)
            guard try tls.handshake() else {
                outgoing = tls.takeOutput(upTo: .max)
                // Whoever has nothing to hear yet has not said all that he should.
                return outgoing.isEmpty ? .malformed : .send(nextFragment())
            }
        } catch {
            return fail(tls, error.reason)
        }
        guard case .verified(let certificate) = tls.peerVerification, let key = try? Self.key(of: tls) else {
            return .failed("no certificate was verified")
        }
        masterSessionKey = key
        phase = .judgement
        return .proved(certificate)
    }

    private mutating func fail(_ tls: TLSSession, _ reason: String) -> Step {
        let reason = tls.verificationFault ?? reason
        outgoing = tls.takeOutput(upTo: .max)
        guard !outgoing.isEmpty else { return .failed(reason) }
        phase = .alert(reason)
        return .send(nextFragment())
    }

    /// RFC 5216 §2.3, RFC 9190 §2.3.
    private static func key(of tls: TLSSession) throws(OpenSSLError) -> SecretBytes {
        let material =
            try tls.isTLS13
            ? tls.exportKeyingMaterial(
                label: "EXPORTER_EAP_TLS_Key_Material", context: [EAPPacket.Method.tls.rawValue],
                count: keyMaterialLength)
            : tls.exportKeyingMaterial(label: "client EAP encryption", count: keyMaterialLength)
        return SecretBytes(copying: material.bytes.extracting(first: masterSessionKeyLength))
    }

    /// The peer is who its certificate says: the rest of the handshake, and in TLS 1.3 the protected success
    /// indication of RFC 9190 §2.5, one octet of zero. Nil: TLS failed.
    mutating func accept() -> EAPTLSPacket? {
        guard case .judgement = phase, let tls else { return nil }
        if tls.isTLS13, (try? tls.write([0])) == nil { return nil }
        phase = .conclusion
        outgoing = tls.takeOutput(upTo: .max)
        return nextFragment()
    }

    /// The length stands in the first one, also where no other follows.
    private mutating func nextFragment() -> EAPTLSPacket {
        let length = isFirstFragment && !outgoing.isEmpty ? UInt32(outgoing.count) : nil
        let data = Array(outgoing.prefix(fragmentLength))
        outgoing.removeFirst(data.count)
        isFirstFragment = outgoing.isEmpty
        return EAPTLSPacket(hasMore: !outgoing.isEmpty, messageLength: length, data: data)
    }
}
