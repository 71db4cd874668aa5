import IKEv1
import IPsecCore
import OpenSSL
import PPP
import PPPSessions
import PluginKit
import Wire

/// What the engine wants done, and what the host answers.
extension IPsecLane {
    func perform(_ output: IPsecOutput) {
        switch output {
        case .send(let octets, let path):
            services.send(
                copying: octets, to: Endpoint(path.remote), from: path.local.map { Endpoint($0) },
                on: SocketHandle(rawValue: path.socket))
        case .authenticate(let question): authenticate(question)
        case .authenticateUser(let question): authenticate(question)
        case .withdrawAuthentication(let place, let ticket): withdraw(place, ticket)
        case .openSession(let wish): openSession(wish)
        case .closeSession(let place, let ending): closeSession(place, ending)
        case .joinIPv6Link(let place, let own, let peer):
            guard let session = clients[place]?.session else { return }
            services.joinIPv6Link(session, own: own, peer: peer)
        case .moved(let place, let address):
            guard let session = clients[place]?.session else { return }
            services.update(session, remote: Endpoint(address))
        case .log(let event): host.log(HostServices.Level(event.level), event.text)
        }
    }

    // MARK: Who is it?

    private func authenticate(_ question: IdentityQuestion) {
        var evidence = Evidence(.ikeIdentity, protocolName: question.protocolName)
        evidence.name = Array(question.identity.utf8)
        evidence.certificate = question.scope.certificate?.der ?? []
        evidence.remote = Endpoint(question.remote)
        ask(evidence, Question(question.place, ticket: question.ticket, hubs: question.scope.hubs))
    }

    private func authenticate(_ question: UserQuestion) {
        guard var evidence = PluginKit.Evidence(question.evidence, protocolName: question.protocolName) else {
            return server.decided(
                question.place, ticket: question.ticket, .refused(.method), at: services.now)
        }
        defer { wipe(&evidence.secret) }
        evidence.remote = Endpoint(question.remote)
        evidence.software = question.software
        ask(evidence, Question(question.place, ticket: question.ticket, hubs: question.hubs))
    }

    private func ask(_ evidence: PluginKit.Evidence, _ question: Question) {
        let (place, ticket) = (question.place, question.ticket)
        let token = nextQuestion
        nextQuestion += 1
        do throws(Status) {
            let asked = try services.ask(evidence, token: token)
            questions[token] = question
            questions[token]?.asked = asked
        } catch {
            host.log(.warn, "authentication could not be asked for reason=\"\(error)\"")
            if place.kind == .call {
                server.decided(place, ticket: ticket, .refused(.unavailable), at: services.now)
            } else {
                server.decided(
                    place, ticket: ticket, refusal: "the server cannot decide now", at: services.now)
            }
        }
    }

    private func withdraw(_ place: PlaceID, _ ticket: UInt64) {
        guard let (token, question) = questions.first(where: { $1.place == place && $1.ticket == ticket })
        else { return }
        questions[token] = nil
        if let asked = question.asked { services.withdraw(question: asked) }
    }

    func decided(question token: UInt64, _ verdict: Verdict) {
        guard let question = questions.removeValue(forKey: token) else {
            if let identity = verdict.identity { services.release(identity) }
            return
        }
        let verdict = confined(verdict, to: question.hubs)
        if let identity = verdict.identity { accepted[question.place] = identity }
        guard question.place.kind != .call else {
            server.decided(
                question.place, ticket: question.ticket, AuthenticationVerdict(verdict), at: services.now)
            return settle()
        }
        let refusal =
            verdict.code == .accepted
            ? nil : verdict.sentence ?? "no user has this identity"
        server.decided(question.place, ticket: question.ticket, refusal: refusal, at: services.now)
        settle()
        // The place has gone meanwhile: nobody came for the identity.
        if let identity = accepted.removeValue(forKey: question.place) { services.release(identity) }
    }

    /// A hub's pre-shared key leads to no other hub, whoever shows a password of one.
    private func confined(_ verdict: Verdict, to hubs: Set<String>?) -> Verdict {
        guard let hubs, let identity = verdict.identity, !hubs.contains(verdict.hub ?? "") else {
            return verdict
        }
        let own = hubs.sorted().joined(separator: ", ")
        services.release(identity)
        host.log(
            .info,
            "refused user=\(verdict.user ?? "") hub=\(verdict.hub ?? "") reason=\"the key is of hub \(own)\""
        )
        var refused = verdict
        refused.identity = nil
        refused.code = .credentials
        refused.sentence = "the pre-shared key is of another hub"
        return refused
    }

