import EngineParts
import IKEv1
import L2TP
public import PPP
import PluginABI
public import Wire

/// Calls: PPP in the sessions of L2TPv2. Each one that is let in is a place on a hub, on layer 3.
extension IPsecServer {
    // MARK: From the peer

    func begin(_ session: Tunnel.Session, _ index: Int, _ peer: Peer, at now: Instant) {
        guard peer.l2tp.unproven < L2TPState.maxUnproven, calls.count < callOptions.maxCalls,
            let child = peer.way(of: .l2tpUDP)
        else {
            return peer.l2tp.tunnels[index].machine.hangUp(
                session.localID, .temporarilyNoFacilities, at: now)
        }
        let mtu = mtu(child, header: L2TPPort.headerLength + Call.maxHeader)
        let link = Link(
            Link.Configuration(
                mru: UInt16(clamping: mtu), methods: callOptions.methods,
                serverName: Array(Self.hostName.utf8),
                carriesIPv6: callOptions.carriesIPv6 && mtu >= IPv6Packet.minMTU, tls: callOptions.tls),
            random: random)
        // The link has a copy of the numbers to come: the next one shall have others.
        _ = random.next()
        let entry = peer.l2tp.tunnels[index]
        let call = calls.insert { Call(PlaceID($0, .call), peer, entry, session, link) }
        peer.l2tp.tunnels[index].calls[session.localID] = call
        call.link.start(at: now)
        settle(call, at: now)
    }

    /// A PPP frame that is none of the network's packets.
    func receiveFrame(_ frame: RawSpan, _ call: Call, at now: Instant) throws(WireError) {
        try call.link.receive(frame, at: now)
        settle(call, at: now)
    }

    func handleCallTimeout(_ entry: TimerQueue<PlaceID>.Entry, at now: Instant) {
        guard let call = calls[entry.connection.holder], call.scheduledAt == entry.at else { return }
        call.scheduledAt = nil
        call.link.handleTimeout(at: now)
        settle(call, at: now)
    }

    // MARK: Answers

    /// The verdict on a user.
    public func decided(
        _ place: PlaceID, ticket: UInt64, _ verdict: AuthenticationVerdict, at now: Instant
    ) {
        guard let call = calls[place.holder], call.ticket == ticket else { return }
        call.ticket = nil
        if case .accepted = verdict { call.isKnown = true }
        call.link.decided(verdict, at: now)
        settle(call, at: now)
        settle(at: now)
    }

    /// A session on layer 3 is open.
    public func networkOpened(_ place: PlaceID, _ network: PeerNetwork, at now: Instant) {
        guard let call = calls[place.holder] else { return }
        call.hasSession = true
        call.link.networkOpened(network, at: now)
        settle(call, at: now)
        settle(at: now)
    }

    /// The host has taken the session away, or has never given it.
    func close(_ call: Call, _ sentence: String, at now: Instant) {
        call.link.close(sentence, at: now)
        settle(call, at: now)
    }

    // MARK: What a link wants

    private func settle(_ call: Call, at now: Instant) {
        while let output = call.link.nextOutput() { perform(output, call, at: now) }
        guard calls[call.place.holder] != nil, let deadline = call.link.deadline else { return }
        setTimer(&call.scheduledAt, call.place, at: deadline)
    }

    private func perform(_ output: Link.Output, _ call: Call, at now: Instant) {
        switch output {
        case .send(let frame): send(call.nextHeader() + frame, .l2tpUDP, toPort: call.port, call.peer)
        case .authenticate(let evidence): authenticate(evidence, call)
        case .authenticated: call.isProven = true
        case .openNetwork(let address): openSession(address, call)
        case .networkIsUp: call.networkIsUp()
        case .ipv6IsUp(let own, let peer):
            call.ipv6IsUp()
            outbox.append(.joinIPv6Link(call.place, own: own, peer: peer))
        case .ended(let end):
            log(call, "ended reason=\"\(end.sentence)\"")
            hangUp(call, end.cause, at: now)
        }
    }

    private func authenticate(_ evidence: Evidence, _ call: Call) {
        // The answer to an older question would be taken for that to this one.
        withdrawQuestion(of: call)
        call.name = evidence.loggedName
        guard let child = call.peer.way(of: .l2tpUDP) else { return }
        let ticket = makeTicket()
        call.ticket = ticket
        outbox.append(
            .authenticateUser(
                UserQuestion(
                    place: call.place, ticket: ticket, evidence: evidence, hubs: call.peer.name.scope.hubs,
                    remote: child.path.remote, software: call.link.software,
                    protocolName: call.place.kind.name)))
    }

    private func openSession(_ address: IPv4Address?, _ call: Call) {
        guard let child = call.peer.way(of: .l2tpUDP) else { return }
        let mtu = mtu(child, header: L2TPPort.headerLength + Call.maxHeader)
        let hostName = call.link.hostName ?? (call.hostName.isEmpty ? nil : call.hostName)
        outbox.append(
            .openSession(
                SessionWish(
                    place: call.place, mtu: min(mtu, call.link.peerMRU), headroom: Self.headroom,
                    tailroom: Self.tailroom, protocolName: call.place.kind.name,
                    cipher: child.agreed.suite.esp.name, identity: call.peer.identity.text,
                    remote: child.path.remote,
                    network: NetworkWish(
                        address: address, software: call.link.software, hostName: hostName))))
    }

    // MARK: Ends

    /// PPP is over: so is the session that carried it.
    private func hangUp(_ call: Call, _ cause: Link.End.Cause, at now: Instant) {
        let peer = call.peer
        end(call, IPsecEnding(cause))
        guard let index = peer.l2tp.index(of: call.tunnel) else { return }
        peer.l2tp.tunnels[index].machine.hangUp(call.session.localID, .administrative, at: now)
        settleTunnels(peer, at: now)
    }

    /// Forgets a call, and whatever the host has of it.
    func end(_ call: Call, _ ending: IPsecEnding) {
        guard calls[call.place.holder] != nil else { return }
        call.networkIsDown()
        withdrawQuestion(of: call)
        if call.isKnown { outbox.append(.closeSession(call.place, ending)) }
        call.isKnown = false
        if let index = call.peer.l2tp.index(of: call.tunnel) {
            call.peer.l2tp.tunnels[index].calls[call.session.localID] = nil
        }
        calls.remove(call.place.holder)
    }

    private func withdrawQuestion(of call: Call) {
        if let ticket = call.ticket { outbox.append(.withdrawAuthentication(call.place, ticket: ticket)) }
        call.ticket = nil
    }

    func log(_ call: Call, _ text: String) {
        let remote = call.peer.way(of: .l2tpUDP).map { " remote=\($0.path.remote)" } ?? ""
        let user = call.name.isEmpty ? "" : " user=\"\(call.name)\""
        outbox.append(.log(LogEvent(.notice, "\(call.place.kind.name)\(user) \(text)\(remote)")))
    }
}

extension IPsecEnding {
    fileprivate init(_ cause: Link.End.Cause) {
        self =
            switch cause {
            case .peer: .client
            case .timeout: .timeout
            case .protocolError: .protocolError
            case .authentication: .authentication
            case .local: .administrator
            }
    }
}
