public import Wire

/// A control connection of L2TPv3 with at most one Ethernet pseudowire, as the side that is called: RFC 3931
/// §3.3, §3.4. Messages and time in, outputs out; `deadline` when to call next.
///
///     SCCRQ -->    <-- SCCRP    SCCCN -->    ICRQ -->    <-- ICRP    ICCN -->
///
/// Who the peer is has been proved by IKE before, so there is no challenge and no digest.
public struct ControlConnection: Sendable {
    /// After so long without a word the peer is asked.
    public static let helloInterval: Duration = .seconds(60)
    /// From SCCRQ to SCCCN, from ICRQ to its answer, and from ICRP to ICCN.
    static let setupTime: Duration = .seconds(30)
    /// How long StopCCN is sent again.
    static let farewellTime: Duration = .seconds(5)
    static let ethernetPort: UInt16 = 5
    static let ethernetVLAN: UInt16 = 4

    public enum Output: Equatable, Sendable {
        /// A message without the zeros of IP.
        case send([UInt8])
        /// The peer wants a pseudowire; answered by `accept` or `refuse`.
        case sessionRequested
        case sessionEstablished(L2TPv3Session)
        case sessionEnded
        /// Nothing is left of it.
        case ended(String)
    }

    enum Call: Equatable {
        case none
        /// Somebody decides whether it may be.
        case requested(until: Instant)
        case awaitingICCN(until: Instant)
        case established

        /// When its patience ends.
        var until: Instant? {
            switch self {
            case .requested(let until), .awaitingICCN(let until): until
            case .none, .established: nil
            }
        }
    }

    /// Ours, and the peer's.
    public let localID: UInt32
    public let remoteID: UInt32
    public let transport: L2TPv3Transport
    /// The AVPs of Cisco's routers from before the RFC.
    let dialect: Dialect
    var stage: ControlStage
    var call = Call.none
    public internal(set) var session: L2TPv3Session?
    /// What the peer wants of its session; `accept` adds our id.
    var requested: (id: UInt32, cookie: [UInt8], hasSublayer: Bool) = (0, [], false)
    var channel = ReliableChannel()
    var outputs: [Output] = []
    var lastHeard: Instant

    /// Who we are. `connection` is random, and no other connection's.
    public struct LocalEnd: Sendable {
        public let connection: UInt32
        public let routerID: UInt32
        public let hostName: String

        public init(connection: UInt32, routerID: UInt32, hostName: String) {
            self.connection = connection
            self.routerID = routerID
            self.hostName = hostName
        }
    }

    /// The first message.
    public init(
        answering request: ControlMessage, _ header: L2TPv3Header, _ transport: L2TPv3Transport,
        as local: LocalEnd, at now: Instant
    ) throws(WireError) {
        guard request.type == .SCCRQ, header.connection == 0, header.ns == 0 else { throw .badValue }
        dialect = Dialect(request)
        remoteID = try dialect.required(.assignedControlConnectionID, request)
        guard remoteID != 0 else { throw .badValue }
        localID = local.connection
        self.transport = transport
        stage = .awaitingSCCCN(until: now + Self.setupTime)
        lastHeard = now
        _ = channel.received(ns: header.ns, nr: header.nr, isMessage: true, at: now)
        if let window = request.first(.receiveWindowSize) { channel.useWindow(try window.number()) }
        if let unknown = Self.unknownMandatory(request) {
            end(.unknownMandatory(unknown), at: now)
        } else {
            enqueue(
                ControlMessage(.SCCRP, dialect.identity(of: local)), at: now)
        }
    }

    /// The next thing to be done; nil when there is none.
    public mutating func nextOutput() -> Output? { outputs.isEmpty ? nil : outputs.removeFirst() }

    public var isOver: Bool { stage == .over }

    public var deadline: Instant? {
        var deadline = channel.deadline ?? .distantFuture
        switch stage {
        case .awaitingSCCCN(let until), .ending(let until): deadline = min(deadline, until)
        // What is under way asks the same question as a HELLO.
        case .established: if channel.isIdle { deadline = min(deadline, lastHeard + Self.helloInterval) }
        case .over: return nil
        }
        if let patience = call.until { deadline = min(deadline, patience) }
        return deadline
    }

    // MARK: Input

    /// A control message of this connection. `body`: what stands behind the header.
    public mutating func receive(
        _ header: L2TPv3Header, _ body: inout ByteReader, at now: Instant
    ) throws(WireError) {
        guard stage != .over else { return }
        let message = body.remaining == 0 ? nil : try ControlMessage(parsing: &body)
        lastHeard = now
        let arrival = channel.received(
            ns: header.ns, nr: header.nr, isMessage: message != nil,
            isExplicit: message?.type == .ACK, at: now)
        if arrival == .next, let message { try take(message, at: now) }
        flush(at: now)
    }

    /// Data of the session: the peer lives, and has our ICRP.
    public mutating func heard(at now: Instant) { lastHeard = now }

    public mutating func handleTimeout(at now: Instant) {
        guard channel.handleTimeout(at: now) else { return finish("the peer does not answer") }
        switch stage {
        case .awaitingSCCCN(let until) where now >= until: return finish("SCCCN did not come")
        case .ending(let until) where now >= until: return finish("it was ended")
        case .established where now >= lastHeard + Self.helloInterval && channel.isIdle:
            lastHeard = now
            enqueue(ControlMessage(.HELLO), at: now)
        default: break
        }
        if let patience = call.until, now >= patience { hangUp(.lostCarrier, at: now) }
        flush(at: now)
    }

