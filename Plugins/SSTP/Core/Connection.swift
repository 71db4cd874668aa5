import OpenSSL
public import PPP
public import Wire

/// One SSTP client from its first octet to its last: the HTTP request, the call, and PPP within it. A value
/// without IO or clock: one input, then outputs until nil, then sleep until `deadline`.
///
/// A network is joined only once the call is connected, so that nobody has a place on a hub whose crypto
/// binding was not looked at.
public struct Connection: Sendable {
    /// Octets of an IP packet and its headers in an SSTP packet.
    public static let maxPacket = SSTPHeader.maxPacket
    /// In front of an IP packet.
    public static let maxHeader = SSTPHeader.length + PPPHeader.maxLength

    enum Stage: Equatable { case opening, calling, closed }

    public let options: ConnectionOptions
    var stage = Stage.opening
    public internal(set) var call: Call
    public internal(set) var link: Link
    /// Whether packets flow both ways, so that no machine need be asked for each of them.
    public private(set) var isOpen = false
    /// Whether those of IPv6 do.
    public private(set) var isIPv6Open = false
    /// What stands in front of an IPv4 packet within an SSTP packet, see `Link.dataHeader`.
    public private(set) var dataHeader: [UInt8] = []
    /// Who the client says it is, once it has; for logs.
    public internal(set) var name = ""

    private var opening = HTTPOpening()
    /// Kept until the client has been told that it is accepted.
    var hlak: SecretBytes?
    var wish: SessionWish?
    var hasSession = false
    var hasEnded = false
    private var outputs: [ConnectionOutput] = []

    /// - Parameters:
    ///   - nonce: 32 octets that were never used before.
    ///   - certificate: DER of what the host presented on this very stream.
    public init(
        _ options: ConnectionOptions, nonce: [UInt8], certificate: [UInt8],
        random: any RandomNumberGenerator & Sendable, at now: Instant
    ) {
        precondition(nonce.count == CryptoBinding.nonceLength, "a nonce has 32 octets")
        self.options = options
        call = Call(
            BindingExpectation(hashes: options.hashes, nonce: nonce, certificate: certificate),
            requiresBinding: options.requiresBinding, at: now)
        link = Link(
            Link.Configuration(
                mru: UInt16(clamping: options.mtu), methods: options.methods,
                serverName: Array(options.serverName.utf8), carriesIPv6: options.carriesIPv6),
            random: random)
    }

    var isDrained: Bool { outputs.isEmpty && call.isDrained }

    public var deadline: Instant? {
        stage == .closed ? nil : [call.deadline, link.deadline].compactMap { $0 }.min()
    }

    public mutating func nextOutput() -> ConnectionOutput? { outputs.isEmpty ? nil : outputs.removeFirst() }

    public mutating func handleTimeout(at now: Instant) {
        guard stage != .closed else { return }
        call.handleTimeout(at: now)
        link.handleTimeout(at: now)
        settle(at: now)
    }

    // MARK: Octets of the stream

    public enum Received: Equatable {
        /// Come again with more.
        case incomplete
        /// So many octets are done with.
        case taken(Int)
        /// The first `length` octets are a packet; from `offset` on it is an IP packet for the hub.
        case payload(offset: Int, length: Int)
    }

    /// Looks at the first packet.
    @inline(__always)
    public mutating func receive(_ octets: RawSpan, at now: Instant) -> Received {
        guard isOpen, case .packet(isControl: false, let length) = SSTPHeader(octets),
            let header = PPPHeader(octets.extracting(SSTPHeader.length..<length)),
            header.protocol == .ipv4 || header.protocol == .ipv6 && isIPv6Open
        else { return receiveOther(octets, at: now) }
        call.receivedData(at: now)
        return .payload(offset: SSTPHeader.length + header.length, length: length)
    }

    private mutating func receiveOther(_ octets: RawSpan, at now: Instant) -> Received {
        switch stage {
        case .opening: return receiveOpening(octets, at: now)
        case .calling: break
        case .closed: return .taken(octets.byteCount)
        }
        switch SSTPHeader(octets) {
        case .incomplete: return .incomplete
        case .broken:
            cutOff(.protocolError, "the stream holds no SSTP packet", isOrderly: false)
            return .taken(octets.byteCount)
        case .packet(isControl: true, let length):
            call.receive([UInt8](copying: octets.extracting(first: length)), at: now)
            settle(at: now)
            return .taken(length)
        case .packet(isControl: false, let length):
            call.receivedData(at: now)
            // §3.3.7.2; what comes too early or too late is dropped.
            if call.carriesPPP { try? link.receive(octets.extracting(SSTPHeader.length..<length), at: now) }
            settle(at: now)
            return .taken(length)
        }
    }

    private mutating func receiveOpening(_ octets: RawSpan, at now: Instant) -> Received {
        switch opening.receive(octets) {
        case .incomplete: return .incomplete
        case .refused(let answer):
            outputs.append(.send(Array(answer.utf8)))
            cutOff(.protocolError, "the HTTP request is none of SSTP's", isOrderly: true)
            return .taken(octets.byteCount)
        case .request(let length):
            stage = .calling
            outputs.append(.send(Array(HTTPOpening.accepted.utf8)))
            return .taken(length)
        }
    }

    // MARK: Answers

