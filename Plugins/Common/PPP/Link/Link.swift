public import OpenSSL
public import Wire

/// The server's end of a PPP link, from its establishment to its end: RFC 1661 §3. Brings LCP,
/// authentication, IPCP and IPV6CP (RFC 5072) together; what carries its frames is not its business.
/// Compression and encryption (CCP, MPPE) are declined, and so is IPv6 where nobody carries it. The peer
/// begins with IPV6CP if it wants IPv6, and a link without is none the worse.
///
/// A value without IO or clock: one input, then outputs until nil, then sleep until `deadline`.
///
/// Bounds: what LCP, the authenticator and IPCP hold, one waiting request, and a peer that negotiates anew
/// more than `maxEstablishments` times, or that joins no network within a minute of its authentication, is
/// ended.
public struct Link: Sendable {
    public static let maxEstablishments = 8
    public static let networkPatience = Duration.seconds(60)
    /// Octets of a frame that a Protocol-Reject quotes.
    static let maxQuoted = 512

    public struct Configuration: Sendable {
        /// The longest packet that is taken.
        public var mru: UInt16
        /// In the order in which they are asked for.
        public var methods: [AuthenticationMethod]
        /// How the server calls itself in challenges.
        public var serverName: [UInt8]
        /// Nil where the transport finds dead peers itself.
        public var echoInterval: Duration?
        public var carriesIPv6: Bool
        /// Shows our certificate and verifies the peer's; EAP-TLS needs it.
        public var tls: TLSContext?

        public init(
            mru: UInt16 = LCPOptions.defaultMRU, methods: [AuthenticationMethod], serverName: [UInt8],
            echoInterval: Duration? = nil, carriesIPv6: Bool = false, tls: TLSContext? = nil
        ) {
            precondition(tls != nil || !methods.contains(.eapTLS), "EAP-TLS without a certificate")
            self.tls = tls
            self.carriesIPv6 = carriesIPv6
            self.mru = mru
            self.methods = methods
            self.serverName = serverName
            self.echoInterval = echoInterval
        }
    }

    /// RFC 1661 §3.2; `ended` is for good.
    public enum Phase: Equatable, Sendable { case dead, establish, authenticate, network, ended }

    public enum Output: Equatable, Sendable {
        /// A frame with its header.
        case send([UInt8])
        /// To be answered by `decided`.
        case authenticate(Evidence)
        /// The peer has been told that it is accepted.
        case authenticated
        /// The peer wants to join a network, and wishes for an address. To be answered by `networkOpened` or
        /// `close`.
        case openNetwork(wish: IPv4Address?)
        /// Packets flow from now on.
        case networkIsUp
        /// So do those of IPv6; with the interface identifiers of both ends. After `networkIsUp`.
        case ipv6IsUp(own: UInt64, peer: UInt64)
        case ended(End)
    }

    /// Why the link is no more, with a sentence for the log.
    public struct End: Equatable, Sendable {
        public enum Cause: Equatable, Sendable { case peer, timeout, protocolError, authentication, local }
        public var cause: Cause
        public var sentence: String
    }

    public let configuration: Configuration
    public internal(set) var phase = Phase.dead
    public internal(set) var lcp: ControlProtocol<LCPOptions>
    public internal(set) var ipcp: ControlProtocol<IPCPOptions>?
    /// From the peer's first request on that finds a network open, see `receiveIPV6CP`.
    public internal(set) var ipv6cp: ControlProtocol<IPV6CPOptions>?
    var isIPv6Told = false
    /// What the peer calls its system (Windows: "MSRASV5.20") and itself, RFC 1570 §1.1.
    public internal(set) var software: String?
    public internal(set) var hostName: String?

    var authenticator: Authenticator?
    var echo: EchoMonitor?
    var networkDeadline: Instant?
    /// Of packets that are LCP's but not the automaton's.
    var identifier: UInt8 = 0
    var establishments = 0
    var isNetworkAsked = false
    /// The newest IPCP request that came before there was an answer to it.
    var waitingRequest: ControlPacket?
    /// The same of IPV6CP.
    var waitingIPv6Request: ControlPacket?
    var random: any RandomNumberGenerator & Sendable
    var outputs: [Output] = []

    public init(_ configuration: Configuration, random: any RandomNumberGenerator & Sendable) {
        var random = random
        self.configuration = configuration
        lcp = ControlProtocol(
            LCPOptions(
                mru: configuration.mru, magicNumber: random.next(), methods: configuration.methods))
        self.random = random
    }

