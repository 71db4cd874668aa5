import CLinux
import PluginABI
public import Wire

// How a stream moves octets: in, out, to another lane, to its end.

extension ByteStream {
    enum Deadline: UInt64 {
        case resume, room, linger
    }

    /// At most so much is thrown away of a peer that goes on sending after we closed.
    private static let mostDrained = 1 << 20

    // MARK: Begin

    /// [lane] The lane begins to wait for it.
    func start(_ handler: any StreamHandler) {
        self.handler = handler
        do {
            try lane.attach(self, descriptor: transport.descriptor, interest: .readable)
            watched = .readable
            continueHandshake()
        } catch {
            fail(.broken(error.description))
        }
    }

    func continueHandshake() {
        guard phase == .handshaking else { return }
        switch transport.handshake() {
        case .moved:
            phase = .open
            (handler as? StreamClaims)?.opened(self)
            if transport.hasBuffered { resumeSoon() }
        case .blocked(let readiness): watch(readiness)
        case .finished: fail(.broken("closed during the handshake"))
        case .failed(let words): fail(.broken(words))
        }
    }

    // MARK: In

    func receive(_ readiness: Readiness) {
        retryWhenWritable = false
        guard phase == .open || phase == .draining else { return }
        if isPeerFinished || !isReading && phase == .open {
            // Both directions are over, and the kernel would report that for ever.
            if readiness.contains(.hangup) { fail(.broken("connection lost")) }
            return
        }
        let start = unsafe lane.streamBuffer.start
        let waiting = unread.count
        if waiting > 0 { unsafe start.update(from: unread.octets.baseAddress!, count: waiting) }
        switch unsafe transport.read(into: start + waiting, capacity: StreamBuffer.octets - waiting) {
        case .moved(let count):
            unsafe lane.counted.pointee.receive_calls += 1
            unsafe lane.counted.pointee.received_octets += UInt64(count)
            if phase == .draining { return discard(count) }
            unread.removeAll()
            unsafe deliver(start, waiting + count)
            if transport.hasBuffered { resumeSoon() }
        case .blocked(let readiness): retryWhenWritable = readiness == .writable
        case .finished: peerFinished()
        case .failed(let words): fail(.broken(words))
        }
    }

    /// Gives octets to the handler, and to the next one if it passes the stream on.
    private func deliver(_ start: UnsafeMutablePointer<UInt8>, _ total: Int) {
        var consumed = 0
        while consumed < total, phase == .open, move == nil, let present = handler {
            let slice = unsafe pa_slice_v1(
                start: start + consumed, length: UInt32(total - consumed),
                headroom: UInt16(StreamBuffer.headroom), tailroom: UInt16(StreamBuffer.tailroom))
            consumed += min(max(0, unsafe present.received(slice, on: self)), total - consumed)
            if present === handler { break }
        }
        guard phase == .open, consumed < total else { return }
        unsafe unread.append(start + consumed, total - consumed)
        if isReading, move == nil, unread.count > limits.unread { fail(.overrun) }
    }

    /// Gives the handler what it left, at the next opportunity.
    func resumeSoon() {
        guard resumeTimer == nil, lane.isCurrent else { return }
        resumeTimer = lane.schedule(at: lane.now, target: self, token: Deadline.resume.rawValue)
    }

    private func resume() {
        guard phase == .open, isReading else { return }
        if !unread.isEmpty {
            guard let copy = unsafe lane.allocate(unread.count) else { return resumeSoon() }
            unsafe copy.start.update(from: unread.octets.baseAddress!, count: unread.count)
            unread.removeAll()
            unsafe deliver(copy.start, Int(copy.length))
        }
        if phase == .open, transport.hasBuffered { receive(.readable) }
        updateInterest()
    }

    private func discard(_ count: Int) {
        drained += count
        if drained > ByteStream.mostDrained { endDraining() }
    }

    private func peerFinished() {
        isPeerFinished = true
        if phase == .draining { return endDraining() }
        handler?.finished(self)
    }

