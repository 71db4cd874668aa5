import OpenSSL
import Wire

/// From the exchange of keys to the configuration of the client.
extension Connection {
    // MARK: Key exchange

    func received(_ message: KeyMethod2, _ slot: KeySlot, at moment: Moment) throws(KeySlot.Failure) {
        slot.clientSource = message.keySource
        if slot === active {
            guard stage == .handshake else { return }
            try answerFirst(message, slot, at: moment)
        } else if slot === negotiating {
            authenticateAgain(message, slot, at: moment)
        }
    }

    private func answerFirst(
        _ message: KeyMethod2, _ slot: KeySlot, at moment: Moment
    ) throws(KeySlot.Failure) {
        peerInfo = (try? PeerInfo(parsing: message.peerInfo ?? "")) ?? PeerInfo()
        optionsString = OptionsString(parsing: message.options)
        username = message.username
        try sendKeyMethod(slot)
        guard let device = optionsString.device else {
            return refuse("this server speaks dev-type tun and tap only", .protocolError, at: moment)
        }
        layer = device == .tap ? .ethernet : .ip
        switch options.negotiation.outcome(peerInfo: peerInfo, options: optionsString) {
        case .agreed(let suite, let push):
            self.suite = suite
            pushesCipher = push
        case .nothingInCommon(let offered):
            log(
                .notice,
                "no common cipher offered=\"\(Self.quoted(offered.joined(separator: ":")))\"")
            return refuse(
                "Data channel cipher negotiation failed (no shared cipher)", .protocolError, at: moment)
        }
        if peerInfo.capabilities.contains(.requestPush) { wantsPush = true }
        switch certificateJudgement(slot) {
        case .failure(let reason): refuse(reason.rawValue, .authentication, at: moment)
        case .success(let certificate):
            stage = .authenticating
            authenticate(message, certificate, isRenewal: false)
        }
    }

    /// Our half of the key exchange.
    func sendKeyMethod(_ slot: KeySlot) throws(KeySlot.Failure) {
        guard let source = try? KeySource.server() else { throw KeySlot.Failure(reason: "no random octets") }
        slot.serverSource = source
        var octets: [UInt8] = []
        defer { wipe(&octets) }
        KeyMethod2(keySource: source, options: answeringOptions).serialize(into: &octets)
        try slot.send(octets)
    }

    private var answeringOptions: String {
        if !optionsString.options.isEmpty { return optionsString.mirrored().text }
        let suite = suite ?? DataCipherSuite(.aes256GCM)
        return OptionsString.server(suite, device: .tun, isTCP: path.transport == .stream).text
    }

    // MARK: Who is it?

    /// Why a certificate is not good enough, in words for the client.
    enum CertificateRefusal: String, Error {
        case expired = "expired client certificate"
        case invalid = "client certificate is not valid here"
        case missing = "client certificate required"
        case changed = "client certificate has changed"
    }

    func certificateJudgement(_ slot: KeySlot) -> Result<PeerCertificate?, CertificateRefusal> {
        guard options.clientCertificates != .none else { return .success(nil) }
        switch slot.tls.peerVerification {
        case .absent:
            return options.clientCertificates == .required ? .failure(.missing) : .success(nil)
        case .refused(let isExpired, let reason):
            log(.security, "client certificate refused reason=\"\(reason)\"")
            return .failure(isExpired ? .expired : .invalid)
        case .verified(let certificate):
            return .success(certificate)
        }
    }

    func authenticate(_ message: KeyMethod2, _ certificate: PeerCertificate?, isRenewal: Bool) {
        shownCertificate = certificate
        lastTicket += 1
        ticket = lastTicket
        put(
            .authenticate(
                AuthenticationRequest(
                    connection: id, ticket: ticket, username: message.username, password: message.password,
                    certificate: certificate, isRenewal: isRenewal, remote: path.remote,
                    software: peerInfo.softwareDescription)))
    }

    /// The verdict on the question `ticket`. `refusal`: what the client is told; nil: it is who it says.
    func decided(ticket: UInt64, refusal: String?, at moment: Moment) {
        guard self.ticket == ticket, ticket != 0 else { return }
        self.ticket = 0
        switch stage {
        case .authenticating:
            if let refusal { return refuse(refusal, .authentication, at: moment) }
            guard takePlace() else { return postpone("the server has no place left", at: moment) }
            certificate = shownCertificate
            log(.notice, "authenticated user=\"\(quotedUser)\" software=\"\(software)\"")
            stage = .opening
            sessionIsOpen = true
            put(.openSession(sessionRequest))
        case .open:
            renewalDecided(refusal: refusal, at: moment)
        case .handshake, .opening, .ending:
            break
        }
        flush(at: moment)
    }

