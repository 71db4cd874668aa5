import OpenSSL
import Wire

/// The server's end of an SSTP call: the states, messages and timers of MS-SSTP §3.1 and §3.3. PPP is above
/// it, HTTP below. A value without IO or clock.
public struct Call: Sendable {
    public static let negotiationTimeout = Duration.seconds(60)
    public static let helloInterval = Duration.seconds(60)
    static let abortTimeout1 = Duration.seconds(3)
    static let abortTimeout2 = Duration.seconds(1)
    static let disconnectTimeout1 = Duration.seconds(5)
    static let disconnectTimeout2 = Duration.seconds(1)
    /// Call Connect Requests that are answered with a Nak.
    static let maxNaks = 3

    /// §3.3.1.1.1 and §3.1.1.1. The states `In_Progress` pass within one step.
    public enum State: CaseIterable, Sendable {
        case connectRequestPending, connectedPending, connected
        case abortPending, abortTimeoutPending, disconnectAckPending, disconnectTimeoutPending
        case disconnected
    }

    enum Output: Equatable {
        case send([UInt8])
        case startPPP
        /// Packets of the network may flow.
        case connected
        case bindingFault(BindingFault, isFatal: Bool)
        /// The call is over; what is above it ends now.
        case over(End)
        /// Nothing more is to be said or heard.
        case closeStream
    }

    /// Why the call is over, with a sentence for the log.
    public struct End: Equatable, Sendable {
        public enum Cause: Equatable, Sendable { case peer, timeout, protocolError, binding }
        public var cause: Cause
        public var sentence: String
    }

    public internal(set) var state = State.connectRequestPending
    let expectation: BindingExpectation
    /// Otherwise a call without a valid binding is noted and goes on.
    let requiresBinding: Bool

    var timer: Instant?
    var lastReceived: Instant
    var isEchoAwaited = false
    var naks = 0
    /// Of the authentication; 32 octets, zero where the method has no keys.
    var hlak: SecretBytes?
    var isOver = false
    private var outputs: [Output] = []

    init(_ expectation: BindingExpectation, requiresBinding: Bool, at now: Instant) {
        self.expectation = expectation
        self.requiresBinding = requiresBinding
        lastReceived = now
        timer = now + Self.negotiationTimeout
    }

    var deadline: Instant? { timer }
    var isDrained: Bool { outputs.isEmpty }

    mutating func nextOutput() -> Output? { outputs.isEmpty ? nil : outputs.removeFirst() }

    /// §3.3.7.1: PPP control frames flow in these.
    var carriesPPP: Bool { state == .connectedPending || state == .connected }

    /// `hlak`: the higher-layer authentication key, `CryptoBinding.keyLength` octets.
    mutating func authenticated(hlak: SecretBytes) { self.hlak = hlak }

    /// Any packet shows that the peer is there; those that are not given to `receive` do so here.
    mutating func receivedData(at now: Instant) { lastReceived = now }

    // MARK: Messages

    /// A whole control packet.
    mutating func receive(_ packet: [UInt8], at now: Instant) {
        lastReceived = now
        guard let message = try? ControlMessage(parsing: packet.rawSpan) else {
            if !Self.isEnding(state) { abort(.none, .invalidFrameReceived, "a malformed message", at: now) }
            return
        }
        switch Self.reaction(to: message.type, in: state) {
        case .ignore: break
        case .process: process(message, packet, at: now)
        case .abort:
            abort(.none, .unacceptedFrameReceived, "message \(message.type.rawValue) out of turn", at: now)
        case .answerAbort:
            send(.callAbort)
            over(.peer, "the client aborted the call\(Self.status(of: message))")
            enter(.abortTimeoutPending, Self.abortTimeout2, at: now)
        case .awaitAbort: enter(.abortTimeoutPending, Self.abortTimeout2, at: now)
        case .acknowledge:
            send(.callDisconnectAck)
            over(.peer, "the client closed the call\(Self.status(of: message))")
            enter(.disconnectTimeoutPending, Self.disconnectTimeout2, at: now)
        case .cleanUp: cleanUp()
        case .answerEcho:
            isEchoAwaited = false
            send(.echoResponse)
        case .noteEcho: isEchoAwaited = false
        }
    }

