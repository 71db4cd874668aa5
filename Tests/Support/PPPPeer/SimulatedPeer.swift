import MSCHAPv2
package import OpenSSL
package import Wire

@testable package import PPP

/// A PPP client without IO or clock, as far as a server can see it.
package struct SimulatedPeer {
    package struct Options {
        package var name = "alice"
        package var password = "secret"
        package var accepts = AuthenticationMethod.allCases
        /// Of IPCP's first request, by type.
        package var wishes: [UInt8: UInt32] = [3: 0, 129: 0, 131: 0]
        package var isStubborn = false
        package var compresses = false
        /// Asks for CCP and IPV6CP as Windows does.
        package var asksForMore = false
        /// Negotiates IPV6CP with this interface identifier.
        package var interfaceIdentifier: UInt64?
        /// Says who it is, as Windows does.
        package var identifies = false
        /// Shows a certificate in EAP-TLS; without it the peer wishes for EAP-MSCHAPv2.
        package var tls: TLSContext?
        /// Octets of the fragments that the peer sends of its own TLS messages.
        package var fragment = 1000
        /// Takes a second password where the first was wrong.
        package var secondPassword: String?

        package init() {}
    }

    package enum Output: Equatable {
        case send([UInt8])
        case authenticated
        case up
        case ended
    }

    package let options: Options
    package private(set) var lcp: ControlProtocol<PeerLCPOptions>
    package private(set) var ipcp: ControlProtocol<PeerIPCPOptions>
    package private(set) var ipv6cp: ControlProtocol<IPV6CPOptions>?
    package private(set) var isUp = false
    package private(set) var hasEnded = false
    /// Protocols that the server has rejected.
    package private(set) var rejected: [UInt16] = []
    /// MasterSendKey and MasterReceiveKey of the proof that was last given, as this end has them.
    package private(set) var keys: (send: [UInt8], receive: [UInt8])?
    /// What the server's Success said of itself is what the password makes it.
    package private(set) var serverIsProved = false

    private var password: String
    private var proof: (exchange: MSCHAPv2Exchange, response: [UInt8])?
    /// The MSK of EAP-TLS, as this end has it.
    package private(set) var masterSessionKey: SecretBytes?
    private var tls: PeerTLS?
    private var papDeadline: Instant?
    private var outputs: [Output] = []

    package init(_ options: Options = Options(), magicNumber: UInt32 = 0x1234_5678) {
        self.options = options
        password = options.password
        lcp = ControlProtocol(
            PeerLCPOptions(
                accepts: options.accepts, magicNumber: magicNumber, compresses: options.compresses))
        ipcp = ControlProtocol(PeerIPCPOptions(values: options.wishes, isStubborn: options.isStubborn))
    }

    package var address: IPv4Address? { ipcp.options.values[3].map { IPv4Address($0) } }
    package func server(_ type: UInt8) -> IPv4Address? { ipcp.options.values[type].map { IPv4Address($0) } }

    package var deadline: Instant? {
        [lcp.deadline, ipcp.deadline, ipv6cp?.deadline, papDeadline].compactMap { $0 }.min()
    }

    package mutating func nextOutput() -> Output? { outputs.isEmpty ? nil : outputs.removeFirst() }

    package mutating func start(at now: Instant) {
        lcp.open(at: now)
        lcp.lowerLayerIsUp(at: now)
        settle(at: now)
    }

    package mutating func close(at now: Instant) {
        lcp.close(at: now)
        settle(at: now)
    }

    package mutating func handleTimeout(at now: Instant) {
        lcp.handleTimeout(at: now)
        ipcp.handleTimeout(at: now)
        ipv6cp?.handleTimeout(at: now)
        if let papDeadline, now >= papDeadline { sendPassword(at: now) }
        settle(at: now)
    }

    package mutating func receive(_ frame: [UInt8], at now: Instant) {
        guard let header = PPPHeader(frame.span.bytes) else { return }
        let payload = Array(frame.dropFirst(header.length))
        switch header.protocol {
        case .lcp: receiveLCP(payload, at: now)
        case .chap: receiveCHAP(payload)
        case .pap: receivePAP(payload, at: now)
        case .eap: receiveEAP(payload)
        case .ipcp:
            if let packet = try? ControlPacket(parsing: payload) { try? ipcp.receive(packet, at: now) }
        case .ipv6cp:
            if let packet = try? ControlPacket(parsing: payload) { try? ipv6cp?.receive(packet, at: now) }
        default: break
        }
        settle(at: now)
    }

    // MARK: Layers

    private mutating func settle(at now: Instant) {
        while let output = lcp.nextOutput() {
            switch output {
            case .send(let packet): send(.lcp, packet.octets)
            case .up: linkIsUp(at: now)
            case .down:
                ipcp.lowerLayerIsDown(at: now)
                papDeadline = nil
            case .finished: finish()
            }
        }
        if lcp.isClosedByPeer { finish() }
        while let output = ipcp.nextOutput() {
            switch output {
            case .send(let packet): send(.ipcp, packet.octets)
            case .up:
                isUp = true
                outputs.append(.up)
            case .down, .finished: isUp = false
            }
        }
        while let output = ipv6cp?.nextOutput() {
            if case .send(let packet) = output { send(.ipv6cp, packet.octets) }
        }
    }

    private mutating func finish() {
        guard !hasEnded else { return }
        hasEnded = true
        isUp = false
        outputs.append(.ended)
    }

    private mutating func linkIsUp(at now: Instant) {
        if options.identifies {
            for text in ["MSRASV5.20", "MSRAS-0-LAPTOP"] {
                send(.lcp, ControlPacket(.identification, 9, [0, 0, 0, 0] + Array(text.utf8)).octets)
            }
        }
        switch lcp.options.method {
        case .pap: sendPassword(at: now)
        case nil: joinNetwork(at: now)
        case .chapMD5, .msCHAPv2, .eapTLS, .eapMSCHAPv2: break
        }
    }

    private mutating func joinNetwork(at now: Instant) {
        outputs.append(.authenticated)
        if options.asksForMore {
            for (number, type) in [(UInt16(0x80fd), UInt8(18)), (0x8057, 1)] {
                let option = ConfigurationOption(type, UInt32(0x0100_0040))
                send(
                    PPPProtocol(rawValue: number),
                    ControlPacket(.configureRequest, 1, ConfigurationOption.octets(of: [option])).octets)
            }
        }
        ipcp.open(at: now)
        ipcp.lowerLayerIsUp(at: now)
        guard let identifier = options.interfaceIdentifier else { return }
        ipv6cp = ControlProtocol(IPV6CPOptions(own: identifier, offered: identifier &+ 1))
        ipv6cp?.open(at: now)
        ipv6cp?.lowerLayerIsUp(at: now)
    }

    package mutating func closeIPv6(at now: Instant) {
        ipv6cp?.close(at: now)
        settle(at: now)
    }

    private mutating func receiveLCP(_ payload: [UInt8], at now: Instant) {
        guard let packet = try? ControlPacket(parsing: payload) else { return }
        if packet.code == .protocolReject {
            rejected.append(UInt16(packet.data[0]) << 8 | UInt16(packet.data[1]))
        } else if packet.code.rawValue < 8 {
            try? lcp.receive(packet, at: now)
        }
    }

    package mutating func send(_ protocol: PPPProtocol, _ payload: [UInt8]) {
        outputs.append(.send(PPPHeader.frame(`protocol`, payload)))
    }
}

