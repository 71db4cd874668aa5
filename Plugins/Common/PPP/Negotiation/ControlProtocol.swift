public import Wire

/// LCP or a network control protocol: the automaton with its packets, counters and restart timer, RFC 1661 §4
/// and §5. A value without IO or clock; after each input its outputs are drained until nil.
///
/// Beyond the RFC's table: a Configure-Ack, -Nak or -Reject answers a request once, and the very request that
/// was acknowledged last is acknowledged again without leaving Opened. A link that doubles packets would
/// otherwise have both ends start over and over.
public struct ControlProtocol<Options: OptionNegotiator>: Sendable {
    public static var restartPeriod: Duration { .seconds(3) }
    static var maxTerminate: Int { 2 }
    static var maxConfigure: Int { 10 }
    /// Configure-Naks that are sent before the peer's options are rejected.
    static var maxFailure: Int { 5 }
    /// Configure-Naks and -Rejects that are taken of a peer.
    static var maxRefusals: Int { 10 }
    /// Octets of a packet that a Code-Reject quotes.
    static var maxQuoted: Int { 512 }

    public enum Output: Equatable, Sendable {
        case send(ControlPacket)
        /// This-Layer-Up, -Down, -Finished.
        case up
        case down
        case finished
    }

    public var options: Options
    public internal(set) var automaton = NegotiationAutomaton()
    /// When `handleTimeout` must next be called.
    public internal(set) var deadline: Instant?
    /// The peer closed it (Terminate-Request).
    public internal(set) var isClosedByPeer = false

    var restartCounter = 0
    var sentNaks = 0
    var refusals = 0
    var lastIdentifier: UInt8 = 0
    var requestIdentifier: UInt8 = 0
    var requested: [ConfigurationOption] = []
    var isAnswered = true
    var acknowledgedRequest: ControlPacket?
    private var outputs: [Output] = []

    public init(_ options: Options) { self.options = options }

    public var isOpened: Bool { automaton.state == .opened }
    var isDrained: Bool { outputs.isEmpty }

    public mutating func nextOutput() -> Output? { outputs.isEmpty ? nil : outputs.removeFirst() }

    // MARK: Events of the layers above and below

    public mutating func lowerLayerIsUp(at now: Instant) {
        options.begin()
        isClosedByPeer = false
        refusals = 0
        perform(.up, at: now)
    }

    public mutating func lowerLayerIsDown(at now: Instant) { perform(.down, at: now) }
    public mutating func open(at now: Instant) { perform(.open, at: now) }
    public mutating func close(at now: Instant) { perform(.close, at: now) }

    /// The peer does not know this protocol at all.
    public mutating func receivedProtocolReject(at now: Instant) { perform(.rxjMinus, at: now) }

    public mutating func handleTimeout(at now: Instant) {
        guard let deadline, now >= deadline else { return }
        self.deadline = nil
        perform(restartCounter > 0 ? .toPlus : .toMinus, at: now)
    }

    // MARK: Packets

    /// Codes that are the owner's business must not come here.
    public mutating func receive(_ packet: ControlPacket, at now: Instant) throws(WireError) {
        guard automaton.state != .initial, automaton.state != .starting else { return }
        switch packet.code {
        case .configureRequest: try receivedRequest(packet, at: now)
        case .configureAck: try receivedAck(packet, at: now)
        case .configureNak, .configureReject: try receivedRefusal(packet, at: now)
        case .terminateRequest:
            isClosedByPeer = true
            perform(.rtr, packet, at: now)
        case .terminateAck: perform(.rta, packet, at: now)
        case .codeReject: receivedCodeReject(packet, at: now)
        default: perform(.ruc, packet, at: now)
        }
    }

    private mutating func receivedRequest(_ packet: ControlPacket, at now: Instant) throws(WireError) {
        let wanted = try ConfigurationOption.list(parsing: packet.data)
        if isOpened, packet == acknowledgedRequest {
            return outputs.append(.send(ControlPacket(.configureAck, packet.identifier, packet.data)))
        }
        let answer = judge(wanted)
        if case .acknowledge = answer {
            acknowledgedRequest = packet
            options.acknowledged(wanted)
            sentNaks = 0
            perform(.rcrPlus, packet, at: now)
        } else {
            acknowledgedRequest = nil
            perform(.rcrMinus, packet, answer, at: now)
        }
    }

