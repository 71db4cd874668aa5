import Wire

/// Finds out who the peer is, by the one method that LCP agreed on. A value without IO or clock.
///
/// Bounds: ten transmissions of a question, a minute for a person to type, two more tries after a wrong
/// password.
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
        case done
    }

    let method: AuthenticationMethod
    /// How the server calls itself.
    let serverName: [UInt8]
    var stage = Stage.idle
    var deadline: Instant?

    var identifier: UInt8 = 0
    var challenge: [UInt8] = []
    var retries = Self.maxRetries
    var transmissions = 0
    /// What is sent again when the peer is silent.
    var question: [UInt8]?
    /// What is said again to a peer that has not heard the end.
    var lastWord: ControlPacket?
    var refusal = AuthenticationRefusal.credentials
    private var outputs: [Output] = []

    init(_ method: AuthenticationMethod, serverName: [UInt8]) {
        self.method = method
        self.serverName = serverName
    }

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
        case .eapMSCHAPv2:
            stage = .identity
            ask(EAPPacket(.request, identifier, .identity).octets, at: now)
        }
    }

    mutating func handleTimeout(at now: Instant) {
        guard let deadline, now >= deadline else { return }
        if stage == .done { return repeatSuccess(at: now) }
        guard let question, transmissions < Self.maxTransmissions else { return end(.failed(.timeout)) }
        ask(question, at: now)
    }

    /// A packet of the method's protocol.
    mutating func receive(
        _ payload: [UInt8], _ random: inout some RandomNumberGenerator, at now: Instant
    ) throws(WireError) {
        switch method {
        case .pap: try receivePAP(ControlPacket(parsing: payload))
        case .chapMD5, .msCHAPv2: try receiveCHAP(ControlPacket(parsing: payload))
        case .eapMSCHAPv2: try receiveEAP(EAPPacket(parsing: payload), &random, at: now)
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

    private mutating func ask(_ packet: [UInt8], at now: Instant) {
        if packet != question { transmissions = 0 }
        transmissions += 1
        question = packet
        deadline = now + Self.restartPeriod
        outputs.append(.send(packet))
    }

    private mutating func renewChallenge(_ random: inout some RandomNumberGenerator) {
        challenge = (0..<Self.challengeLength).map { _ in random.next() }
    }

    private mutating func judge(_ name: [UInt8], _ proof: Evidence.Proof) {
        guard !name.isEmpty, name.count <= Self.maxNameLength else { return end(.failed(.malformed)) }
        stage = .asking
        deadline = nil
        question = nil
        outputs.append(.ask(Evidence(name: name, proof: proof)))
    }

    private mutating func end(_ output: Output) {
        stage = .done
        deadline = nil
        question = nil
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
        case .idle, .identity, .retry, .asking, .confirming: break
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
        case .idle, .identity, .asking, .confirming: break
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

    private mutating func receiveResponse(_ value: CHAPPacket.Value) {
        guard let response = MSCHAPv2Response(value.value) else { return end(.failed(.malformed)) }
        judge(
            value.name,
            .msCHAPv2(challenge: challenge + response.peerChallenge, response: response.ntResponse))
    }
}

// MARK: - EAP

extension Authenticator {
    private mutating func receiveEAP(
        _ packet: EAPPacket, _ random: inout some RandomNumberGenerator, at now: Instant
    ) throws(WireError) {
        guard packet.code == .response else { return }
        if stage == .done, let lastWord, packet.identifier == lastWord.identifier {
            return outputs.append(.send(lastWord.octets))
        }
        guard packet.identifier == identifier else { return }
        switch (stage, packet.method) {
        case (.identity, .identity?):
            stage = .challenge
            renewChallenge(&random)
            let value = CHAPPacket.Value(challenge, name: serverName)
            askEAP(EAPMSCHAPv2Packet(CHAPPacket.challenge, identifier &+ 1, value.octets), at: now)
        case (.challenge, .nak?): end(.failed(.unwilling))
        case (.challenge, .msCHAPv2?), (.retry, .msCHAPv2?), (.confirming, .msCHAPv2?):
            try receive(EAPMSCHAPv2Packet(parsing: packet.data), at: now)
        default: break
        }
    }

    private mutating func receive(_ packet: EAPMSCHAPv2Packet, at now: Instant) throws(WireError) {
        switch (stage, packet.opCode) {
        case (.challenge, CHAPPacket.response), (.retry, CHAPPacket.response):
            var reader = ByteReader(packet.data.rawSpan)
            receiveResponse(try CHAPPacket.Value(parsing: &reader))
        case (.confirming(isSuccess: true), CHAPPacket.success): endEAP(.success, .accepted, at: now)
        case (.confirming(isSuccess: false), CHAPPacket.failure), (.retry, CHAPPacket.failure):
            endEAP(.failure, .failed(.refused(refusal)), at: now)
        default: break
        }
    }

    private mutating func askEAP(_ packet: EAPMSCHAPv2Packet, at now: Instant) {
        identifier &+= 1
        ask(EAPPacket(.request, identifier, .msCHAPv2, packet.octets).octets, at: now)
    }

    /// EAP's own end has the identifier of the response that led to it, RFC 3748 §4.2.
    private mutating func endEAP(_ code: EAPPacket.Code, _ output: Output, at now: Instant) {
        conclude(ControlPacket(ControlPacket.Code(rawValue: code.rawValue), identifier), output, at: now)
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

    private mutating func conclude(_ packet: ControlPacket, _ output: Output, at now: Instant) {
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
