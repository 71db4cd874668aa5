import OpenSSL
import OpenVPNCore
import PluginKit
import Wire

/// What the engine wants done.
extension OpenVPNLane {
    func perform(_ output: Output) {
        switch output {
        case .send(let octets, let path): send(octets, to: path)
        case .closeStream(let path): closeStream(path)
        case .authenticate(let request): authenticate(request)
        case .withdrawAuthentication(let id, let ticket): withdraw(id, ticket)
        case .openSession(let request): openSession(request)
        case .closeSession(let id, let reason, let sentence): closeSession(id, reason, sentence)
        case .moved(let id, let path): moved(id, to: path)
        case .log(let event): log(event)
        }
    }

    private func send(_ octets: [UInt8], to path: Path) {
        switch path.transport {
        case .datagram:
            services.send(
                copying: octets, to: Endpoint(path.remote), from: path.local.map { Endpoint($0) },
                on: SocketHandle(rawValue: path.handle))
        case .stream: write(octets, to: path)
        }
    }

    private func moved(_ id: ConnectionID, to path: Path) {
        guard let session = client(id)?.session else { return }
        services.update(session, remote: Endpoint(path.remote))
    }

    private func log(_ event: LogEvent) {
        let connection = event.connection.map { "connection=\($0) " } ?? ""
        module.host.log(HostServices.Level(event.level), connection + event.text)
    }

    // MARK: Who is it?

    private func authenticate(_ request: AuthenticationRequest) {
        if request.isRenewal { counters.add(to: .renegotiations) }
        guard var evidence = evidence(request) else {
            counters.add(to: .refused)
            return server.decided(
                request.connection, ticket: request.ticket,
                refusal: "this server wants a user name and a password", at: moment)
        }
        defer { wipe(&evidence.secret) }
        let token = nextQuestion
        nextQuestion += 1
        do throws(Status) {
            let ticket = try services.ask(evidence, token: token)
            questions[token] = Question(
                connection: request.connection, ticket: request.ticket, isRenewal: request.isRenewal,
                asked: ticket)
        } catch {
            module.host.log(.warn, "authentication could not be asked for reason=\"\(error)\"")
            counters.add(to: .refused)
            server.undecided(
                request.connection, ticket: request.ticket, refusal: "the server cannot decide now",
                at: moment)
        }
    }

    /// Nil where the client has shown nothing.
    private func evidence(_ request: AuthenticationRequest) -> Evidence? {
        let name = request.username ?? ""
        var evidence: Evidence
        if !name.isEmpty {
            evidence = Evidence(.password, protocolName: "OpenVPN")
            evidence.name = Array(name.utf8)
            if let password = request.password {
                evidence.secret = unsafe password.bytes.withUnsafeBytes { unsafe Array($0) }
            }
        } else if let certificate = request.certificate {
            evidence = Evidence(.certificate, protocolName: "OpenVPN")
            evidence.name = Array(certificate.commonName.utf8)
        } else {
            return nil
        }
        evidence.certificate = request.certificate?.der ?? []
        evidence.remote = Endpoint(request.remote)
        evidence.software = request.software
        evidence.continues = client(request.connection)?.identity
        return evidence
    }

    private func withdraw(_ id: ConnectionID, _ ticket: UInt64) {
        guard let (token, question) = questions.first(where: { $1.connection == id && $1.ticket == ticket })
        else { return }
        questions[token] = nil
        if let asked = question.asked { services.withdraw(question: asked) }
    }

    // MARK: Sessions

    private func openSession(_ request: OpenVPNCore.SessionRequest) {
        let id = request.connection
        guard let identity = accepted.removeValue(forKey: id), let connection = server.connection(id) else {
            return server.sessionRefused(id, .authentication, "not authenticated", at: moment)
        }
        let client = Client(connection, identity)
        do throws(Status) {
            let wanted = hostRequest(request, identity)
            let opening = try services.open(wanted, token: id.rawValue)
            client.opening = opening
            if wanted.layer == .three, wanted.mtu >= IPv6Packet.minMTU {
                services.leaseIPv6(opening: opening)
            }
        } catch {
            return server.sessionRefused(id, .policy, "no session can be opened: \(error)", at: moment)
        }
        keep(client)
    }

    /// Puts a client into the tables.
    func keep(_ client: Client) {
        let index = client.connection.id.index
        while clients.count <= index {
            clients.append(nil)
            sessions.append(0)
        }
        clients[index] = client
        sessions[index] = client.session?.rawValue ?? 0
    }

    private func hostRequest(
        _ request: OpenVPNCore.SessionRequest, _ identity: IdentityHandle
    ) -> PluginKit.SessionRequest {
        var wanted = PluginKit.SessionRequest(
            layer: request.layer == .ethernet ? .two : .three, identity: identity,
            mtu: min(request.mtu, push.tunMTU), protocolName: "OpenVPN", cipher: request.cipher,
            remote: Endpoint(request.remote))
        wanted.headroom = request.headroom
        wanted.tailroom = request.tailroom
        wanted.software = request.software
        wanted.instance = Array(request.instance.utf8)
        return wanted
    }

    private func closeSession(_ id: ConnectionID, _ reason: EndReason, _ sentence: String) {
        guard let client = forget(id) else { return }
        if let session = client.session {
            services.close(
                session, SessionReason(rawValue: reason.rawValue),
                sentence.isEmpty ? reason.sentence : sentence)
        } else if let opening = client.opening {
            services.withdraw(opening: opening)
        }
    }

    /// Takes a client out of the tables.
    func forget(_ id: ConnectionID) -> Client? {
        guard let client = client(id) else { return nil }
        clients[id.index] = nil
        sessions[id.index] = 0
        return client
    }
}