    /// A peer that will not come round loses the options instead, RFC 1661 §4.6.
    private mutating func judge(_ wanted: [ConfigurationOption]) -> OptionJudgement {
        let judgement = options.judge(wanted)
        guard case .nak(let naks) = judgement else { return judgement }
        sentNaks += 1
        guard sentNaks > Self.maxFailure else { return judgement }
        let disputed = wanted.filter { option in naks.contains { $0.type == option.type } }
        return disputed.isEmpty ? .acknowledge : .reject(disputed)
    }

    private mutating func receivedAck(_ packet: ControlPacket, at now: Instant) throws(WireError) {
        let options = try ConfigurationOption.list(parsing: packet.data)
        guard packet.identifier == requestIdentifier, !isAnswered, options == requested else { return }
        isAnswered = true
        perform(.rca, packet, at: now)
    }

    private mutating func receivedRefusal(_ packet: ControlPacket, at now: Instant) throws(WireError) {
        let list = try ConfigurationOption.list(parsing: packet.data)
        guard packet.identifier == requestIdentifier, !isAnswered else { return }
        if packet.code == .configureReject {
            guard !list.isEmpty, list.allSatisfy({ requested.contains($0) }) else { return }
            options.receivedReject(list)
        } else {
            options.receivedNak(list)
        }
        isAnswered = true
        refusals += 1
        perform(refusals > Self.maxRefusals ? .rxjMinus : .rcn, packet, at: now)
    }

    /// The codes of the automaton itself cannot be done without.
    private mutating func receivedCodeReject(_ packet: ControlPacket, at now: Instant) {
        let isVital = packet.data.first.map { (1...7).contains($0) } ?? false
        perform(isVital ? .rxjMinus : .rxjPlus, packet, at: now)
    }

    // MARK: Actions

    private mutating func perform(
        _ event: NegotiationAutomaton.Event, _ packet: ControlPacket? = nil,
        _ answer: OptionJudgement = .acknowledge, at now: Instant
    ) {
        let actions = automaton.handle(event)
        for action in actions {
            switch action {
            case .tlu: outputs.append(.up)
            case .tld: outputs.append(.down)
            case .tlf: outputs.append(.finished)
            case .tls, .ser: break
            case .irc: restartCounter = actions.contains(.str) ? Self.maxTerminate : Self.maxConfigure
            case .zrc:
                restartCounter = 0
                deadline = now + Self.restartPeriod
            case .scr: sendRequest(at: now)
            case .str: sendTerminateRequest(at: now)
            case .sca, .scn: if let packet { sendAnswer(to: packet, answer) }
            case .sta:
                outputs.append(.send(ControlPacket(.terminateAck, packet?.identifier ?? lastIdentifier)))
            case .scj: if let packet { sendCodeReject(of: packet) }
            }
        }
        switch automaton.state {
        case .closing, .stopping, .reqSent, .ackRcvd, .ackSent: break
        case .initial, .starting, .closed, .stopped, .opened: deadline = nil
        }
    }

    private mutating func sendRequest(at now: Instant) {
        restartCounter -= 1
        deadline = now + Self.restartPeriod
        // A retransmission is the same packet.
        if isAnswered || requested != options.request {
            lastIdentifier &+= 1
            requestIdentifier = lastIdentifier
            requested = options.request
            isAnswered = false
        }
        outputs.append(
            .send(
                ControlPacket(.configureRequest, requestIdentifier, ConfigurationOption.octets(of: requested))
            ))
    }

    private mutating func sendTerminateRequest(at now: Instant) {
        restartCounter -= 1
        deadline = now + Self.restartPeriod
        lastIdentifier &+= 1
        isAnswered = true
        outputs.append(.send(ControlPacket(.terminateRequest, lastIdentifier)))
    }

    private mutating func sendAnswer(to packet: ControlPacket, _ answer: OptionJudgement) {
        switch answer {
        case .acknowledge: outputs.append(.send(ControlPacket(.configureAck, packet.identifier, packet.data)))
        case .nak(let options): send(.configureNak, packet.identifier, options)
        case .reject(let options): send(.configureReject, packet.identifier, options)
        }
    }

    private mutating func send(
        _ code: ControlPacket.Code, _ identifier: UInt8, _ options: [ConfigurationOption]
    ) {
        outputs.append(.send(ControlPacket(code, identifier, ConfigurationOption.octets(of: options))))
    }

    private mutating func sendCodeReject(of packet: ControlPacket) {
        lastIdentifier &+= 1
        outputs.append(
            .send(ControlPacket(.codeReject, lastIdentifier, Array(packet.octets.prefix(Self.maxQuoted)))))
    }
}