    enum Reaction: String {
        case ignore, process, abort, answerAbort, awaitAbort, acknowledge, cleanUp, answerEcho, noteEcho
    }

    /// §3.3.5.2.2 to §3.3.5.2.8, message by message.
    static func reaction(to message: ControlMessage.MessageType, in state: State) -> Reaction {
        if state == .disconnected { return .ignore }
        switch message {
        case .callConnectRequest:
            return isEnding(state) ? .ignore : state == .connectRequestPending ? .process : .abort
        case .callConnected:
            return isEnding(state) ? .ignore : state == .connectedPending ? .process : .abort
        case .callAbort:
            switch state {
            case .abortPending: return .awaitAbort
            case .abortTimeoutPending, .disconnectTimeoutPending: return .ignore
            default: return .answerAbort
            }
        case .callDisconnect:
            switch state {
            case .abortPending, .abortTimeoutPending, .disconnectTimeoutPending: return .ignore
            default: return .acknowledge
            }
        case .callDisconnectAck:
            return state == .disconnectAckPending ? .cleanUp : isEnding(state) ? .ignore : .abort
        case .echoRequest: return isEnding(state) ? .ignore : state == .connected ? .answerEcho : .abort
        case .echoResponse: return isEnding(state) ? .ignore : state == .connected ? .noteEcho : .abort
        // Only a server sends these, and nobody sends others.
        default: return isEnding(state) ? .ignore : .abort
        }
    }

    private static func isEnding(_ state: State) -> Bool {
        switch state {
        case .connectRequestPending, .connectedPending, .connected: false
        case .abortPending, .abortTimeoutPending, .disconnectAckPending, .disconnectTimeoutPending,
            .disconnected:
            true
        }
    }

    private mutating func process(_ message: ControlMessage, _ packet: [UInt8], at now: Instant) {
        if message.type == .callConnectRequest {
            receivedConnectRequest(message, at: now)
        } else {
            receivedConnected(message, packet, at: now)
        }
    }

    private mutating func receivedConnectRequest(_ message: ControlMessage, at now: Instant) {
        let faults = Self.faults(ofRequest: message)
        guard faults.isEmpty else {
            naks += 1
            guard naks <= Self.maxNaks else {
                return abort(.statusInfo, .retryCountExceeded, "no acceptable request", at: now)
            }
            return send(.callConnectNak, faults.map(\.attribute))
        }
        send(.callConnectAck, [CryptoBinding.request(expectation.hashes, nonce: expectation.nonce)])
        enter(.connectedPending, Self.negotiationTimeout, at: now)
        outputs.append(.startPPP)
    }

    /// §3.3.5.2.2, the numbered list.
    private static func faults(ofRequest message: ControlMessage) -> [StatusInfo] {
        var faults: [StatusInfo] = []
        var seen: Set<ControlMessage.Attribute.ID> = []
        for attribute in message.attributes {
            if !seen.insert(attribute.id).inserted {
                faults.append(StatusInfo(id: attribute.id, status: .duplicateAttribute))
            } else if attribute.id == .statusInfo {
                guard StatusInfo.number(in: attribute) != Status.noError.rawValue else { continue }
                faults.append(StatusInfo(id: .statusInfo, status: .statusInfoNotSupportedInMessage))
            } else if attribute.id != .encapsulatedProtocol {
                faults.append(StatusInfo(id: attribute.id, status: .unrecognizedAttribute))
            } else if attribute.value.count != 2 {
                faults.append(StatusInfo(id: attribute.id, status: .invalidAttributeValueLength))
            } else if attribute.value.rawSpan.bigEndian(at: 0, as: UInt16.self) != ControlMessage.ppp {
                faults.append(StatusInfo(id: attribute.id, status: .valueNotSupported))
            }
        }
        if !seen.contains(.encapsulatedProtocol) {
            faults.append(StatusInfo(id: .statusInfo, status: .requiredAttributeMissing))
        }
        return faults
    }

