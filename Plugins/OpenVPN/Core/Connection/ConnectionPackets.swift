import Wire

/// Control packets in and out.
extension Connection {
    /// A datagram, or a packet of a stream, whose head names this connection.
    func receive(_ bytes: [UInt8], at moment: Moment) {
        guard let packet = try? wrapping.unwrap(bytes) else { return }
        receive(packet, at: moment)
    }

    /// A packet that was unwrapped before the connection existed.
    func receiveFirst(_ unwrapped: ControlKeys.Unwrapped, at moment: Moment) {
        guard wrapping.accept(unwrapped.replayID) else { return }
        receive(unwrapped.packet, at: moment)
    }

    private func receive(_ packet: ControlPacket, at moment: Moment) {
        let body = packet.body
        guard body.peerSessionID == nil || body.peerSessionID == serverSessionID else { return }
        if packet.head.opcode == .softReset { acceptSoftReset(packet, at: moment) }
        guard let slot = slot(packet.head.keyID) else { return }
        slot.receive(body, packet.head.opcode, at: moment.now)
        advance(slot, at: moment)
        flush(at: moment)
        // Our goodbye was heard.
        if isEnding, active.isIdle { end(.client) }
    }

    func slot(_ keyID: KeyID) -> KeySlot? {
        if active.keyID == keyID { return active }
        if negotiating?.keyID == keyID { return negotiating }
        return lameDuck?.keyID == keyID ? lameDuck : nil
    }

    private func advance(_ slot: KeySlot, at moment: Moment) {
        do {
            for event in try slot.nextEvents() {
                guard !isEnding, !isOver else { return }
                lastHeard = moment.now
                try handle(event, slot, at: moment)
            }
        } catch {
            fail(slot, error.reason, at: moment)
        }
        if slot === negotiating { promoteIfReady(at: moment) }
    }

    private func handle(_ event: KeySlot.Event, _ slot: KeySlot, at moment: Moment) throws(KeySlot.Failure) {
        switch event {
        case .keyMethod(let message): try received(message, slot, at: moment)
        case .message(let text): try received(text, at: moment)
        case .closedByPeer: if slot === active { end(.client) }
        }
    }

    /// Broken TLS of the first slot ends the connection; that of a renegotiation ends the renegotiation.
    private func fail(_ slot: KeySlot, _ reason: String, at moment: Moment) {
        log(
            isHalfOpen ? .security : .warning,
            "handshake failed reason=\"\(reason)\" key=\(slot.keyID.rawValue)")
        if slot === active {
            // With TLS's own word about it, which is not repeated: the client need not wait for its timeout.
            flush(at: moment)
            end(.protocolError, reason)
        } else if slot === negotiating {
            abandonRenegotiation(at: moment)
        }
    }

    /// Sends everything that is due.
    func flush(at moment: Moment) {
        for slot in [active, negotiating, lameDuck].compactMap(\.self) {
            while let (opcode, body) = slot.nextPacket(at: moment.now) {
                let head = ControlHead(opcode, slot.keyID, serverSessionID)
                let packet = ControlPacket(head: head, body: body(clientSessionID))
                guard let bytes = try? wrapping.wrap(packet) else { continue }
                send(bytes)
            }
        }
    }

    func send(_ packet: [UInt8]) {
        put(.send(path.transport == .stream ? StreamFraming.frame(packet) : packet, path))
    }
}
