import Wire

/// How connections end.
extension Connection {
    /// How long a client that was put off stays away.
    static let comeAgain: Duration = .seconds(15)

    /// Tells the client why it may not connect (AUTH_FAILED), and ends.
    func refuse(_ sentence: String, _ reason: EndReason, at moment: Moment) {
        log(.security, "refused reason=\"\(sentence)\" user=\"\(quotedUser)\"")
        sayGoodbye("AUTH_FAILED," + Self.speakable(sentence), reason, sentence, at: moment)
    }

    /// Tells the client that it may not connect now, and ends. It comes again by itself where it knows the
    /// `TEMP` of OpenVPN 2.6; others take it for a refusal.
    func postpone(_ sentence: String, at moment: Moment) {
        guard peerInfo.capabilities.contains(.authFailedTemporarily) else {
            return refuse(sentence, .authentication, at: moment)
        }
        let seconds = Self.comeAgain.components.seconds
        log(.warning, "put off reason=\"\(sentence)\" user=\"\(quotedUser)\"")
        sayGoodbye(
            "AUTH_FAILED,TEMP[backoff \(seconds),advance no]:" + Self.speakable(sentence), .authentication,
            sentence, at: moment)
    }

    /// Ends on our side. The client connects anew after a shutdown, and does not after an administrator's
    /// word.
    func close(_ reason: EndReason, _ sentence: String, at moment: Moment) {
        guard !isEnding, !isOver else { return }
        let words = Self.speakable(sentence.isEmpty ? reason.sentence : sentence)
        switch reason {
        case .administrator, .policy: sayGoodbye("HALT," + words, reason, sentence, at: moment)
        case .authentication, .noAddress:
            refuse(sentence.isEmpty ? reason.sentence : sentence, reason, at: moment)
        case .shutdown, .timeout, .transport, .protocolError:
            sayGoodbye("RESTART," + words, reason, sentence, at: moment)
        case .client, .replaced: end(reason, sentence)
        }
    }

    /// Ends at once, without a word to the client.
    func end(_ reason: EndReason, _ sentence: String = "") {
        guard !isOver else { return }
        if !isEnding { leave(reason, sentence) }
        isOver = true
        if path.transport == .stream, reason != .transport { put(.closeStream(path)) }
    }

    /// The host knows already: nothing is to be closed there.
    func sessionIsGone() {
        sessionIsOpen = false
    }

    private func sayGoodbye(_ message: String, _ reason: EndReason, _ sentence: String, at moment: Moment) {
        guard !isEnding, !isOver else { return }
        leave(reason, sentence)
        stage = .ending(until: moment.now.advanced(by: options.farewellWindow))
        guard active.serverSource != nil || active.establishedAt != nil else {
            return end(reason, sentence)
        }
        say([message], at: moment)
        flush(at: moment)
    }

    private func leave(_ reason: EndReason, _ sentence: String) {
        if ticket != 0 {
            put(.withdrawAuthentication(id, ticket: ticket))
            ticket = 0
        }
        if sessionIsOpen { put(.closeSession(id, reason, sentence: sentence)) }
        log(.notice, "ended reason=\"\(reason.sentence)\" user=\"\(quotedUser)\"")
        sessionIsOpen = false
        leavePlace()
        data = nil
        negotiating = nil
        lameDuck = nil
    }

    /// Commas and brackets mean something in these messages; control characters nothing good.
    private static func speakable(_ sentence: String) -> String {
        String(
            sentence.unicodeScalars.prefix(maxQuoted).map { scalar -> Character in
                switch scalar {
                case ",": ";"
                case "[", "]", "\"": "'"
                case _ where scalar.value < 0x20 || scalar.value == 0x7f: " "
                default: Character(scalar)
                }
            })
    }
}
