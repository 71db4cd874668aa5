import OpenSSL
import Wire

/// Finds out who the peer is, by the method that LCP agreed on, or by one of those of EAP, if it was EAP. A
/// value without IO or clock.
///
/// Bounds: ten transmissions of a question, a minute for a person to type, one for the proof by EAP-TLS and
/// one for its end, two more tries after a wrong password. How long a judge may take is the judge's business.
struct Authenticator: Sendable {
    static let restartPeriod = Duration.seconds(3)
    static let maxTransmissions = 10
    /// For a peer that has to come by itself, and for one that may try again.
    static let patience = Duration.seconds(60)
    static let maxRetries = 2
    static let maxNameLength = 512
    static let challengeLength = 16

    enum Output: Equatable {
        case send([UInt8])
        case ask(Evidence)
        case accepted
        case failed(AuthenticationFailure)
    }

    enum Stage: Equatable {
        case idle
        /// EAP: who are you?
        case identity
        /// The first proof is waited for.
        case challenge
        /// A proof was wrong, another may follow.
        case retry
        /// Somebody judges the proof.
        case asking
        /// EAP-MSCHAPv2: the peer has yet to confirm the end.
        case confirming(isSuccess: Bool)
        /// EAP-TLS, from its start to the peer's last word.
        case tls
        case done
    }

    /// Strongest first, and the one that is tried now: one, or those of EAP that are left.
    var methods: [AuthenticationMethod]
    /// How the server calls itself.
    let serverName: [UInt8]
    /// For EAP-TLS.
    let tls: TLSContext?
    /// Octets of a packet that the peer takes.
    let packetLimit: Int
    var stage = Stage.idle
    var deadline: Instant?

    var identifier: UInt8 = 0
    var challenge: [UInt8] = []
    /// What the peer calls itself, as EAP asks.
    var identity: [UInt8] = []
    var exchange: EAPTLSExchange?
    /// When the peer's time for this part of `exchange` is over.
    var limit: Instant?
    var retries = Self.maxRetries
    var transmissions = 0
    /// What is sent again when the peer is silent.
    var question: [UInt8]?
    /// What is said again to a peer that has not heard the end.
    var lastWord: ControlPacket?
    var refusal = AuthenticationRefusal.credentials
    var outputs: [Output] = []

    /// `methods`: one at least, all by the same protocol; several are EAP's.
    init(_ methods: [AuthenticationMethod], serverName: [UInt8], tls: TLSContext?, packetLimit: Int) {
        precondition(!methods.isEmpty, "nothing to ask for")
        self.methods = methods
        self.serverName = serverName
        self.tls = tls
        self.packetLimit = packetLimit
    }

    var method: AuthenticationMethod { methods[0] }

    var isDrained: Bool { outputs.isEmpty }

    mutating func nextOutput() -> Output? { outputs.isEmpty ? nil : outputs.removeFirst() }

    mutating func start(_ random: inout some RandomNumberGenerator, at now: Instant) {
        identifier = random.next()
        switch method {
        case .pap:
            stage = .challenge
            deadline = now + Self.patience
        case .chapMD5, .msCHAPv2:
            stage = .challenge
            renewChallenge(&random)
            let value = CHAPPacket.Value(challenge, name: serverName)
            ask(ControlPacket(CHAPPacket.challenge, identifier, value.octets).octets, at: now)
        case .eapTLS, .eapMSCHAPv2:
            stage = .identity
            ask(EAPPacket(.request, identifier, .identity).octets, at: now)
        }
    }

    mutating func handleTimeout(at now: Instant) {
        guard let deadline, now >= deadline else { return }
        if stage == .done { return repeatSuccess(at: now) }
        guard let question, transmissions < Self.maxTransmissions, limit.map({ now < $0 }) ?? true else {
            return end(.failed(exchange?.fault.map { .tls($0, identity: identity) } ?? .timeout))
        }
        ask(question, at: now)
    }

