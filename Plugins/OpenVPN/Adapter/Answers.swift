import OpenVPNCore
import PluginKit
import Wire

/// What the host answers, and what it wants of itself.
extension OpenVPNLane {
    func decided(question token: UInt64, _ verdict: Verdict) {
        guard let question = questions.removeValue(forKey: token) else { return }
        let refusal = Self.refusal(verdict)
        count(refusal, question)
        if let identity = verdict.identity { keep(identity, question) }
        if let refusal, verdict.code == .unavailable {
            server.undecided(question.connection, ticket: question.ticket, refusal: refusal, at: moment)
        } else {
            server.decided(question.connection, ticket: question.ticket, refusal: refusal, at: moment)
        }
        settle()
        // The connection has gone its way: nobody came for the identity.
        if let identity = accepted.removeValue(forKey: question.connection) { services.release(identity) }
    }

    private func count(_ refusal: String?, _ question: Question) {
        if refusal != nil {
            counters.add(to: .refused)
        } else if !question.isRenewal {
            counters.add(to: .handshakes)
        }
    }

    /// A renewal has an identity already, and the session keeps the one that it was opened with.
    private func keep(_ identity: IdentityHandle, _ question: Question) {
        if !question.isRenewal {
            accepted[question.connection] = identity
        } else if client(question.connection)?.identity != identity {
            services.release(identity)
        }
    }

    /// What the client is told; nil: accepted.
    static func refusal(_ verdict: Verdict) -> String? {
        let words: String
        switch verdict.code {
        case .accepted: return nil
        case .credentials: words = "wrong user name or password"
        case .hub: words = "there is no such hub"
        case .disabled: words = "this account may not connect"
        case .method, .continue: words = "this account cannot use OpenVPN"
        case .unavailable: words = "the server cannot decide now"
        }
        return verdict.sentence ?? words
    }

    func opened(session token: UInt64, _ session: SessionHandle, _ parameters: SessionParameters?) {
        let id = ConnectionID(rawValue: token)
        guard let client = client(id) else { return services.close(session, .client) }
        client.opening = nil
        client.session = session
        sessions[id.index] = session.rawValue
        server.sessionOpened(id, configuration(parameters, client.ipv6), at: moment)
        settle()
    }

    /// What comes after the session was opened reaches the client when it connects anew: before 2.7 clients
    /// are told their addresses once.
    func changed(session token: UInt64, ipv6: IPv6Parameters?) {
        client(ConnectionID(rawValue: token))?.ipv6 = ipv6
    }

    func refused(session token: UInt64, _ reason: SessionReason, _ sentence: String?) {
        let id = ConnectionID(rawValue: token)
        guard forget(id) != nil else { return }
        counters.add(to: .refused)
        let reason = EndReason(reason)
        server.sessionRefused(id, reason, sentence ?? reason.sentence, at: moment)
        settle()
    }

    func closed(session token: UInt64, _ reason: SessionReason, _ sentence: String?) {
        let id = ConnectionID(rawValue: token)
        guard forget(id) != nil else { return }
        let reason = EndReason(reason)
        server.sessionClosed(id, reason, sentence ?? "", at: moment)
        settle()
    }

    /// What the hub tells, and what plugins.conf says beside it. A client at layer 2 asks the hub by DHCP
    /// itself.
    private func configuration(_ parameters: SessionParameters?, _ ipv6: IPv6Parameters?) -> PushReply {
        var reply = PushReply()
        reply.tunMTU = push.tunMTU == DataEncapsulation.defaultTunMTU ? nil : push.tunMTU
        guard let parameters, let address = parameters.address.ipv4 else { return reply }
        reply.interface = PushReply.Subnet(address, prefix: parameters.prefix)
        reply.gateway = parameters.gateway?.ipv4
        reply.routes = parameters.routes.compactMap(Self.route) + push.routes
        reply.dnsServers = push.dns.isEmpty ? parameters.dns.compactMap(\.ipv4) : push.dns
        reply.winsServers = parameters.wins.compactMap(\.ipv4)
        reply.domain = parameters.domain ?? ipv6?.domain
        reply.ipv6 = ipv6.flatMap(configuration)
        return reply
    }

    /// The network around the address is routed by it alone.
    private func configuration(_ ipv6: IPv6Parameters) -> PushReply.IPv6? {
        guard let address = ipv6.address?.ipv6 else { return nil }
        var configuration = PushReply.IPv6(
            address, prefixLength: ipv6.prefix, remote: ipv6.gateway?.ipv6 ?? Self.nobody,
            hasRouter: ipv6.gateway != nil)
        let routes = ipv6.routes.compactMap { route in
            route.network.ipv6.flatMap { IPv6Prefix($0, length: route.prefix) }
        }
        configuration.routes = routes.filter { $0.length != ipv6.prefix || !$0.contains(address) }
        if push.dns.isEmpty { configuration.dnsServers = ipv6.dns.compactMap(\.ipv6) }
        return configuration
    }

    /// Named as the other end where no router is known.
    private static let nobody = IPv6Address(0xfe80_0000_0000_0000, 1)

    private static func route(_ route: SessionParameters.Route) -> PushReply.Route? {
        guard let network = route.network.ipv4 else { return nil }
        let gateway = route.gateway.ipv4.flatMap { $0 == .any ? nil : $0 }
        return PushReply.Route(PushReply.Subnet(network, prefix: route.prefix), gateway: gateway)
    }
}