    func readingChanged() {
        guard phase == .open else { return }
        if isReading { resumeSoon() }
        updateInterest()
    }

    // MARK: Out

    /// In a turn of its own, so that a handler that always has more to write does not hold up the others.
    func announceRoom() {
        guard phase == .open, wantsWritable, roomTimer == nil, output.octets <= limits.queued / 2 else {
            return
        }
        roomTimer = lane.schedule(at: lane.now, target: self, token: Deadline.room.rawValue)
    }

    private func tellRoom() {
        roomTimer = nil
        guard phase == .open, move == nil, wantsWritable else { return }
        wantsWritable = false
        handler?.writable(self)
    }

    func sendOutput() {
        guard phase == .open || phase == .closing else { return }
        let before = output.octets
        let hindrance = unsafe output.send(over: transport, scratch: lane.streamBuffer.scratch)
        if before > 0 { unsafe lane.counted.pointee.send_calls += 1 }
        unsafe lane.counted.pointee.sent_octets += UInt64(before - output.octets)
        switch hindrance {
        case .failed(let words): fail(.broken(words))
        case .finished: fail(.broken("connection lost"))
        case .blocked, .moved: break
        case nil: allHasLeft()
        }
    }

    private func allHasLeft() {
        guard phase == .closing || finishesWriting, !hasFinishedWriting || phase == .closing else { return }
        if !hasFinishedWriting { transport.finish() }
        hasFinishedWriting = true
        guard phase == .closing else { return }
        phase = .draining
        if isPeerFinished { endDraining() }
    }

    // MARK: Waiting

    func updateInterest() {
        var wanted: Readiness = []
        switch phase {
        case .open: if isReading && !isPeerFinished && move == nil { wanted = .readable }
        case .draining: wanted = .readable
        case .closing: break
        case .handshaking, .closed: return
        }
        if output.octets > 0 || retryWhenWritable { wanted.insert(.writable) }
        watch(wanted)
    }

    private func watch(_ readiness: Readiness) {
        guard readiness != watched else { return }
        watched = readiness
        lane.watch(self, descriptor: transport.descriptor, interest: readiness)
    }

    // MARK: End

    /// The end without farewell. The handler hears of it when the turn is over.
    func fail(_ reason: StreamEnd, resets: Bool = false) {
        guard phase != .closed else { return }
        end = end ?? reason
        isReset = isReset || resets || reason != .closed
        phase = .closed
        lane.detach(self, descriptor: transport.descriptor)
        lane.retireAfterTurn(self)
    }

    private func endDraining() {
        guard phase == .draining else { return }
        phase = .closed
        lane.detach(self, descriptor: transport.descriptor)
        lane.retireAfterTurn(self)
    }

    func cancelTimers() {
        for timer in [lingerTimer, resumeTimer, roomTimer].compactMap({ $0 }) {
            lane.cancel(timer)
        }
        lingerTimer = nil
        resumeTimer = nil
        roomTimer = nil
    }

    // MARK: Another lane

    func leave(for move: Move) {
        cancelTimers()
        lane.detach(self, descriptor: transport.descriptor)
        watched = []
        lane = move.lane
        let isAccepted = move.lane.post { _ in self.arrive(move) }
        if !isAccepted { transport.close(isReset: true) }
    }

    private func arrive(_ move: Move) {
        self.move = nil
        let handler = move.handler(self)
        guard phase == .open else {
            // It broke on the way; whoever expects it hears of its end.
            self.handler = handler
            return retire()
        }
        unread.prepend(move.rest)
        start(handler)
        announceRoom()
        if !unread.isEmpty || transport.hasBuffered { resumeSoon() }
        updateInterest()
    }
}

extension ByteStream: TimerTarget {
    public func timerFired(_ token: UInt64, at now: Instant) {
        switch Deadline(rawValue: token) {
        case .resume:
            resumeTimer = nil
            resume()
        case .room: tellRoom()
        case .linger:
            lingerTimer = nil
            fail(.closed, resets: true)
        case nil: break
        }
    }
}
