import OpenSSL
import Wire

/// Control packets: of a connection, or of somebody who wants to become one.
extension Server {
    /// One packet that is not of the data channel: a datagram, or a stream's packet without its length.
    /// Whatever is wrong with it costs its sender the packet.
    public func receive(_ bytes: [UInt8], from path: Path, at moment: Moment) {
        guard bytes.count <= ControlPacket.maxReceived, let head = Self.head(of: bytes) else { return }
        if let index = flows[Flow(path: path, session: head.sessionID)], let connection = connections[index] {
            connection.receive(bytes, at: moment)
            return settle(connection)
        }
        // A renegotiation of somebody who is not known here is none.
        guard head.keyID == .first else { return }
        switch path.transport {
        case .datagram: receiveUnknown(bytes, head, from: path, at: moment)
        case .stream: receiveFirst(bytes, head, from: path, at: moment)
        }
    }

    private static func head(of bytes: [UInt8]) -> ControlHead? {
        var reader = unsafe ByteReader(bytes.span.bytes)
        return try? ControlHead(parsing: &reader)
    }

    // MARK: Datagrams: nothing is remembered before the cookie came back

    private func receiveUnknown(_ bytes: [UInt8], _ head: ControlHead, from path: Path, at moment: Moment) {
        guard let (unwrapped, keys) = unwrap(bytes, head) else { return }
        switch head.opcode {
        case .hardResetClientV2:
            guard isFirstPacket(unwrapped.packet) else { return }
            answerStateless(head, keys, payload: [], to: path, at: moment)
        case .hardResetClientV3:
            guard isFirstPacket(unwrapped.packet), let replayID = unwrapped.replayID else { return }
            if EarlyNegotiation.isMarked(replayID) {
                answerStateless(head, keys, payload: EarlyNegotiation.resendWKc, to: path, at: moment)
            } else if options.acceptsWithoutCookie {
                begin(unwrapped, head, keys, from: path, at: moment)
            }
        case .control, .controlWKc, .acknowledgement:
            continueStateless(unwrapped, head, keys, from: path, at: moment)
        case .softReset, .hardResetServerV2, .dataV1, .dataV2:
            break
        }
    }

    /// The packet without the wrapping whose keys fit.
    private func unwrap(_ bytes: [UInt8], _ head: ControlHead) -> (ControlKeys.Unwrapped, ControlKeys)? {
        if head.opcode.carriesWrappedKey {
            guard let tlsCryptV2, let opened = try? tlsCryptV2.unwrap(packet: bytes),
                let clientKeys = try? TLSCryptKeys(opened.key, .normal)
            else { return nil }
            let keys = ControlKeys.tlsCrypt(clientKeys)
            return (try? keys.unwrap(opened.packet)).map { ($0, keys) }
        }
        for keys in keys {
            if let unwrapped = try? keys.unwrap(bytes) { return (unwrapped, keys) }
        }
        return nil
    }

    /// A reset is the first packet of its reliable stream, and empty.
    private func isFirstPacket(_ packet: ControlPacket) -> Bool {
        packet.body.message?.packetID == 0 && packet.body.message?.payload.isEmpty == true
    }

    private func answerStateless(
        _ head: ControlHead, _ keys: ControlKeys, payload: [UInt8], to path: Path, at moment: Moment
    ) {
        guard let session = try? cookie.sessionID(for: head.sessionID, at: path.remote, moment.now) else {
            return
        }
        let answer = ControlPacket(
            head: ControlHead(.hardResetServerV2, .first, session),
            body: ControlBody(
                acknowledged: [0], peerSessionID: head.sessionID,
                message: .init(packetID: 0, payload: payload)))
        guard let bytes = try? keys.wrap(answer, ReplayID(id: 1, time: moment.wallSeconds)) else { return }
        resources.outbox.append(.send(bytes, path))
    }

    /// The packet that brings the cookie makes the connection.
    private func continueStateless(
        _ unwrapped: ControlKeys.Unwrapped, _ head: ControlHead, _ keys: ControlKeys, from path: Path,
        at moment: Moment
    ) {
        let body = unwrapped.packet.body
        guard let session = body.peerSessionID else {
            // Clients before 2.6 acknowledge once, and that packet was lost. The question was answered
            // without memory; it can be again.
            if head.opcode == .control { answerStateless(head, keys, payload: [], to: path, at: moment) }
            return
        }
        // Nobody who has just learnt his cookie can be further than this.
        guard body.acknowledged.allSatisfy({ $0 == 0 }),
            (1...ReliableReceiver.window).contains(body.message?.packetID ?? 1),
            cookie.isValid(session, for: head.sessionID, at: path.remote, moment.now),
            let connection = makeConnection(
                path, client: head.sessionID, server: session, keys: keys, reset: nil, at: moment)
        else { return }
        connection.receiveFirst(unwrapped, at: moment)
        settle(connection)
    }

    // MARK: Streams: the handshake of TCP has proved the address

    private func receiveFirst(_ bytes: [UInt8], _ head: ControlHead, from path: Path, at moment: Moment) {
        guard head.opcode.isClientReset, owners[path] == nil, let (unwrapped, keys) = unwrap(bytes, head),
            isFirstPacket(unwrapped.packet)
        else {
            if owners[path] == nil { resources.outbox.append(.closeStream(path)) }
            return
        }
        begin(unwrapped, head, keys, from: path, at: moment)
    }

    private func begin(
        _ unwrapped: ControlKeys.Unwrapped, _ head: ControlHead, _ keys: ControlKeys, from path: Path,
        at moment: Moment
    ) {
        let session = SessionID(random.next())
        guard
            let connection = makeConnection(
                path, client: head.sessionID, server: session, keys: keys, reset: .hardResetServerV2,
                at: moment)
        else {
            if path.transport == .stream { resources.outbox.append(.closeStream(path)) }
            return
        }
        connection.receiveFirst(unwrapped, at: moment)
        settle(connection)
    }
}
