import Wire

/// What the machines of a link say to each other.
extension Link {
    /// Until all of them are silent.
    mutating func settle(at now: Instant) {
        var isBusy = true
        while isBusy, phase != .ended {
            isBusy = false
            while phase != .ended, let output = lcp.nextOutput() {
                isBusy = true
                perform(output, at: now)
            }
            while phase != .ended, let output = authenticator?.nextOutput() {
                isBusy = true
                perform(output, at: now)
            }
            while phase != .ended, let output = ipcp?.nextOutput() {
                isBusy = true
                perform(output, at: now)
            }
            while phase != .ended, let output = ipv6cp?.nextOutput() {
                isBusy = true
                perform(output)
            }
        }
        guard phase != .ended else { return }
        if lcp.isClosedByPeer { return end(.peer, "the peer closed the link", at: now) }
        if lcp.options.isRefused {
            end(.authentication, "the peer accepts none of the ways to prove who it is", at: now)
        }
    }

    private mutating func perform(_ output: ControlProtocol<LCPOptions>.Output, at now: Instant) {
        switch output {
        case .send(let packet): send(.lcp, packet.octets)
        case .up: linkIsUp(at: now)
        case .down: linkIsDown(at: now)
        case .finished:
            if lcp.isClosedByPeer {
                end(.peer, "the peer closed the link", at: now)
            } else {
                end(.timeout, "LCP came to no agreement", at: now)
            }
        }
    }

    private mutating func linkIsUp(at now: Instant) {
        if let interval = configuration.echoInterval {
            echo = EchoMonitor(interval: interval, openedAt: now)
        }
        guard let method = lcp.options.method else { return joinNetwork(at: now) }
        phase = .authenticate
        authenticator = Authenticator(
            lcp.options.methods.filter { $0.option == method.option }, serverName: configuration.serverName,
            tls: configuration.tls, packetLimit: peerMRU)
        authenticator?.start(&random, at: now)
    }

    /// Everything above LCP begins anew, but not once somebody was authenticated: the network, and whatever
    /// is bound to the keys of that exchange, is his and may not become another one's.
    private mutating func linkIsDown(at now: Instant) {
        authenticator = nil
        echo = nil
        networkDeadline = nil
        establishments += 1
        guard phase != .network, establishments < Self.maxEstablishments else {
            return lcp.isClosedByPeer
                ? end(.peer, "the peer closed the link", at: now)
                : end(.protocolError, "the peer began anew", at: now)
        }
        phase = .establish
    }

    private mutating func perform(_ output: Authenticator.Output, at now: Instant) {
        switch output {
        case .send(let packet): if let authenticator { send(authenticator.method.protocol, packet) }
        case .ask(let evidence): outputs.append(.authenticate(evidence))
        case .accepted:
            outputs.append(.authenticated)
            joinNetwork(at: now)
        case .failed(.unwilling), .failed(.refused(.method)):
            if lcp.options.dropMethod() {
                establishAgain(at: now)
            } else {
                refuse("no method is left", at: now)
            }
        case .failed(.timeout): end(.timeout, "the peer proved nothing", at: now)
        case .failed(.tls(let reason, let identity)):
            refuse("TLS with \(Evidence.logged(identity)) failed: \(reason)", at: now)
        case .failed(.malformed): refuse("its proof is malformed", at: now)
        case .failed(.refused): refuse("it was refused", at: now)
        }
    }

    private mutating func refuse(_ why: String, at now: Instant) {
        end(.authentication, "the peer is not authenticated: \(why)", at: now)
    }

    /// A weaker method is asked for in a new negotiation of the same link.
    private mutating func establishAgain(at now: Instant) {
        lcp.lowerLayerIsDown(at: now)
        lcp.lowerLayerIsUp(at: now)
    }

    private mutating func joinNetwork(at now: Instant) {
        phase = .network
        networkDeadline = now + Self.networkPatience
    }

    private mutating func perform(_ output: ControlProtocol<IPCPOptions>.Output, at now: Instant) {
        switch output {
        case .send(let packet): send(.ipcp, packet.octets)
        case .up:
            networkDeadline = nil
            outputs.append(.networkIsUp)
            tellIPv6()
        case .down:
            if ipcp?.isClosedByPeer == true { end(.peer, "the peer left the network", at: now) }
        case .finished: end(.protocolError, "IPCP came to no agreement", at: now)
        }
    }

    /// A link that comes to no agreement about IPv6 goes on without it.
    private mutating func perform(_ output: ControlProtocol<IPV6CPOptions>.Output) {
        switch output {
        case .send(let packet): send(.ipv6cp, packet.octets)
        case .up: tellIPv6()
        case .down: isIPv6Told = false
        case .finished: ipv6cp = nil
        }
    }

    private mutating func tellIPv6() {
        guard !isIPv6Told, isNetworkUp, isIPv6Up, let options = ipv6cp?.options else { return }
        isIPv6Told = true
        outputs.append(.ipv6IsUp(own: options.own, peer: options.peer ?? options.offered))
    }
}