// MARK: - Proving who it is

extension SimulatedPeer {
    private mutating func sendPassword(at now: Instant) {
        papDeadline = now + .seconds(3)
        let request = PAPPacket.Request(name: Array(options.name.utf8), password: Array(password.utf8))
        send(.pap, ControlPacket(PAPPacket.authenticateRequest, 7, request.octets).octets)
    }

    private mutating func receivePAP(_ payload: [UInt8], at now: Instant) {
        guard let packet = try? ControlPacket(parsing: payload) else { return }
        papDeadline = nil
        if packet.code == PAPPacket.authenticateAck { accepted() }
    }

    private mutating func receiveCHAP(_ payload: [UInt8]) {
        guard let packet = try? ControlPacket(parsing: payload) else { return }
        switch packet.code {
        case CHAPPacket.challenge:
            guard let value = answer(packet.data) else { return }
            send(.chap, ControlPacket(CHAPPacket.response, packet.identifier, value).octets)
        case CHAPPacket.success:
            verify(packet.data)
            accepted()
        case CHAPPacket.failure:
            guard let value = retry(packet.data) else { return }
            send(.chap, ControlPacket(CHAPPacket.response, packet.identifier &+ 1, value).octets)
        default: break
        }
    }

    private mutating func receiveEAP(_ payload: [UInt8]) {
        guard let packet = try? EAPPacket(parsing: payload) else { return }
        if packet.code == .success { return accepted() }
        guard packet.code == .request else { return }
        if packet.method == .identity {
            return sendEAP(packet.identifier, .identity, Array(options.name.utf8))
        }
        if packet.method == .tls { return receiveTLS(packet) }
        guard let inner = try? EAPMSCHAPv2Packet(parsing: packet.data) else { return }
        switch inner.opCode {
        case CHAPPacket.challenge:
            guard let value = answer(inner.data) else { return }
            let response = EAPMSCHAPv2Packet(CHAPPacket.response, inner.identifier, value)
            sendEAP(packet.identifier, .msCHAPv2, response.octets)
        case CHAPPacket.success:
            verify(inner.data)
            sendEAP(packet.identifier, .msCHAPv2, [CHAPPacket.success.rawValue])
        default: sendEAP(packet.identifier, .msCHAPv2, [CHAPPacket.failure.rawValue])
        }
    }

