public import Wire

extension Link {
    /// A frame that is none of the network's packets. What throws is to be dropped and counted.
    public mutating func receive(_ frame: RawSpan, at now: Instant) throws(WireError) {
        guard phase != .ended, phase != .dead else { return }
        guard let header = PPPHeader(frame) else { throw .badValue }
        let payload = [UInt8](copying: frame.extracting(droppingFirst: header.length))
        echo?.receivedFrame(at: now)
        defer { settle(at: now) }
        switch header.protocol {
        case .lcp: try receiveLCP(ControlPacket(parsing: payload), at: now)
        case .pap, .chap, .eap: try receiveAuthentication(header.protocol, payload, at: now)
        case .ipcp: try receiveIPCP(ControlPacket(parsing: payload), at: now)
        case .ipv6cp where configuration.carriesIPv6:
            try receiveIPV6CP(ControlPacket(parsing: payload), at: now)
        // Too early, or too late: IPCP and IPV6CP alone say when.
        case .ipv4: break
        case .ipv6 where configuration.carriesIPv6: break
        default: reject(header.protocol, payload)
        }
    }

    private mutating func receiveLCP(_ packet: ControlPacket, at now: Instant) throws(WireError) {
        switch packet.code {
        case .protocolReject: try receiveProtocolReject(packet, at: now)
        case .echoRequest: answerEcho(packet)
        case .echoReply, .discardRequest, .timeRemaining: break
        case .identification: receiveIdentification(packet)
        default: try lcp.receive(packet, at: now)
        }
    }

    /// RFC 1661 §5.8. Our own magic number comes back from a looped link.
    private mutating func answerEcho(_ packet: ControlPacket) {
        guard lcp.isOpened, packet.data.count >= 4, packet.data.prefix(4) != magicNumber[...] else { return }
        let data = magicNumber + packet.data.dropFirst(4)
        send(.lcp, ControlPacket(.echoReply, packet.identifier, data).octets)
    }

    private mutating func receiveProtocolReject(_ packet: ControlPacket, at now: Instant) throws(WireError) {
        guard lcp.isOpened else { return }
        var reader = ByteReader(packet.data.rawSpan)
        switch PPPProtocol(rawValue: try reader.read(UInt16.self)) {
        case .ipcp: ipcp?.receivedProtocolReject(at: now)
        case .ipv6cp: ipv6cp?.receivedProtocolReject(at: now)
        case .lcp: lcp.receivedProtocolReject(at: now)
        case .pap, .chap, .eap: end(.authentication, "the peer rejects what it agreed to", at: now)
        default: break
        }
    }

    /// Windows says `MSRASV5.20` and `MSRAS-0-` with its name.
    private mutating func receiveIdentification(_ packet: ControlPacket) {
        let text = packet.data.dropFirst(4).prefix(64)
        guard text.allSatisfy({ (0x20..<0x7f).contains($0) }) else { return }
        let name = "MSRAS-0-"
        let said = String(decoding: text, as: UTF8.self)
        if said.hasPrefix(name) {
            hostName = String(said.dropFirst(name.count))
        } else {
            software = said
        }
    }

    /// A protocol that was not agreed on is dropped without a word, as is everything before its phase.
    private mutating func receiveAuthentication(
        _ protocol: PPPProtocol, _ payload: [UInt8], at now: Instant
    ) throws(WireError) {
        guard lcp.isOpened, authenticator?.method.protocol == `protocol` else { return }
        try authenticator?.receive(payload, &random, at: now)
    }

    private mutating func receiveIPCP(_ packet: ControlPacket, at now: Instant) throws(WireError) {
        guard phase == .network else { return }
        authenticator?.peerKnows()
        guard ipcp == nil else {
            try ipcp?.receive(packet, at: now)
            return
        }
        guard packet.code == .configureRequest else { return }
        _ = try ConfigurationOption.list(parsing: packet.data)
        waitingRequest = packet
        guard !isNetworkAsked else { return }
        isNetworkAsked = true
        networkDeadline = now + Self.networkPatience
        outputs.append(.openNetwork(wish: IPCPOptions.wish(in: packet)))
    }

    private mutating func receiveIPV6CP(_ packet: ControlPacket, at now: Instant) throws(WireError) {
        guard phase == .network else { return }
        authenticator?.peerKnows()
        guard ipv6cp == nil else {
            try ipv6cp?.receive(packet, at: now)
            return
        }
        guard packet.code == .configureRequest else { return }
        _ = try ConfigurationOption.list(parsing: packet.data)
        // The network may have an identifier for the peer. One that waits for us before it asks for a network
        // is not kept waiting.
        guard ipcp != nil || waitingIPv6Request != nil && !isNetworkAsked else {
            waitingIPv6Request = packet
            return
        }
        beginIPv6(with: packet, at: now)
    }

    mutating func beginIPv6(with packet: ControlPacket, at now: Instant) {
        waitingIPv6Request = nil
        let wanted = ipcp?.options.network.interfaceIdentifier
        var own = random.next() | 1
        // Made up like the own one, and another one, as its last bit is.
        let offered = wanted ?? random.next() & ~1 | 2
        if own == offered { own ^= 2 }
        var machine = ControlProtocol(IPV6CPOptions(own: own, offered: offered, insists: wanted != nil))
        machine.open(at: now)
        machine.lowerLayerIsUp(at: now)
        try? machine.receive(packet, at: now)
        ipv6cp = machine
    }

    /// RFC 1661 §5.7: for what the peer will do without, as CCP.
    private mutating func reject(_ protocol: PPPProtocol, _ payload: [UInt8]) {
        guard lcp.isOpened else { return }
        let number = `protocol`.rawValue
        let quoted = payload.prefix(min(Self.maxQuoted, peerMRU - 6))
        sendLCP(.protocolReject, [UInt8(number >> 8), UInt8(truncatingIfNeeded: number)] + quoted)
    }
}