    private mutating func take(_ message: ControlMessage, at now: Instant) throws(WireError) {
        if let unknown = Self.unknownMandatory(message) {
            return refuse(message, .unknownMandatory(unknown), at: now)
        }
        switch (message.type, stage) {
        case (.StopCCN, _): receiveStop(at: now)
        case (.SCCCN, .awaitingSCCCN): stage = .established
        case (.ICRQ, .established): try receiveRequest(message, at: now)
        case (.ICCN, .established):
            guard case .awaitingICCN = call, let session else { return }
            call = .established
            outputs.append(.sessionEstablished(session))
        case (.CDN, .established):
            guard call != .none else { return }
            call = .none
            session = nil
            outputs.append(.sessionEnded)
        case (.HELLO, _), (.SLI, _), (.WEN, _), (.SCCCN, _), (.ICCN, _), (.CDN, _), (_, .ending): break
        default: end(ResultCode(2, error: 5, "\(message.type.name) is not expected"), at: now)
        }
    }

    private mutating func receiveRequest(_ message: ControlMessage, at now: Instant) throws(WireError) {
        let id: UInt32 = try dialect.required(.localSessionID, message)
        let kind: UInt16 = try dialect.required(.pseudowireType, message)
        guard call == .none else { return sendCDN(.temporarilyNoFacilities, to: id, from: 0, at: now) }
        guard kind == Self.ethernetPort || kind == Self.ethernetVLAN, id != 0 else {
            return sendCDN(ResultCode(2, error: 3, "only Ethernet pseudowires"), to: id, from: 0, at: now)
        }
        let cookie = dialect.first(.assignedCookie, message)?.value ?? []
        guard [0, 4, 8].contains(cookie.count) else { throw .badLength }
        let sublayer = try dialect.first(.l2SpecificSublayer, message)?.number(UInt16.self) ?? 0
        requested = (id, cookie, sublayer == 1)
        call = .requested(until: now + Self.setupTime)
        outputs.append(.sessionRequested)
    }

    // MARK: Answers

    /// The peer gets its pseudowire; `sessionID` is random, and no other session's.
    public mutating func accept(sessionID: UInt32, at now: Instant) {
        guard case .requested = call, stage == .established else { return }
        session = L2TPv3Session(
            transport: transport, localID: sessionID, remoteID: requested.id,
            remoteCookie: requested.cookie, hasSublayer: requested.hasSublayer)
        call = .awaitingICCN(until: now + Self.setupTime)
        var avps = [
            dialect.avp(.localSessionID, number: sessionID),
            dialect.avp(.remoteSessionID, number: requested.id),
            dialect.avp(.circuitStatus, number: 3 as UInt16),
            dialect.avp(.pseudowireType, number: Self.ethernetPort),
        ]
        if requested.hasSublayer { avps.append(dialect.avp(.l2SpecificSublayer, number: 1 as UInt16)) }
        enqueue(ControlMessage(.ICRP, avps), at: now)
    }

    /// Ends the pseudowire, or does not give it.
    public mutating func hangUp(_ reason: ResultCode, at now: Instant) {
        guard call != .none else { return }
        sendCDN(reason, to: requested.id, from: session?.localID ?? 0, at: now)
        call = .none
        session = nil
        outputs.append(.sessionEnded)
    }

    /// Says goodbye.
    public mutating func end(_ reason: ResultCode, at now: Instant) {
        switch stage {
        case .ending, .over: return
        case .awaitingSCCCN, .established: break
        }
        dropSession()
        stage = .ending(until: now + Self.farewellTime)
        enqueue(
            ControlMessage(
                .StopCCN, [dialect.avp(.assignedControlConnectionID, number: localID), reason.avp]), at: now)
    }

    private mutating func receiveStop(at now: Instant) {
        dropSession()
        // What the peer sends again for a while has to be acknowledged again.
        stage = .ending(until: now + Self.farewellTime)
    }

    private mutating func dropSession() {
        if call != .none { outputs.append(.sessionEnded) }
        call = .none
        session = nil
    }

    private mutating func finish(_ reason: String) {
        dropSession()
        stage = .over
        outputs.append(.ended(reason))
    }

    /// A message about a session ends the session, any other one the connection, RFC 3931 §5.2.
    private mutating func refuse(_ message: ControlMessage, _ reason: ResultCode, at now: Instant) {
        switch message.type {
        case .ICRQ:
            let id: UInt32? = try? dialect.required(.localSessionID, message)
            sendCDN(reason, to: id ?? 0, from: 0, at: now)
        case .ICCN, .CDN, .SLI, .WEN: hangUp(reason, at: now)
        default: end(reason, at: now)
        }
    }

    private mutating func sendCDN(
        _ reason: ResultCode, to remote: UInt32, from local: UInt32, at now: Instant
    ) {
        enqueue(
            ControlMessage(
                .CDN,
                [
                    reason.avp, dialect.avp(.localSessionID, number: local),
                    dialect.avp(.remoteSessionID, number: remote),
                ]), at: now)
    }

    // MARK: Output

    private mutating func enqueue(_ message: ControlMessage, at now: Instant) {
        guard channel.enqueue(message.body) else { return finish("the peer does not answer") }
        flush(at: now)
    }

    private mutating func flush(at now: Instant) {
        guard stage != .over else { return }
        while let next = channel.nextToSend(at: now) { put(next.body, next.number) }
        if channel.owesAcknowledgement { put([], channel.takeAcknowledgement()) }
    }

    private mutating func put(_ body: [UInt8], _ ns: UInt16) {
        var octets: [UInt8] = []
        L2TPv3Header(connection: remoteID, ns: ns, nr: channel.expected)
            .serialize(into: &octets, bodyLength: body.count)
        outputs.append(.send(octets + body))
    }

    private static func unknownMandatory(_ message: ControlMessage) -> AVP? {
        message.avps.first { $0.isMandatory && ($0.isHidden || !Dialect.knows($0)) }
    }
}
