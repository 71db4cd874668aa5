import Wire

/// What the host answers, and what it wants of itself. A connection that is gone ignores them.
extension Server {
    /// The verdict on `AuthenticationRequest`. `refusal`: what the client is told; nil: accepted.
    public func decided(_ id: ConnectionID, ticket: UInt64, refusal: String?, at moment: Moment) {
        update(id) { $0.decided(ticket: ticket, refusal: refusal, at: moment) }
    }

    /// There will be no verdict. `refusal`: what a client that is not connected yet is told.
    public func undecided(_ id: ConnectionID, ticket: UInt64, refusal: String, at moment: Moment) {
        update(id) { $0.undecided(ticket: ticket, refusal: refusal, at: moment) }
    }

    /// The session is there. `configuration` brings what the hub knows (addresses, routes, servers); what
    /// belongs to the protocol is filled in by the connection.
    public func sessionOpened(_ id: ConnectionID, _ configuration: PushReply, at moment: Moment) {
        update(id) { $0.sessionOpened(configuration, at: moment) }
    }

    /// No session could be had. The client is told `sentence`.
    public func sessionRefused(_ id: ConnectionID, _ reason: EndReason, _ sentence: String, at moment: Moment)
    {
        update(id) { connection in
            guard connection.stage == .opening else { return }
            connection.sessionIsGone()
            connection.refuse(sentence, reason, at: moment)
        }
    }

    /// The host has ended the session; the client is told in OpenVPN's words. No `closeSession` follows.
    public func sessionClosed(_ id: ConnectionID, _ reason: EndReason, _ sentence: String, at moment: Moment)
    {
        update(id) { connection in
            connection.sessionIsGone()
            connection.close(reason, sentence, at: moment)
        }
    }

    /// The stream is gone. No `closeStream` follows.
    public func streamClosed(_ path: Path, at moment: Moment) {
        guard let index = owners[path], let connection = connections[index] else { return }
        connection.end(.transport)
        settle(connection)
    }

    /// Says goodbye to all clients, who will connect anew. Drain the outputs, and then go on for as long as
    /// `connectionCount` is not zero and there is time: what a goodbye lost on the way is sent again.
    public func stop(_ sentence: String, at moment: Moment) {
        for connection in connections {
            guard let connection else { continue }
            connection.close(.shutdown, sentence, at: moment)
            settle(connection)
        }
    }

    private func update(_ id: ConnectionID, _ change: (Connection) -> Void) {
        guard let connection = connection(id) else { return }
        change(connection)
        settle(connection)
    }
}