    // MARK: Sessions

    private func openSession(_ wish: SessionWish) {
        guard let identity = accepted.removeValue(forKey: wish.place) else {
            return server.sessionClosed(wish.place, "not authenticated", at: services.now)
        }
        var request = SessionRequest(
            layer: wish.network == nil ? .two : .three, identity: identity, mtu: wish.mtu,
            protocolName: wish.protocolName,
            cipher: wish.cipher, remote: Endpoint(wish.remote))
        request.headroom = wish.headroom
        request.tailroom = wish.tailroom
        request.instance = Array((wish.network.map { $0.hostName ?? "" } ?? wish.identity).utf8)
        request.software = wish.network?.software
        request.hostName = wish.network?.hostName
        request.wish = wish.network?.address.map { Endpoint($0, port: 0) }
        do throws(Status) {
            let ticket = try services.open(request, token: wish.place.rawValue)
            clients[wish.place] = Client(identity: identity, opening: ticket)
            if wish.network != nil, host.capabilities.contains(.ipv6) {
                services.expectIPv6Link(opening: ticket)
            }
        } catch {
            server.sessionClosed(wish.place, "no session can be opened: \(error)", at: services.now)
        }
    }

    func opened(session token: UInt64, _ session: SessionHandle, _ parameters: SessionParameters?) {
        let place = PlaceID(rawValue: token)
        guard var client = clients[place] else { return services.close(session, .client) }
        client.opening = nil
        client.session = session
        keep(client, place)
        if place.kind != .call {
            server.sessionOpened(place, at: services.now)
        } else if let network = PeerNetwork(parameters, ipv6: client.ipv6) {
            server.networkOpened(place, network, at: services.now)
        } else {
            server.sessionClosed(place, "the hub has no IPv4 address for the client", at: services.now)
        }
        settle()
    }

    func changed(session token: UInt64, ipv6: IPv6Parameters?) {
        let place = PlaceID(rawValue: token)
        guard clients[place]?.opening != nil else { return }
        clients[place]?.ipv6 = ipv6
    }

    func refused(session token: UInt64, _ reason: SessionReason, _ sentence: String?) {
        ended(PlaceID(rawValue: token), sentence ?? "refused")
    }

    func closed(session token: UInt64, _ reason: SessionReason, _ sentence: String?) {
        ended(PlaceID(rawValue: token), sentence ?? "ended by the server")
    }

    private func ended(_ place: PlaceID, _ sentence: String) {
        guard forget(place) != nil else { return }
        server.sessionClosed(place, sentence, at: services.now)
        settle()
    }

    private func closeSession(_ place: PlaceID, _ ending: IPsecEnding) {
        // A user who was accepted, and has not come to join a network.
        if let identity = accepted.removeValue(forKey: place) { services.release(identity) }
        guard let client = forget(place) else { return }
        if let session = client.session {
            services.close(session, SessionReason(ending))
        } else if let opening = client.opening {
            services.withdraw(opening: opening)
        }
    }

    /// Where there is a session, frames find it from now on.
    func keep(_ client: Client, _ place: PlaceID) {
        clients[place] = client
        while sessions.count <= place.index { sessions.append(0) }
        sessions[place.index] = client.session?.rawValue ?? 0
    }

    func forget(_ place: PlaceID) -> Client? {
        if place.index < sessions.count { sessions[place.index] = 0 }
        return clients.removeValue(forKey: place)
    }
}

extension SessionReason {
    fileprivate init(_ ending: IPsecEnding) {
        self =
            switch ending {
            case .client: .client
            case .protocolError: .protocolError
            case .authentication: .authentication
            case .administrator: .administrator
            case .timeout: .timeout
            case .shutdown: .shutdown
            case .replaced: .replaced
            }
    }
}

extension HostServices.Level {
    fileprivate init(_ level: LogEvent.Level) {
        self =
            switch level {
            case .debug: .debug
            case .notice, .security: .info
            }
    }
}