    /// The answer to `authenticate`. The keys are the server's MasterReceiveKey and MasterSendKey, empty
    /// where the method has none.
    public mutating func decided(
        _ verdict: AuthenticationVerdict, receiveKey: [UInt8], sendKey: [UInt8], at now: Instant
    ) {
        if case .accepted = verdict { hlak = CryptoBinding.key(receiveKey, sendKey) }
        link.decided(verdict, at: now)
        settle(at: now)
    }

    /// The answer to `openSession`.
    public mutating func sessionOpened(_ network: PeerNetwork, at now: Instant) {
        link.networkOpened(network, at: now)
        settle(at: now)
    }

    public mutating func sessionRefused(_ sentence: String, at now: Instant) {
        hasSession = false
        end(.administrator, sentence, at: now)
    }

    /// The host has ended the session, or the server stops.
    public mutating func close(_ sentence: String, at now: Instant) {
        hasSession = false
        end(.administrator, sentence, at: now)
    }

    /// The stream is gone.
    public mutating func streamClosed() {
        guard stage != .closed else { return }
        closeSession(.transport, EndReason.transport.rawValue)
        stage = .closed
        isOpen = false
    }
}

// MARK: - What the machines say to each other

extension Connection {
    private mutating func settle(at now: Instant) {
        var isBusy = true
        while isBusy, stage != .closed {
            isBusy = false
            while stage != .closed, let output = call.nextOutput() {
                isBusy = true
                perform(output, at: now)
            }
            while stage != .closed, let output = link.nextOutput() {
                isBusy = true
                perform(output, at: now)
            }
        }
    }

    private mutating func perform(_ output: Call.Output, at now: Instant) {
        switch output {
        case .send(let octets): outputs.append(.send(octets))
        case .startPPP: link.start(at: now)
        case .connected:
            joinNetwork()
            updateOpen()
        case .bindingFault(let fault, let isFatal):
            let what = isFatal ? "refused" : "let pass"
            log(.warning, "\(what) without a valid crypto binding reason=\"\(fault.rawValue)\"")
        case .over(let end):
            isOpen = false
            let reason: EndReason =
                switch end.cause {
                case .peer: .client
                case .timeout: .timeout
                case .protocolError: .protocolError
                case .binding: .authentication
                }
            closeSession(reason, end.sentence)
            link.close(end.sentence, at: now)
        case .closeStream:
            stage = .closed
            outputs.append(.closeStream(isOrderly: true))
        }
    }

    private mutating func perform(_ output: Link.Output, at now: Instant) {
        switch output {
        case .send(let frame): sendFrame(frame)
        case .authenticate(let evidence):
            name = evidence.loggedName
            outputs.append(.authenticate(evidence))
        case .authenticated:
            if let hlak { call.authenticated(hlak: hlak) }
            hlak = nil
        case .openNetwork(let address):
            wish = SessionWish(
                address: address, mtu: min(options.mtu, link.peerMRU), software: link.software,
                hostName: link.hostName)
            joinNetwork()
        case .networkIsUp: updateOpen()
        case .ipv6IsUp(let own, let peer):
            updateOpen()
            outputs.append(.joinIPv6Link(own: own, peer: peer))
        case .ended(let end):
            isOpen = false
            closeSession(EndReason(end.cause), end.sentence)
            call.disconnect(at: now)
        }
    }

    /// Once the client wants to and may.
    private mutating func joinNetwork() {
        guard call.state == .connected, let wish else { return }
        self.wish = nil
        hasSession = true
        outputs.append(.openSession(wish))
    }

    mutating func updateOpen() {
        dataHeader = link.dataHeader
        isOpen = call.state == .connected && link.isNetworkUp
        isIPv6Open = isOpen && link.isIPv6Up
    }

    private mutating func sendFrame(_ frame: [UInt8]) {
        guard call.carriesPPP, frame.count <= SSTPHeader.maxPacket - SSTPHeader.length else { return }
        var packet: [UInt8] = []
        packet.reserveCapacity(SSTPHeader.length + frame.count)
        packet.appendBigEndian(SSTPHeader.word(isControl: false, length: SSTPHeader.length + frame.count))
        outputs.append(.send(packet + frame))
    }

    /// A goodbye that begins on this side: PPP's, then SSTP's.
    private mutating func end(_ reason: EndReason, _ sentence: String, at now: Instant) {
        guard stage == .calling else { return cutOff(reason, sentence, isOrderly: true) }
        isOpen = false
        link.close(sentence, at: now)
        settle(at: now)
        call.disconnect(at: now)
        settle(at: now)
    }

    private mutating func cutOff(_ reason: EndReason, _ sentence: String, isOrderly: Bool) {
        guard stage != .closed else { return }
        isOpen = false
        closeSession(reason, sentence)
        stage = .closed
        outputs.append(.closeStream(isOrderly: isOrderly))
    }

    private mutating func closeSession(_ reason: EndReason, _ sentence: String) {
        guard !hasEnded else { return }
        hasEnded = true
        log(.info, "ended reason=\"\(sentence)\"")
        guard hasSession else { return }
        hasSession = false
        outputs.append(.closeSession(reason, sentence))
    }

    private mutating func log(_ level: LogLevel, _ text: String) {
        outputs.append(.log(level, name.isEmpty ? text : "user=\"\(name)\" \(text)"))
    }
}

extension EndReason {
    fileprivate init(_ cause: Link.End.Cause) {
        self =
            switch cause {
            case .peer: .client
            case .timeout: .timeout
            case .protocolError: .protocolError
            case .authentication: .authentication
            case .local: .administrator
            }
    }
}