    /// §3.3.5.2.3.
    private mutating func receivedConnected(_ message: ControlMessage, _ packet: [UInt8], at now: Instant) {
        let binding = message[.cryptoBinding].flatMap { CryptoBinding($0.value) }
        let status = message[.statusInfo].flatMap(StatusInfo.number)
        let isWhole = binding != nil && (status ?? 0) == Status.noError.rawValue
        if let fault = bindingFault(isWhole ? binding : nil, packet) {
            // Without an authentication nobody is let in, whatever is required of the binding.
            let isFatal = requiresBinding || fault == .unauthenticated
            outputs.append(.bindingFault(fault, isFatal: isFatal))
            guard !isFatal else {
                let why: (ControlMessage.Attribute.ID, Status) =
                    isWhole
                    ? (.cryptoBinding, .valueNotSupported) : (.statusInfo, .attributeNotSupportedInMessage)
                return abort(why.0, why.1, "crypto binding: \(fault.rawValue)", cause: .binding, at: now)
            }
        }
        enter(.connected, Self.helloInterval, at: now)
        outputs.append(.connected)
    }

    private func bindingFault(_ binding: CryptoBinding?, _ packet: [UInt8]) -> BindingFault? {
        guard let hlak else { return .unauthenticated }
        guard let binding else { return .missing }
        return expectation.fault(of: binding, in: packet, hlak: hlak)
    }

    // MARK: The end

    /// What is above has ended the call.
    mutating func disconnect(at now: Instant) {
        guard !Self.isEnding(state) else { return }
        isOver = true
        send(.callDisconnect)
        enter(.disconnectAckPending, Self.disconnectTimeout1, at: now)
    }

    private mutating func abort(
        _ id: ControlMessage.Attribute.ID, _ status: Status, _ sentence: String,
        cause: End.Cause = .protocolError, at now: Instant
    ) {
        send(.callAbort, [StatusInfo(id: id, status: status).attribute])
        over(cause, "\(sentence) (status \(status.rawValue))")
        enter(.abortPending, Self.abortTimeout1, at: now)
    }

    private mutating func over(_ cause: End.Cause, _ sentence: String) {
        guard !isOver else { return }
        isOver = true
        outputs.append(.over(End(cause: cause, sentence: sentence)))
    }

    private mutating func cleanUp() {
        timer = nil
        state = .disconnected
        outputs.append(.closeStream)
    }

    // MARK: Time

    mutating func handleTimeout(at now: Instant) {
        guard let timer, now >= timer else { return }
        switch state {
        case .connectRequestPending, .connectedPending:
            abort(.none, .negotiationTimeout, "the negotiation took too long", cause: .timeout, at: now)
        case .connected: helloExpired(at: now)
        case .abortPending, .abortTimeoutPending, .disconnectAckPending, .disconnectTimeoutPending: cleanUp()
        case .disconnected: self.timer = nil
        }
    }

    /// §3.1.2.3: after the second silent interval the call is cut off without a word.
    private mutating func helloExpired(at now: Instant) {
        let next = lastReceived + Self.helloInterval
        guard now >= next else {
            isEchoAwaited = false
            return timer = next
        }
        guard !isEchoAwaited else {
            over(.timeout, "the client is silent")
            return cleanUp()
        }
        isEchoAwaited = true
        // The silence is counted anew from the question.
        lastReceived = now
        send(.echoRequest)
        timer = now + Self.helloInterval
    }

    private mutating func enter(_ state: State, _ time: Duration, at now: Instant) {
        self.state = state
        timer = now + time
        lastReceived = now
    }

    private mutating func send(
        _ type: ControlMessage.MessageType, _ attributes: [ControlMessage.Attribute] = []
    ) {
        outputs.append(.send(ControlMessage(type, attributes).octets))
    }

    private static func status(of message: ControlMessage) -> String {
        message[.statusInfo].flatMap(StatusInfo.number).map { " (status \($0))" } ?? ""
    }
}
