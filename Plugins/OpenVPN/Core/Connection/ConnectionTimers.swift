import Wire

/// What happens by itself.
extension Connection {
    /// When `handleTimeout` must next be called. Packets on the data path only ever move it back.
    var deadline: Instant {
        if case .ending(let until) = stage { return min(until, active.deadline ?? until) }
        let slots = [active, negotiating, lameDuck].compactMap { $0?.deadline }
        let own = [
            stage == .open ? pingAt : nil, restartAt,
            stage == .open && negotiating == nil ? renegotiateAt : nil,
            stage == .open ? nil : beganAt.advanced(by: options.handshakeWindow),
            negotiating.map { $0.windowBegan.advanced(by: options.handshakeWindow) }, lameDuckUntil,
        ]
        return (slots + own.compactMap(\.self)).min() ?? restartAt
    }

    private var pingAt: Instant { lastSent.advanced(by: options.pingInterval) }
    private var restartAt: Instant { lastHeard.advanced(by: options.pingRestart * 2) }

    func handleTimeout(at moment: Moment) {
        guard !isOver else { return }
        if case .ending(let until) = stage {
            if moment.now >= until { return end(.timeout) }
            return flush(at: moment)
        }
        checkSilence(at: moment)
        guard !isEnding, !isOver else { return }
        checkKeys(at: moment)
        if stage == .open, moment.now >= pingAt { sendPing(at: moment) }
        flush(at: moment)
    }

    private func checkSilence(at moment: Moment) {
        if stage != .open, moment.now >= beganAt.advanced(by: options.handshakeWindow) {
            log(.security, "handshake timed out")
            end(.timeout)
        } else if moment.now >= restartAt {
            end(.timeout)
        }
    }

    private func checkKeys(at moment: Moment) {
        if let lameDuckUntil, moment.now >= lameDuckUntil { forgetLameDuck() }
        guard stage == .open else { return }
        if let negotiating {
            if moment.now >= negotiating.windowBegan.advanced(by: options.handshakeWindow) {
                log(.warning, "renegotiation timed out")
                abandonRenegotiation(at: moment)
            }
            return
        }
        if renegotiationIsDue(at: moment) { beginRenegotiation(at: moment) }
    }
}