    /// A packet of the method's protocol.
    mutating func receive(
        _ payload: [UInt8], _ random: inout some RandomNumberGenerator, at now: Instant
    ) throws(WireError) {
        switch method {
        case .pap: try receivePAP(ControlPacket(parsing: payload))
        case .chapMD5, .msCHAPv2: try receiveCHAP(ControlPacket(parsing: payload))
        case .eapTLS, .eapMSCHAPv2: try receiveEAP(EAPPacket(parsing: payload), &random, at: now)
        }
    }

    /// The answer to `ask`. `canFallBack`: a weaker method may follow, so nothing is said of this one's
    /// refusal.
    mutating func decided(
        _ verdict: AuthenticationVerdict, canFallBack: Bool, _ random: inout some RandomNumberGenerator,
        at now: Instant
    ) {
        guard stage == .asking else { return }
        switch verdict {
        case .accepted(let response): sayYes(response, at: now)
        case .refused(.method) where canFallBack: end(.failed(.refused(.method)))
        case .refused(let refusal):
            self.refusal = refusal
            sayNo(refusal, &random, at: now)
        }
    }

    /// No more is to be said: the peer has gone on to its network.
    mutating func peerKnows() { deadline = nil }

    /// A success that was lost would leave the peer waiting, as nothing makes it ask again.
    private mutating func repeatSuccess(at now: Instant) {
        guard let lastWord, transmissions < Self.maxTransmissions else { return deadline = nil }
        transmissions += 1
        deadline = now + Self.restartPeriod
        outputs.append(.send(lastWord.octets))
    }

    mutating func ask(_ packet: [UInt8], at now: Instant) {
        if packet != question { transmissions = 0 }
        transmissions += 1
        question = packet
        deadline = min(now + Self.restartPeriod, limit ?? now + Self.restartPeriod)
        outputs.append(.send(packet))
    }

    mutating func renewChallenge(_ random: inout some RandomNumberGenerator) {
        challenge = (0..<Self.challengeLength).map { _ in random.next() }
    }

    mutating func judge(_ name: [UInt8], _ proof: Evidence.Proof) {
        guard !name.isEmpty, name.count <= Self.maxNameLength else { return end(.failed(.malformed)) }
        stage = .asking
        deadline = nil
        question = nil
        outputs.append(.ask(Evidence(name: name, proof: proof)))
    }

    mutating func end(_ output: Output) {
        stage = .done
        deadline = nil
        question = nil
        exchange = nil
        outputs.append(output)
    }
}

// MARK: - PAP

extension Authenticator {
    private mutating func receivePAP(_ packet: ControlPacket) throws(WireError) {
        guard packet.code == PAPPacket.authenticateRequest else { return }
        switch stage {
        case .challenge:
            let request = try PAPPacket.Request(parsing: packet.data)
            identifier = packet.identifier
            judge(request.name, .password(request.password))
        case .done:
            if let lastWord {
                outputs.append(
                    .send(ControlPacket(lastWord.code, packet.identifier, lastWord.data).octets))
            }
        case .idle, .identity, .retry, .asking, .confirming, .tls: break
        }
    }
}

// MARK: - CHAP

extension Authenticator {
    private mutating func receiveCHAP(_ packet: ControlPacket) throws(WireError) {
        guard packet.code == CHAPPacket.response else { return }
        switch stage {
        case .challenge:
            guard packet.identifier == identifier else { return }
            try receiveResponse(packet)
        // Peers count their second try up, or leave it.
        case .retry: try receiveResponse(packet)
        case .done:
            if let lastWord, packet.identifier == lastWord.identifier {
                outputs.append(.send(lastWord.octets))
            }
        case .idle, .identity, .asking, .confirming, .tls: break
        }
    }