    /// When `handleTimeout` must next be called. A link that has ended says its goodbye once.
    public var deadline: Instant? {
        guard phase != .ended else { return nil }
        return [
            lcp.deadline, authenticator?.deadline, ipcp?.deadline, ipv6cp?.deadline, echo?.deadline,
            networkDeadline,
        ]
        .compactMap { $0 }.min()
    }

    public mutating func nextOutput() -> Output? { outputs.isEmpty ? nil : outputs.removeFirst() }

    /// Frames can be sent and received from now on.
    public mutating func start(at now: Instant) {
        guard phase == .dead else { return }
        phase = .establish
        lcp.open(at: now)
        lcp.lowerLayerIsUp(at: now)
        settle(at: now)
    }

    public mutating func handleTimeout(at now: Instant) {
        guard phase != .ended else { return }
        lcp.handleTimeout(at: now)
        authenticator?.handleTimeout(at: now)
        ipcp?.handleTimeout(at: now)
        ipv6cp?.handleTimeout(at: now)
        switch echo?.handleTimeout(at: now) {
        case .sendEchoRequest: sendLCP(.echoRequest, magicNumber)
        case .peerIsDead: end(.timeout, "the peer does not answer echo requests", at: now)
        case nil: break
        }
        if let networkDeadline, now >= networkDeadline {
            end(.timeout, "the peer joined no network", at: now)
        }
        settle(at: now)
    }

    /// The answer to `authenticate`.
    public mutating func decided(_ verdict: AuthenticationVerdict, at now: Instant) {
        guard phase == .authenticate else { return }
        authenticator?.decided(
            verdict, canFallBack: lcp.options.hasOtherProtocol, &random, at: now)
        settle(at: now)
    }

    /// The MSK of EAP-TLS, 64 octets, from the question `authenticate` on until its answer leads on. Nil: the
    /// method has no keys, or those who judge have them.
    public var masterSessionKey: SecretBytes? { authenticator?.exchange?.masterSessionKey }

    /// The answer to `openNetwork`.
    public mutating func networkOpened(_ network: PeerNetwork, at now: Instant) {
        guard phase == .network, isNetworkAsked, ipcp == nil else { return }
        var ipcp = ControlProtocol(IPCPOptions(network))
        ipcp.open(at: now)
        ipcp.lowerLayerIsUp(at: now)
        if let waitingRequest { try? ipcp.receive(waitingRequest, at: now) }
        waitingRequest = nil
        self.ipcp = ipcp
        if let waitingIPv6Request { beginIPv6(with: waitingIPv6Request, at: now) }
        settle(at: now)
    }

    /// Tells the peer goodbye.
    public mutating func close(_ sentence: String, at now: Instant) {
        end(.local, sentence, at: now)
        settle(at: now)
    }

    var magicNumber: [UInt8] {
        var octets: [UInt8] = []
        octets.appendBigEndian(lcp.options.magicNumber)
        return octets
    }

    mutating func send(_ protocol: PPPProtocol, _ payload: [UInt8]) {
        outputs.append(.send(PPPHeader.frame(`protocol`, payload)))
    }

    mutating func sendLCP(_ code: ControlPacket.Code, _ data: [UInt8]) {
        identifier &+= 1
        send(.lcp, ControlPacket(code, identifier, data).octets)
    }

    mutating func end(_ cause: End.Cause, _ sentence: String, at now: Instant) {
        guard phase != .ended else { return }
        phase = .ended
        lcp.close(at: now)
        while let output = lcp.nextOutput() {
            if case .send(let packet) = output { send(.lcp, packet.octets) }
        }
        authenticator = nil
        ipcp = nil
        ipv6cp = nil
        echo = nil
        networkDeadline = nil
        outputs.append(.ended(End(cause: cause, sentence: sentence)))
    }
}

// MARK: - Packets of the network

extension Link {
    /// Whether packets flow.
    public var isNetworkUp: Bool { ipcp?.isOpened == true }
    public var isIPv6Up: Bool { ipv6cp?.isOpened == true }

    /// The longest packet that the peer takes.
    public var peerMRU: Int { Int(lcp.options.peerMRU) }

    /// What stands in front of an IPv4 packet to the peer: as short as the peer allows. For one of IPv6 its
    /// last octet is another one, `PPPHeader.lastOctet`.
    public var dataHeader: [UInt8] {
        (lcp.options.compressesAddress ? [] : [0xff, 0x03])
            + (lcp.options.compressesProtocol ? [0x21] : [0x00, 0x21])
    }

    /// Any frame shows that the peer is there; those that are not given to `receive` do so here.
    public mutating func receivedData(at now: Instant) { echo?.receivedFrame(at: now) }
}
