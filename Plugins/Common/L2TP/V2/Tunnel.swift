public import OpenSSL
public import Wire

/// A tunnel of L2TPv2 with its sessions, as the LNS of incoming calls: RFC 2661 §5, §7.2.1, §7.4.2. Messages
/// and time in, outputs out; `deadline` when to call next.
///
///     SCCRQ -->    <-- SCCRP    SCCCN -->    ICRQ -->    <-- ICRP    ICCN -->    PPP <-->
public struct Tunnel: Sendable {
    /// Sessions of one tunnel at once; telephones have one, concentrators many.
    public static let maxSessions = 1024
    public static let helloInterval: Duration = .seconds(60)
    /// From SCCRQ to SCCCN, and from ICRQ to ICCN.
    static let setupTime: Duration = .seconds(30)
    /// How long StopCCN is sent, or acknowledged, again.
    static let farewellTime: Duration = .seconds(5)
    /// A tunnel that has had no session for so long is ended.
    static let emptyTime: Duration = .seconds(60)

    public enum Output: Equatable, Sendable {
        case send([UInt8])
        /// PPP may begin. `proxy`: what the LAC has negotiated before, if anything.
        case sessionEstablished(Session, proxy: [AVP])
        /// By this side's id.
        case sessionEnded(UInt16, ResultCode)
        /// Nothing is left of it.
        case ended(String)
    }

    public struct Session: Hashable, Sendable {
        public let localID: UInt16
        public let remoteID: UInt16
        /// The LAC wants numbers in our data as well, RFC 2661 §4.4.5, Sequencing Required.
        public var isSequenced = false
    }

    enum Call: Equatable {
        case awaitingICCN(until: Instant)
        case established
    }

    /// Ours, and the peer's.
    public let localID: UInt16
    public let remoteID: UInt16
    /// What the peer calls itself; for logs.
    public let hostName: String
    var stage: ControlStage
    var sessions: [UInt16: (session: Session, call: Call)] = [:]
    var channel = ReliableChannel()
    var outputs: [Output] = []
    var lastHeard: Instant
    /// Since when there is no session.
    var emptySince: Instant?
    /// For hidden AVPs, and for the peer's challenge.
    let secret: SecretBytes?

    /// The first message. `localID` is random, and no other tunnel's.
    public init(
        answering request: ControlMessage, _ header: L2TPHeader, localID: UInt16, hostName: String,
        secret: SecretBytes? = nil, at now: Instant
    ) throws(WireError) {
        guard request.type == .SCCRQ, header.isControl, header.tunnel == 0, let numbers = header.numbers,
            numbers.ns == 0
        else { throw .badValue }
        let avps = try HiddenAVP.reveal(request.avps, secret: secret)
        let request = ControlMessage(.SCCRQ, avps)
        remoteID = try request.required(.assignedTunnelID)
        guard remoteID != 0 else { throw .badValue }
        self.localID = localID
        self.secret = secret
        self.hostName = Self.printable(request.first(.hostName)?.value ?? [])
        stage = .awaitingSCCCN(until: now + Self.setupTime)
        lastHeard = now
        _ = channel.received(ns: 0, nr: numbers.nr, isMessage: true, at: now)
        if let window = request.first(.receiveWindowSize) { channel.useWindow(try window.number()) }
        try answer(request, hostName: hostName, at: now)
    }