    private func takePlace() -> Bool {
        hasPlace = options.clients.take()
        return hasPlace
    }

    func leavePlace() {
        if hasPlace { options.clients.giveBack() }
        hasPlace = false
    }

    var software: String { Self.quoted(peerInfo.softwareDescription) }
    var quotedUser: String { Self.quoted(username ?? "") }

    /// A client's words, between the quotation marks of a log line. A mark with an accent on it is another
    /// character, but the same scalar.
    static func quoted(_ text: String) -> String {
        var quoted = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(maxQuoted) { quoted.append(scalar == "\"" ? "'" : scalar) }
        return String(quoted)
    }

    private var sessionRequest: SessionRequest {
        let encapsulation = encapsulation
        let isStream = path.transport == .stream
        return SessionRequest(
            connection: id, layer: layer, mtu: innerMTU(encapsulation),
            headroom: encapsulation.headroom + (isStream ? StreamFraming.headerLength : 0),
            tailroom: encapsulation.tailroom, cipher: encapsulation.suite.cipher.rawValue,
            controlChannel: "\(active.tls.summary), \(wrapping.keys.name)", software: software,
            instance: String((peerInfo["IV_HWADDR"] ?? "").prefix(Self.maxQuoted)), remote: path.remote)
    }

    /// The largest IP packet that goes through the tunnel in one datagram of the path's assumed MTU. A
    /// stream has no such limit.
    private func innerMTU(_ encapsulation: DataEncapsulation) -> Int {
        let usual = DataEncapsulation.defaultTunMTU
        guard path.transport == .datagram else { return usual }
        let outside = (path.remote.family == .ipv4 ? 20 : 40) + 8
        let room = encapsulation.maxPayload(link: Self.assumedPathMTU - outside)
        return min(usual, room - (layer == .ethernet ? EthernetFrame.headerLength : 0))
    }

    // MARK: Its configuration

    /// The client is on its hub. `configuration` brings addresses, routes and servers; the rest is filled in
    /// here.
    func sessionOpened(_ configuration: PushReply, at moment: Moment) {
        guard stage == .opening else { return }
        guard makeFirstDataChannel() else {
            return refuse("no data keys", .protocolError, at: moment)
        }
        stage = .open
        active.establishedAt = moment.now
        active.clientSource = nil
        active.serverSource = nil
        scheduleRenegotiation(at: moment)
        pushMessages = completed(configuration).messages()
        if wantsPush { push(at: moment) }
        flush(at: moment)
    }

    private func completed(_ configuration: PushReply) -> PushReply {
        let capabilities = peerInfo.capabilities
        var reply = configuration
        reply.redirectsGateway = options.redirectsGateway && layer == .ip
        reply.pingInterval = Int(options.pingInterval.components.seconds)
        reply.pingRestart = Int(options.pingRestart.components.seconds)
        reply.announcesExit = path.transport == .datagram
        reply.peerID = capabilities.contains(.dataV2) ? peerID : nil
        reply.cipher = pushesCipher ? suite?.cipher : nil
        reply.peerKnowsProtocolFlags = capabilities.contains(.controlChannelExit)
        if capabilities.contains(.controlChannelExit) { reply.protocolFlags.insert(.controlChannelExit) }
        if capabilities.contains(.tlsKeyExport) { reply.protocolFlags.insert(.tlsKeyExport) }
        reply.framing = encapsulation.framing
        return reply
    }

    private func push(at moment: Moment) {
        wantsPush = false
        pushedAt = moment.now
        say(pushMessages, at: moment)
    }

    // MARK: Messages

    func received(_ text: String, at moment: Moment) throws(KeySlot.Failure) {
        if text == "PUSH_REQUEST" {
            receivedPushRequest(at: moment)
        } else if text == "EXIT" {
            end(.client)
        } else {
            // What stands behind the comma may be the answer to a challenge.
            log(.debug, "control message kind=\"\(Self.quoted(String(text.prefix { $0 != "," })))\"")
        }
    }

    /// Clients repeat it every few seconds. Before the session is open it is remembered, once.
    private func receivedPushRequest(at moment: Moment) {
        guard stage == .open else {
            wantsPush = true
            return
        }
        if let pushedAt, moment.now < pushedAt.advanced(by: Self.pushRepeatInterval) { return }
        guard pushedAt == nil || active.isIdle else { return }
        push(at: moment)
    }

    /// Control messages through the active slot.
    func say(_ messages: [String], at moment: Moment) {
        do throws(KeySlot.Failure) {
            for message in messages { try active.send(message) }
        } catch {
            log(.warning, "control channel failed reason=\"\(error.reason)\"")
        }
    }
}
