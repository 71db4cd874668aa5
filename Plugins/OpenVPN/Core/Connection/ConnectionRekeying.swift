import Wire

/// Renegotiation: a new TLS session and new data keys, and the client has to prove again who it is.
extension Connection {
    /// The next try after one that came to nothing.
    static let renegotiationRetry: Duration = .seconds(60)

    func scheduleRenegotiation(at moment: Moment) {
        renegotiateAt = moment.now.advanced(by: options.renegotiationInterval)
        carriedBefore = carried
    }

    private var carried: Carried {
        guard let counters = data?.counters else { return Carried() }
        return Carried(
            octets: counters.octetsReceived &+ counters.octetsSent,
            packets: counters.packetsReceived &+ counters.packetsSent)
    }

    /// Asked now and then, not per packet: the limits leave room for that.
    func renegotiationIsDue(at moment: Moment) -> Bool {
        if let renegotiateAt, moment.now >= renegotiateAt { return true }
        let carried = carried
        return data?.renegotiationIsDue == true
            || carried.octets &- carriedBefore.octets >= options.renegotiationOctets
            || carried.packets &- carriedBefore.packets >= options.renegotiationPackets
    }

    /// A client's first packet of a new key. Only the next id, one at a time, and not before the first is in
    /// use.
    func acceptSoftReset(_ packet: ControlPacket, at moment: Moment) {
        guard stage == .open, negotiating == nil, packet.head.keyID == active.keyID.next,
            packet.body.message?.packetID == 0
        else { return }
        beginRenegotiation(at: moment)
    }

    /// Both sides open with SOFT_RESET, whoever began.
    func beginRenegotiation(at moment: Moment) {
        // Its key id may be the one that comes next.
        if lameDuck?.keyID == active.keyID.next { forgetLameDuck() }
        do {
            negotiating = try KeySlot(
                active.keyID.next, resources.context, reset: .softReset, overhead: wrapping.keys.overhead,
                at: moment.now)
        } catch {
            log(.warning, "renegotiation failed reason=\"\(error)\"")
            renegotiateAt = moment.now.advanced(by: Self.renegotiationRetry)
        }
    }

    func abandonRenegotiation(at moment: Moment) {
        if ticket != 0 {
            put(.withdrawAuthentication(id, ticket: ticket))
            ticket = 0
        }
        if let negotiating { data?.remove(negotiating.keyID) }
        negotiating = nil
        renegotiateAt = moment.now.advanced(by: Self.renegotiationRetry)
    }

    /// Our half of the key exchange waits for the verdict: until then the client goes on with its old key.
    func authenticateAgain(_ message: KeyMethod2, _ slot: KeySlot, at moment: Moment) {
        guard ticket == 0 else { return }
        guard message.username == username else {
            return refuse("the user name has changed", .authentication, at: moment)
        }
        switch certificateJudgement(slot) {
        case .failure(let refusal):
            refuse(refusal.rawValue, .authentication, at: moment)
        case .success(let certificate) where certificate?.subject != self.certificate?.subject:
            refuse(CertificateRefusal.changed.rawValue, .authentication, at: moment)
        case .success(let certificate):
            authenticate(message, certificate, isRenewal: true)
        }
    }

    func renewalDecided(refusal: String?, at moment: Moment) {
        if let refusal { return refuse(refusal, .authentication, at: moment) }
        guard let slot = negotiating else { return }
        certificate = shownCertificate
        do throws(KeySlot.Failure) {
            try sendKeyMethod(slot)
        } catch {
            return abandonRenegotiation(at: moment)
        }
        guard installKeys(of: slot) else {
            log(.warning, "renegotiation failed reason=\"no data keys\"")
            return abandonRenegotiation(at: moment)
        }
        slot.establishedAt = moment.now
        slot.clientSource = nil
        slot.serverSource = nil
        log(.notice, "keys renewed key=\(slot.keyID.rawValue) cipher=\(encapsulation.suite.cipher.rawValue)")
    }

    /// Nobody could judge the credentials. Who is connected stays so with the old key, and is asked again:
    /// too many newcomers at once would otherwise send the others away. A newcomer is told to come again.
    func undecided(ticket: UInt64, refusal: String, at moment: Moment) {
        guard self.ticket == ticket, ticket != 0 else { return }
        self.ticket = 0
        guard stage == .open else { return postpone(refusal, at: moment) }
        log(.warning, "renegotiation put off reason=\"\(refusal)\"")
        abandonRenegotiation(at: moment)
    }

    /// The new key is understood as soon as it exists, and used once the client has acknowledged our half.
    func promoteIfReady(at moment: Moment) {
        guard let slot = negotiating, slot.establishedAt != nil, slot.isIdle else { return }
        forgetLameDuck()
        lameDuck = active
        lameDuckUntil = moment.now.advanced(by: options.transitionWindow)
        active = slot
        negotiating = nil
        data?.send(with: slot.keyID)
        scheduleRenegotiation(at: moment)
    }

    func forgetLameDuck() {
        if let lameDuck { data?.remove(lameDuck.keyID) }
        lameDuck = nil
        lameDuckUntil = nil
    }
}
