public import Wire

/// How clients come to sessions, how connections come and go, and what the host answers.
extension Server {
    func ask(_ login: Login, _ connection: Connection, _ challenge: [UInt8]) {
        let question = nextNumber()
        questions[question] = connection
        connection.stage = .deciding(question: question, login)
        outputs.append(
            .authenticate(question: question, login, challenge: challenge, stream: connection.stream))
    }

    func ask(_ change: PasswordChange, _ connection: Connection, _ challenge: [UInt8]) {
        let question = nextNumber()
        questions[question] = connection
        connection.stage = .changing(question: question)
        outputs.append(
            .changePassword(question: question, change, challenge: challenge, stream: connection.stream))
    }

    /// What the one wishes who is asked about: who is accepted may still not have all of it.
    public func wishes(ofQuestion question: UInt64) -> SessionWishes? {
        guard case .deciding(_, let login)? = questions[question]?.stage else { return nil }
        return login.wishes
    }

    public func stream(ofQuestion question: UInt64) -> UInt64? { questions[question]?.stream }

    /// The verdict on a question; nil: accepted, with all that was wished for, or done.
    public func decided(_ question: UInt64, _ refusal: RefusalCode?, at now: Instant) {
        guard let connection = questions.removeValue(forKey: question) else { return }
        switch connection.stage {
        case .deciding(_, let login):
            connection.stage = .joining
            if let refusal { return refuse(connection, login.told(refusal)) }
            accept(login, connection, at: now)
        case .changing:
            connection.stage = .closed
            if let refusal { return refuse(connection, PasswordChange.told(refusal)) }
            send(HTTPResponse.carrying(Self.done), connection)
            close(connection)
        case .opening, .joining, .attached, .closed: return
        }
    }

    private static var done: Pack {
        var pack = Pack()
        pack.set("error", 0 as UInt32)
        return pack
    }

    private func accept(_ login: Login, _ connection: Connection, at now: Instant) {
        let number = nextNumber()
        let session = Session(
            id: number, key: SessionKey(lane: lane, random: &random),
            terms: SessionTerms(login.wishes, options.session),
            name: "SID-\(login.user.uppercased())-\(number * UInt64(lanes) + UInt64(lane))",
            acceleration: acceleration(login.acceleration, at: now))
        sessions[session.id] = session
        connection.session = session
        session.connections = [connection]
        outputs.append(.openSession(session.id, login, stream: connection.stream))
    }

    private func acceleration(_ offer: AccelerationOffer?, at now: Instant) -> Acceleration? {
        guard let offer, accelerationPort != nil else { return nil }
        return Acceleration(offer, random: &random, at: now)
    }

    /// The hub has made a place for the session.
    public func sessionOpened(_ id: UInt64, at now: Instant) {
        guard let session = sessions[id], let connection = session.connections.first else { return }
        session.isOpen = true
        keys[session.key.name] = session
        let welcome = Welcome(
            sessionName: session.name, connectionName: "CID-\(connection.stream)", terms: session.terms,
            key: session.key, maySpanSegments: session.terms.isBridge,
            mayListen: session.terms.isMonitor)
        connection.direction = session.terms.isHalfDuplex ? .toServer : .both
        var pack = welcome.pack
        if let port = accelerationPort { session.acceleration?.describe(in: &pack, port: port) }
        send(HTTPResponse.carrying(pack), connection)
        begin(connection, at: now)
    }

    /// No place could be had.
    public func sessionRefused(_ id: UInt64, _ code: RefusalCode, at now: Instant) {
        guard let session = forget(session: id) else { return }
        for connection in session.connections { refuse(connection, code) }
    }

    /// The host has ended the session. There are no words for that but to close. No `closeSession` follows.
    public func sessionClosed(_ id: UInt64, at now: Instant) {
        guard let session = forget(session: id) else { return }
        for connection in session.connections { close(connection) }
    }

    /// Ends all sessions.
    public func stop(at now: Instant) {
        for session in sessions.values { end(session, .shutdown) }
        for connection in connections.values { close(connection) }
    }

    // MARK: Connections of a session

    func attach(_ connection: Connection, _ key: SessionKey, at now: Instant) {
        let source = connection.source
        guard !guesses.isBraked(source, at: now) else {
            warn("too many unknown session keys", source, at: now)
            return refuse(connection, .serverCannotAccept)
        }
        guard let session = keys[key.name], session.key.matches(key) else {
            // Whose session is about to come, or stays where it was, is to try again, and not to give it up.
            guard !hasOthers else { return close(connection) }
            guesses.failed(source, at: now)
            return refuse(connection, .sessionTimeout)
        }
        guard session.connections.count < session.terms.connections else {
            return refuse(connection, .tooManyConnections)
        }
        connection.session = session
        connection.direction = session.directionOfNext()
        session.connections.append(connection)
        session.lostAt = nil
        var pack = Pack()
        pack.set("error", 0 as UInt32)
        pack.set("direction", connection.direction.rawValue)
        send(HTTPResponse.carrying(pack), connection)
        begin(connection, at: now)
    }

    private func begin(_ connection: Connection, at now: Instant) {
        connection.stage = .attached
        halfOpen.remove(connection.stream)
        connection.heardAt = now
        scheduleKeepAlive(connection, at: now)
    }

    /// What becomes of a session that has lost a connection. One that has none left may get new ones for a
    /// while, unless its client has closed the last one in order.
    func leave(_ connection: Connection, _ reason: EndReason, at now: Instant) {
        guard let session = connection.session else { return }
        connection.session = nil
        session.connections.removeAll { $0 === connection }
        guard session.connections.isEmpty else { return }
        if session.isOpen, reason != .client {
            session.lostAt = now
        } else {
            end(session, reason)
        }
    }

    func end(_ session: Session, _ reason: EndReason) {
        guard forget(session: session.id) != nil else { return }
        for connection in session.connections { close(connection) }
        outputs.append(.closeSession(session.id, reason))
    }

    func forget(session id: UInt64) -> Session? {
        guard let session = sessions.removeValue(forKey: id) else { return nil }
        keys[session.key.name] = nil
        for connection in session.connections { connection.session = nil }
        return session
    }
}
