public import Wire

/// What happens by itself: keep-alives, and the ends of those who are silent.
extension Server {
    /// A keep-alive comes after a part of the timeout between these two.
    private static let keepAliveParts = (least: 5, most: 2)

    public func handleTimeout(at now: Instant) {
        guard let deadline, now >= deadline else { return }
        for connection in Array(connections.values) { look(at: connection, at: now) }
        for session in Array(sessions.values) {
            if session.isOpen, session.acceleration?.wantsKeepAlive(at: now) == true {
                outputs.append(.keepAliveDatagram(session: session.id))
            }
            guard let lostAt = session.lostAt, lostAt.duration(to: now) >= session.terms.timeout else {
                continue
            }
            end(session, .transport)
        }
        self.deadline = isIdle ? nil : now.advanced(by: Self.tick)
    }

    private var isIdle: Bool { connections.isEmpty && sessions.isEmpty }

    /// There is somebody to look at.
    func rise(at now: Instant) { if deadline == nil { deadline = now.advanced(by: Self.tick) } }

    func restIfIdle() { if isIdle { deadline = nil } }

    /// A place among the connections on their way to a session, if need be another one's.
    func makeRoom(for source: TransportAddress, at now: Instant) -> Bool {
        for stream in halfOpen.overdue(window: options.openingTime, at: now) {
            // Who waits for our verdict is not at fault.
            if let slow = connections[stream], case .opening = slow.stage { displace(slow, at: now) }
        }
        switch halfOpen.admission(of: source, isUnproved: false, at: now) {
        case .free: return true
        case .refused: return false
        case .inPlaceOf(let stream):
            guard let former = connections[stream] else { return false }
            displace(former, at: now)
            return true
        }
    }

    private func displace(_ connection: Connection, at now: Instant) {
        close(connection)
        leave(connection, .timeout, at: now)
    }

    private func look(at connection: Connection, at now: Instant) {
        guard let session = connection.session, connection.isAttached else {
            if connection.openedAt.duration(to: now) >= options.openingTime {
                close(connection)
                leave(connection, .timeout, at: now)
            }
            return
        }
        // On a connection that carries frames to the client alone, the client has nothing to say.
        if connection.carriesToServer, connection.heardAt.duration(to: now) >= session.terms.timeout {
            close(connection)
            return leave(connection, .timeout, at: now)
        }
        guard now >= connection.keepAliveAt else { return }
        let count = Int.random(in: 0...BlockReader.maxKeepAlive, using: &random)
        send(Block.keepAlive(octets(count)), connection)
        scheduleKeepAlive(connection, at: now)
    }

    func scheduleKeepAlive(_ connection: Connection, at now: Instant) {
        guard let timeout = connection.session?.terms.timeout.components.seconds else { return }
        let milliseconds = Int.random(
            in: Int(timeout) * 1000 / Self.keepAliveParts.least...Int(timeout) * 1000
                / Self.keepAliveParts.most,
            using: &random)
        connection.keepAliveAt = now.advanced(by: .milliseconds(milliseconds))
    }
}