    private static func printable(_ octets: [UInt8]) -> String {
        let plain = octets.prefix(64).filter { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") }
        return String(decoding: plain, as: UTF8.self)
    }

    private mutating func answer(
        _ request: ControlMessage, hostName: String, at now: Instant
    ) throws(WireError) {
        if let unknown = Self.unknownMandatory(request) {
            return end(.unknownMandatory(unknown), at: now)
        }
        var avps = [
            AVP(.protocolVersion, [1, 0]), AVP(.framingCapabilities, number: 3 as UInt32),
            AVP(.hostName, Array(hostName.utf8)), AVP(.assignedTunnelID, number: localID),
            AVP(.receiveWindowSize, number: ReliableChannel.ownWindow),
        ]
        if let challenge = request.first(.challenge)?.value {
            guard secret != nil, let response = response(to: challenge, in: .SCCRP) else {
                return end(.notAuthorized, at: now)
            }
            avps.append(AVP(.challengeResponse, response))
        }
        send(ControlMessage(.SCCRP, avps), at: now)
    }

    /// RFC 2661 §4.2: MD5 of the message's type, the secret and the challenge.
    private func response(to challenge: [UInt8], in message: MessageType) -> [UInt8]? {
        var seed: [UInt8] = []
        seed.reserveCapacity(1 + (secret?.count ?? 0) + challenge.count)
        defer { wipe(&seed) }
        seed.append(UInt8(truncatingIfNeeded: message.rawValue))
        seed.append(secret)
        seed += challenge
        return try? DigestAlgorithm.md5.hash(seed)
    }

    /// The next thing to be done; nil when there is none.
    public mutating func nextOutput() -> Output? { outputs.isEmpty ? nil : outputs.removeFirst() }

    public var isOver: Bool { stage == .over }

    /// Goodbye was said, by either side.
    public var isEnding: Bool {
        if case .ending = stage { true } else { isOver }
    }

    /// A session by our id, where PPP may flow.
    public func session(_ id: UInt16) -> Session? {
        guard let found = sessions[id], found.call == .established else { return nil }
        return found.session
    }

    public var deadline: Instant? {
        var deadline = channel.deadline ?? .distantFuture
        switch stage {
        case .awaitingSCCCN(let until), .ending(let until): deadline = min(deadline, until)
        case .established:
            // What is under way asks the same question as a HELLO.
            if channel.isIdle { deadline = min(deadline, lastHeard + Self.helloInterval) }
            if let emptySince { deadline = min(deadline, emptySince + Self.emptyTime) }
        case .over: return nil
        }
        for (_, call) in sessions.values {
            if case .awaitingICCN(let until) = call { deadline = min(deadline, until) }
        }
        return deadline
    }
}

// MARK: - Input

extension Tunnel {
    /// A control message of this tunnel. `body`: what stands behind the header.
    public mutating func receive(
        _ header: L2TPHeader, _ body: inout ByteReader, at now: Instant
    ) throws(WireError) {
        guard stage != .over, let numbers = header.numbers else { return }
        let message = body.remaining == 0 ? nil : try ControlMessage(parsing: &body)
        lastHeard = now
        let arrival = channel.received(
            ns: numbers.ns, nr: numbers.nr, isMessage: message != nil, at: now)
        if arrival == .next, let message {
            try take(
                ControlMessage(message.type, HiddenAVP.reveal(message.avps, secret: secret)),
                session: header.session, at: now)
        }
        flush(at: now)
    }

    /// A PPP frame of the tunnel: the peer lives.
    public mutating func heard(at now: Instant) { lastHeard = now }

    private mutating func take(
        _ message: ControlMessage, session: UInt16, at now: Instant
    ) throws(WireError) {
        if let unknown = Self.unknownMandatory(message) {
            return refuse(message, session, .unknownMandatory(unknown), at: now)
        }
        switch (message.type, stage) {
        case (.StopCCN, _):
            dropSessions(try reason(message), at: now)
            stage = .ending(until: now + Self.farewellTime)
        case (.SCCCN, .awaitingSCCCN):
            stage = .established
            emptySince = now
        case (.ICRQ, .established): try receiveCall(message, at: now)
        case (.ICCN, .established): receiveConnected(message, session)
        case (.CDN, .established): try receiveDisconnect(message, session, at: now)
        case (.HELLO, _), (.SLI, _), (.WEN, _), (.SCCCN, _), (_, .ending): break
        case (.OCRQ, .established):
            let remote: UInt16 = try message.required(.assignedSessionID)
            sendCDN(ResultCode(2, error: 5, "no outgoing calls"), to: remote, from: 0, at: now)
        default: end(ResultCode(2, error: 5, "\(message.type.name) is not expected"), at: now)
        }
    }

    private func reason(_ message: ControlMessage) throws(WireError) -> ResultCode {
        guard let avp = message.first(.resultCode) else { return .clearConnection }
        return try ResultCode(parsing: avp.value)
    }

    private mutating func receiveCall(_ message: ControlMessage, at now: Instant) throws(WireError) {
        let remote: UInt16 = try message.required(.assignedSessionID)
        guard remote != 0 else { throw .badValue }
        guard sessions.count < Self.maxSessions else {
            return sendCDN(.temporarilyNoFacilities, to: remote, from: 0, at: now)
        }
        let local = freeSessionID()
        emptySince = nil
        sessions[local] = (
            Session(localID: local, remoteID: remote), .awaitingICCN(until: now + Self.setupTime)
        )
        send(
            ControlMessage(.ICRP, [AVP(.assignedSessionID, number: local)]), session: remote, at: now)
    }

    /// Ids need not be random: a tunnel's sessions are found under its SA alone.
    private func freeSessionID() -> UInt16 {
        var id: UInt16 = 1
        while sessions[id] != nil { id += 1 }
        return id
    }

    private mutating func receiveConnected(_ message: ControlMessage, _ id: UInt16) {
        guard let found = sessions[id], case .awaitingICCN = found.call else { return }
        var session = found.session
        session.isSequenced = message.first(.sequencingRequired) != nil
        sessions[id] = (session, .established)
        // Last sent and received CONFREQ, and how the user was authenticated, RFC 2661 §4.4.5.
        let proxy = message.avps.filter { $0.vendor == .ietf && (26...33).contains($0.type.rawValue) }
        outputs.append(.sessionEstablished(session, proxy: proxy))
    }