    private mutating func receiveResponse(_ packet: ControlPacket) throws(WireError) {
        var reader = ByteReader(packet.data.rawSpan)
        let value = try CHAPPacket.Value(parsing: &reader)
        identifier = packet.identifier
        if method == .chapMD5 {
            guard value.value.count == 16 else { return end(.failed(.malformed)) }
            return judge(
                value.name,
                .chapMD5(identifier: identifier, challenge: challenge, response: value.value))
        }
        receiveResponse(value)
    }

    mutating func receiveResponse(_ value: CHAPPacket.Value) {
        guard let response = MSCHAPv2Response(value.value) else { return end(.failed(.malformed)) }
        judge(
            value.name,
            .msCHAPv2(challenge: challenge + response.peerChallenge, response: response.ntResponse))
    }
}

// MARK: - The last word

extension Authenticator {
    private mutating func sayYes(_ authenticatorResponse: [UInt8], at now: Instant) {
        let message = Array(MSCHAPv2Message.success(authenticatorResponse).utf8)
        switch method {
        case .pap: conclude(PAPPacket.answer(PAPPacket.authenticateAck, identifier, ""), .accepted, at: now)
        case .chapMD5: conclude(ControlPacket(CHAPPacket.success, identifier), .accepted, at: now)
        case .msCHAPv2: conclude(ControlPacket(CHAPPacket.success, identifier, message), .accepted, at: now)
        case .eapMSCHAPv2:
            stage = .confirming(isSuccess: true)
            askEAP(EAPMSCHAPv2Packet(CHAPPacket.success, identifier, message), at: now)
        case .eapTLS: concludeTLS(at: now)
        }
    }

    private mutating func sayNo(
        _ refusal: AuthenticationRefusal, _ random: inout some RandomNumberGenerator, at now: Instant
    ) {
        let words = refusal.words
        let mayRetry = refusal == .credentials && retries > 0
        let output = Output.failed(.refused(refusal))
        switch method {
        case .pap: conclude(PAPPacket.answer(PAPPacket.authenticateNak, identifier, words), output, at: now)
        case .eapTLS: endEAP(.failure, output, at: now)
        case .chapMD5:
            conclude(ControlPacket(CHAPPacket.failure, identifier, Array(words.utf8)), output, at: now)
        case .msCHAPv2, .eapMSCHAPv2:
            if mayRetry { renewChallenge(&random) }
            let message = MSCHAPv2Message.failure(
                refusal == .disabled ? .accountDisabled : .authenticationFailure,
                retry: mayRetry ? challenge : nil, words)
            let packet = ControlPacket(CHAPPacket.failure, identifier, Array(message.utf8))
            if mayRetry {
                retries -= 1
                retry(packet, at: now)
            } else if method == .eapMSCHAPv2 {
                stage = .confirming(isSuccess: false)
                askEAP(EAPMSCHAPv2Packet(packet.code, identifier, packet.data), at: now)
            } else {
                conclude(packet, output, at: now)
            }
        }
    }

    private mutating func retry(_ packet: ControlPacket, at now: Instant) {
        stage = .retry
        if method == .eapMSCHAPv2 {
            askEAP(EAPMSCHAPv2Packet(packet.code, packet.identifier, packet.data), at: now)
        } else {
            outputs.append(.send(packet.octets))
        }
        // Somebody types now.
        question = nil
        deadline = now + Self.patience
    }

    mutating func conclude(_ packet: ControlPacket, _ output: Output, at now: Instant) {
        lastWord = packet
        outputs.append(.send(packet.octets))
        end(output)
        guard output == .accepted, method != .pap else { return }
        transmissions = 1
        deadline = now + Self.restartPeriod
    }
}

extension AuthenticationRefusal {
    /// What the peer is told.
    fileprivate var words: String {
        switch self {
        case .credentials: "wrong user name or password"
        case .disabled: "this account may not connect"
        case .method: "this account cannot prove its password in this way"
        case .unavailable: "the server cannot decide now"
        }
    }
}
