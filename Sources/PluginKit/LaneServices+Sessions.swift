internal import PluginABI

extension LaneServices {
    /// Asks who it is. `decided` is called with `token`, never before this returns.
    public func ask(_ evidence: Evidence, token: UInt64) throws(Status) -> Ticket {
        guard let auth = unsafe tables.auth else { throw .unsupported }
        let memory = CMemory()
        var raw = unsafe evidence.raw(in: memory)
        var ticket: pa_ticket = 0
        let status = unsafe auth.pointee.ask(lane, &raw, token, &ticket)
        withExtendedLifetime(memory) {}
        try Status(rawValue: status).check()
        return Ticket(rawValue: ticket)
    }

    /// Has another password count for the one who proves the present one by `evidence`. `decided` is called
    /// with `token`, never before this returns; who is accepted there is let in nowhere by that.
    public func change(
        _ evidence: Evidence, to new: NewPassword, token: UInt64
    ) throws(Status) -> Ticket {
        guard let password = unsafe tables.password else { throw .unsupported }
        let memory = CMemory()
        var raw = unsafe evidence.raw(in: memory)
        var told = unsafe pa_new_password_v1(
            size: UInt32(MemoryLayout<pa_new_password_v1>.size), reserved: 0,
            softether: memory.octets(new.softEther), nt_hash: memory.octets(new.ntHash))
        var ticket: pa_ticket = 0
        let status = unsafe password.pointee.change(lane, &raw, &told, token, &ticket)
        withExtendedLifetime(memory) {}
        try Status(rawValue: status).check()
        return Ticket(rawValue: ticket)
    }

    /// The answer to `ask` or `change` is not wanted any more; `decided` is not called for it.
    public func withdraw(question ticket: Ticket) {
        guard let auth = unsafe tables.auth else { return }
        _ = unsafe auth.pointee.withdraw(lane, ticket.rawValue)
    }

    /// The identity is not needed any more; one that opened a session ends with the session.
    public func release(_ identity: IdentityHandle) {
        guard let auth = unsafe tables.auth else { return }
        unsafe auth.pointee.release(lane, identity.rawValue)
    }

    /// Whether who was accepted, and has no session yet, may have what he asks for; if not, the hub's
    /// security log tells it. A host that knows nothing of permissions gives none.
    public func permits(
        _ permission: Permission, to identity: IdentityHandle, at remote: Endpoint?, protocolName: String
    ) -> Bool {
        guard let table = unsafe tables.permission else { return false }
        let memory = CMemory()
        let address = unsafe remote.map { unsafe memory.value($0.raw) }
        let status = unsafe table.pointee.ask(
            lane, identity.rawValue, permission.rawValue, address, memory.text(protocolName))
        withExtendedLifetime(memory) {}
        return Status(rawValue: status).isOK
    }

    /// Asks for a place on a hub. Answered by `opened` or `refused` with `token`, never before this returns.
    public func open(_ request: SessionRequest, token: UInt64) throws(Status) -> Ticket {
        guard let session = unsafe tables.session else { throw .unsupported }
        let memory = CMemory()
        var raw = unsafe request.raw(in: memory)
        var ticket: pa_ticket = 0
        let status = unsafe session.pointee.open(lane, &raw, token, &ticket)
        withExtendedLifetime(memory) {}
        try Status(rawValue: status).check()
        return Ticket(rawValue: ticket)
    }

    /// The client shall be told an IPv6 address, by `changed`. In the call in which it was asked for a place
    /// alone. A host that knows nothing of IPv6 gives none.
    @discardableResult
    public func leaseIPv6(opening ticket: Ticket) -> Status {
        guard let ipv6 = unsafe tables.ipv6 else { return .unsupported }
        return Status(rawValue: unsafe ipv6.pointee.lease(lane, ticket.rawValue))
    }

    /// The client will have a link, `joinIPv6Link`. In the call in which it was asked for a place alone. An
    /// address that `changed` tells before `opened` should be the client's: its lower half is the interface
    /// identifier to be offered. A host that does not know this tells none.
    @discardableResult
    public func expectIPv6Link(opening ticket: Ticket) -> Status {
        guard let ipv6Link = unsafe tables.ipv6Link else { return .unsupported }
        return Status(rawValue: unsafe ipv6Link.pointee.expect(lane, ticket.rawValue))
    }

    /// The client has a link with these interface identifiers (RFC 5072), on which it forms its IPv6
    /// addresses itself: it gets router advertisements by `transmit`.
    @discardableResult
    public func joinIPv6Link(_ handle: SessionHandle, own: UInt64, peer: UInt64) -> Status {
        guard let ipv6 = unsafe tables.ipv6 else { return .unsupported }
        return Status(rawValue: unsafe ipv6.pointee.link(lane, handle.rawValue, own, peer))
    }

    /// Neither `opened` nor `refused` will be called; an address that is being leased is given back.
    public func withdraw(opening ticket: Ticket) {
        guard let session = unsafe tables.session else { return }
        _ = unsafe session.pointee.withdraw(lane, ticket.rawValue)
    }

    /// From the client to the hub, in place; the queue is empty afterwards. The frames stay untouched until
    /// the turn ends.
    @discardableResult
    public func receive(_ frames: inout FrameQueue, from handle: SessionHandle) -> Status {
        guard let session = unsafe tables.session else { return .unsupported }
        let count = UInt32(frames.count)
        frames.removeAll()
        guard count > 0 else { return .ok }
        return Status(rawValue: unsafe session.pointee.receive(lane, handle.rawValue, frames.start, count))
    }

    /// The client has moved, or its cipher has changed; nil leaves a value as it is.
    public func update(_ handle: SessionHandle, remote: Endpoint? = nil, cipher: String? = nil) {
        guard let session = unsafe tables.session else { return }
        let memory = CMemory()
        let remote = unsafe remote.map { unsafe memory.value($0.raw) }
        _ = unsafe session.pointee.update(lane, handle.rawValue, remote, memory.text(cipher))
        withExtendedLifetime(memory) {}
    }

    /// Ends it; `sentence` is for the log. No call with its token follows.
    public func close(_ handle: SessionHandle, _ reason: SessionReason, _ sentence: String? = nil) {
        guard let session = unsafe tables.session else { return }
        let memory = CMemory()
        _ = unsafe session.pointee.close(lane, handle.rawValue, reason.rawValue, memory.text(sentence))
        withExtendedLifetime(memory) {}
    }
}