    /// A LAC that has not seen our ICRP cannot name our id in the header: it tells its own.
    private mutating func receiveDisconnect(
        _ message: ControlMessage, _ id: UInt16, at now: Instant
    ) throws(WireError) {
        let reason = try reason(message)
        guard id == 0 else { return drop(id, reason, at: now) }
        let remote: UInt16 = try message.required(.assignedSessionID)
        let ids = sessions.values.map(\.session).filter { $0.remoteID == remote }.map(\.localID)
        for id in ids { drop(id, reason, at: now) }
    }

    public mutating func handleTimeout(at now: Instant) {
        guard channel.handleTimeout(at: now) else { return finish("the peer does not answer", at: now) }
        switch stage {
        case .awaitingSCCCN(let until) where now >= until: return finish("SCCCN did not come", at: now)
        case .ending(let until) where now >= until: return finish("it was ended", at: now)
        case .established where now >= lastHeard + Self.helloInterval && channel.isIdle:
            lastHeard = now
            send(ControlMessage(.HELLO), at: now)
        default: break
        }
        if stage == .established, let emptySince, now >= emptySince + Self.emptyTime {
            end(.clearConnection, at: now)
        }
        for (id, (_, call)) in sessions {
            if case .awaitingICCN(let until) = call, now >= until { hangUp(id, .lostCarrier, at: now) }
        }
        flush(at: now)
    }
}

// MARK: - Ends

extension Tunnel {
    /// Ends one session, by our id.
    public mutating func hangUp(_ id: UInt16, _ reason: ResultCode, at now: Instant) {
        guard let (session, _) = sessions[id] else { return }
        sendCDN(reason, to: session.remoteID, from: id, at: now)
        drop(id, reason, at: now)
    }

    /// Says goodbye.
    public mutating func end(_ reason: ResultCode, at now: Instant) {
        switch stage {
        case .ending, .over: return
        case .awaitingSCCCN, .established: break
        }
        dropSessions(reason, at: now)
        stage = .ending(until: now + Self.farewellTime)
        send(
            ControlMessage(.StopCCN, [AVP(.assignedTunnelID, number: localID), reason.avp]), at: now)
    }

    private mutating func drop(_ id: UInt16, _ reason: ResultCode, at now: Instant) {
        guard sessions.removeValue(forKey: id) != nil else { return }
        if sessions.isEmpty { emptySince = now }
        outputs.append(.sessionEnded(id, reason))
    }

    private mutating func dropSessions(_ reason: ResultCode, at now: Instant) {
        for id in sessions.keys.sorted() { drop(id, reason, at: now) }
    }

    private mutating func finish(_ reason: String, at now: Instant) {
        dropSessions(.lostCarrier, at: now)
        stage = .over
        outputs.append(.ended(reason))
    }

    /// A message about a session ends the session, any other one the tunnel, RFC 2661 §4.1.
    private mutating func refuse(
        _ message: ControlMessage, _ session: UInt16, _ reason: ResultCode, at now: Instant
    ) {
        switch message.type {
        case .ICRQ, .OCRQ:
            let remote: UInt16? = try? message.required(.assignedSessionID)
            sendCDN(reason, to: remote ?? 0, from: 0, at: now)
        case .ICCN, .CDN, .SLI, .WEN: hangUp(session, reason, at: now)
        default: end(reason, at: now)
        }
    }

    private mutating func sendCDN(
        _ reason: ResultCode, to remote: UInt16, from local: UInt16, at now: Instant
    ) {
        send(
            ControlMessage(.CDN, [reason.avp, AVP(.assignedSessionID, number: local)]), session: remote,
            at: now)
    }

    // MARK: Output

    private mutating func send(_ message: ControlMessage, session: UInt16 = 0, at now: Instant) {
        guard channel.enqueue(message.body, session: session) else {
            return finish("the peer does not answer", at: now)
        }
        flush(at: now)
    }

    private mutating func flush(at now: Instant) {
        guard stage != .over else { return }
        while let next = channel.nextToSend(at: now) { put(next.body, next.session, next.number) }
        if channel.owesAcknowledgement { put([], 0, channel.takeAcknowledgement()) }
    }

    private mutating func put(_ body: [UInt8], _ session: UInt16, _ ns: UInt16) {
        let header = L2TPHeader(
            isControl: true, tunnel: remoteID, session: session,
            numbers: L2TPHeader.Numbers(ns: ns, nr: channel.expected))
        var octets: [UInt8] = []
        header.serialize(into: &octets, bodyLength: body.count)
        outputs.append(.send(octets + body))
    }

    private static func unknownMandatory(_ message: ControlMessage) -> AVP? {
        message.avps.first { avp in
            avp.isMandatory && (avp.vendor != .ietf || avp.type.rawValue > 39 && avp.type.rawValue != 46)
        }
    }
}