    private mutating func receiveTLS(_ packet: EAPPacket) {
        guard let context = options.tls, let request = try? EAPTLSPacket(parsing: packet.data) else {
            return sendEAP(packet.identifier, .nak, [EAPPacket.Method.msCHAPv2.rawValue])
        }
        // A request that is repeated is answered as it was: TLS hears it once. One that was overtaken, which
        // happens on no real link, is not answered.
        if let last = tls?.last, Int8(bitPattern: packet.identifier &- last.identifier) < 0 { return }
        if tls?.last?.identifier != packet.identifier {
            if request.isStart { tls = PeerTLS(context, fragment: options.fragment) }
            guard let answer = tls?.answer(request) else { return }
            tls?.last = (packet.identifier, answer)
            masterSessionKey = tls?.masterSessionKey
        }
        guard let answer = tls?.last?.answer else { return }
        sendEAP(packet.identifier, .tls, answer.octets)
    }

    private mutating func sendEAP(_ identifier: UInt8, _ method: EAPPacket.Method, _ data: [UInt8]) {
        send(.eap, EAPPacket(.response, identifier, method, data).octets)
    }

    /// A Response's data for a Challenge's.
    private mutating func answer(_ data: [UInt8]) -> [UInt8]? {
        var reader = ByteReader(data.span.bytes)
        guard let value = try? CHAPPacket.Value(parsing: &reader) else { return nil }
        return answer(challenge: value.value)
    }

    private mutating func answer(challenge: [UInt8]) -> [UInt8]? {
        let peerChallenge = [UInt8]((100..<116).map { $0 })
        guard
            let exchange = MSCHAPv2Exchange(
                authenticatorChallenge: challenge, peerChallenge: peerChallenge,
                userName: Array(options.name.utf8)), let hash, let response = try? exchange.ntResponse(hash)
        else { return nil }
        proof = (exchange, response)
        let value = MSCHAPv2Response(peerChallenge: peerChallenge, ntResponse: response)
        return CHAPPacket.Value(value.octets, name: Array(options.name.utf8)).octets
    }

    private var hash: NTHash? { try? NTHash(ofPassword: SecretBytes(copying: Array(password.utf8))) }

    private mutating func verify(_ message: [UInt8]) {
        guard let hash, let proof,
            let expected = try? proof.exchange.authenticatorResponse(to: proof.response, hash),
            let server = try? MSCHAPv2Exchange.masterKeys(of: proof.response, hash)
        else { return }
        keys = (send: server.receive, receive: server.send)
        serverIsProved = String(decoding: message, as: UTF8.self) == MSCHAPv2Message.success(expected)
    }

    private mutating func retry(_ message: [UInt8]) -> [UInt8]? {
        let text = String(decoding: message, as: UTF8.self)
        guard let second = options.secondPassword, text.contains(" R=1 "),
            let hex = text.split(separator: " ").first(where: { $0.hasPrefix("C=") })?.dropFirst(2)
        else { return nil }
        password = second
        return answer(challenge: Self.octets(ofHex: String(hex)))
    }

    private mutating func accepted() {
        guard ipcp.automaton.state == .initial else { return }
        joinNetwork(at: Instant(nanoseconds: 0))
    }

    private static func octets(ofHex hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue).map { UInt8($0) }
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
