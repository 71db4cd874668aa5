import OpenSSL
import PPP
import PPPSessions
import PluginKit
import SSTPCore
import Wire

/// What a connection wants done, and what the host answers.
extension SSTPLane {
    /// After each input: does what the engine wants, and sets the alarm.
    func settle(_ client: Client) {
        while let output = client.connection.nextOutput() { perform(output, client) }
        guard clients[client.stream.rawValue] != nil else { return }
        client.alarm.move(to: client.connection.deadline, services)
    }

    private func perform(_ output: ConnectionOutput, _ client: Client) {
        switch output {
        case .send(let octets): write(octets, to: client)
        case .authenticate(let evidence): authenticate(evidence, client)
        case .openSession(let wish): openSession(wish, client)
        case .joinIPv6Link(let own, let peer):
            if let session = client.session { services.joinIPv6Link(session, own: own, peer: peer) }
        case .closeSession(let reason, let sentence): closeSession(client, SessionReason(reason), sentence)
        case .closeStream(let isOrderly): closeStream(client, isOrderly ? .flush : .reset)
        case .log(let level, let text): log(level, text, client)
        }
    }

    private func log(_ level: LogLevel, _ text: String, _ client: Client) {
        if level == .warning { count(.unboundClients) }
        module.host.log(
            level == .warning ? .warn : .info,
            "connection=\(client.stream.rawValue) remote=\(client.remote) \(text)")
    }

    // MARK: The stream

    func write(_ octets: [UInt8], to client: Client) {
        // What waits goes first, once the host says that there is room (`writable`).
        if client.backlog.isEmpty, services.write(copying: octets, to: client.stream).status != .limit {
            return
        }
        guard client.backlog.count + octets.count <= Client.maxBacklog else {
            client.connection.streamClosed()
            return closeStream(client, .reset)
        }
        client.backlog += octets
    }

    func writeBacklog(of client: Client) {
        guard !client.backlog.isEmpty,
            services.write(copying: client.backlog, to: client.stream).status != .limit
        else { return }
        client.backlog = []
    }

    func closeStream(_ client: Client, _ how: StreamEnding) {
        guard clients[client.stream.rawValue] != nil else { return }
        writeBacklog(of: client)
        services.close(client.stream, how)
        forget(client)
    }

    func forget(_ client: Client) {
        guard clients.removeValue(forKey: client.stream.rawValue) != nil else { return }
        halfOpen.remove(client.stream.rawValue)
        count(.connections, by: -1)
        client.alarm.move(to: nil, services)
        if let question = client.question { services.withdraw(question: question) }
        closeSession(client, .transport, EndReason.transport.rawValue)
        if let identity = client.identity { services.release(identity) }
        client.identity = nil
    }

    // MARK: Who is it?

    private func authenticate(_ shown: PPP.Evidence, _ client: Client) {
        // The answer to an older question would be taken for that to this one.
        if let older = client.question { services.withdraw(question: older) }
        client.question = nil
        guard var evidence = PluginKit.Evidence(shown, protocolName: "SSTP") else {
            return decided(.refused(.method), client)
        }
        defer { wipe(&evidence.secret) }
        evidence.remote = client.remote
        evidence.software = client.connection.link.software
        do throws(PluginKit.Status) {
            client.question = try services.ask(evidence, token: client.stream.rawValue)
        } catch {
            module.host.log(.warn, "authentication could not be asked for reason=\"\(error)\"")
            decided(.refused(.unavailable), client)
        }
    }

    func decided(question token: UInt64, _ verdict: Verdict) {
        guard let client = clients[token], client.question != nil else {
            if let identity = verdict.identity { services.release(identity) }
            return
        }
        client.question = nil
        if let old = client.identity { services.release(old) }
        client.identity = verdict.identity
        if verdict.code != .accepted { count(.refused) }
        decided(
            AuthenticationVerdict(verdict), client, receiveKey: verdict.receiveKey, sendKey: verdict.sendKey)
        settle(client)
    }

    private func decided(
        _ verdict: AuthenticationVerdict, _ client: Client, receiveKey: [UInt8] = [], sendKey: [UInt8] = []
    ) {
        client.connection.decided(
            verdict, receiveKey: receiveKey, sendKey: sendKey, at: services.now)
    }

    // MARK: Sessions

    private func openSession(_ wish: SessionWish, _ client: Client) {
        guard let identity = client.identity else {
            return client.connection.sessionRefused("not authenticated", at: services.now)
        }
        client.identity = nil
        var request = SessionRequest(
            layer: .three, identity: identity, mtu: wish.mtu, protocolName: "SSTP",
            cipher: client.cipher, remote: client.remote)
        request.headroom = Connection.maxHeader
        request.software = wish.software
        request.hostName = wish.hostName
        request.instance = Array((wish.hostName ?? "").utf8)
        request.wish = wish.address.map { Endpoint($0, port: 0) }
        do throws(PluginKit.Status) {
            let opening = try services.open(request, token: client.stream.rawValue)
            client.opening = opening
            if module.options?.carriesIPv6 == true { services.expectIPv6Link(opening: opening) }
        } catch {
            client.connection.sessionRefused("no session can be opened: \(error)", at: services.now)
        }
    }

    func opened(session token: UInt64, _ session: SessionHandle, _ parameters: SessionParameters?) {
        guard let client = clients[token], client.opening != nil else {
            return services.close(session, .client)
        }
        client.opening = nil
        client.session = session
        halfOpen.remove(token)
        if let network = PeerNetwork(parameters, ipv6: client.ipv6) {
            client.connection.sessionOpened(network, at: services.now)
        } else {
            closeSession(client, .noAddress, "the hub has no IPv4 address for the client")
            client.connection.close("the hub has no IPv4 address for the client", at: services.now)
        }
        settle(client)
    }

    func changed(session token: UInt64, ipv6: IPv6Parameters?) {
        guard let client = clients[token], client.opening != nil else { return }
        client.ipv6 = ipv6
    }

    func refused(session token: UInt64, _ reason: SessionReason, _ sentence: String?) {
        guard let client = clients[token], client.opening != nil else { return }
        client.opening = nil
        count(.refused)
        client.connection.sessionRefused(sentence ?? "no place in the hub", at: services.now)
        settle(client)
    }

    func closed(session token: UInt64, _ reason: SessionReason, _ sentence: String?) {
        guard let client = clients[token], client.session != nil else { return }
        client.session = nil
        client.connection.close(sentence ?? EndReason.administrator.rawValue, at: services.now)
        settle(client)
    }

    private func closeSession(_ client: Client, _ reason: SessionReason, _ sentence: String) {
        if let session = client.session { services.close(session, reason, sentence) }
        if let opening = client.opening { services.withdraw(opening: opening) }
        client.session = nil
        client.opening = nil
    }
}

extension SessionReason {
    init(_ reason: EndReason) {
        self =
            switch reason {
            case .client: .client
            case .timeout: .timeout
            case .protocolError: .protocolError
            case .transport: .transport
            case .authentication: .authentication
            case .administrator: .administrator
            }
    }
}
