import OpenSSL
import PluginKit
import SoftEtherCore
import Wire

/// What the engine wants done.
extension SoftEtherLane {
    func perform(_ output: Output) {
        switch output {
        case .send(let octets, let stream):
            if let link = links[stream] { services.write(copying: octets, to: link.handle) }
        case .closeStream(let stream):
            if let link = links.removeValue(forKey: stream) { services.close(link.handle, .flush) }
        case .moveStream(let stream, let lane): move(stream, to: lane)
        case .authenticate(let question, let login, let challenge, let stream):
            ask(question, login, challenge, from: links[stream]?.remote)
        case .changePassword(let question, let change, let challenge, let stream):
            self.change(question, change, challenge, from: links[stream]?.remote)
        case .withdrawAuthentication(let question):
            if let ticket = questions.removeValue(forKey: question) { services.withdraw(question: ticket) }
        case .openSession(let id, let login, let stream): open(id, login, stream)
        case .keepAliveDatagram(let session): sendKeepAlive(toSession: session)
        case .closeSession(let id, let reason): close(id, reason)
        case .warn(let words): module.host.log(.warn, words)
        }
    }

    private func move(_ stream: UInt64, to lane: Int) {
        guard let link = links.removeValue(forKey: stream) else { return }
        do throws(Status) {
            try services.move(link.handle, toLane: lane, token: Self.movedToken)
        } catch {
            services.close(link.handle, .reset)
        }
    }

    // MARK: Who is it?

    private func ask(_ question: UInt64, _ login: Login, _ challenge: [UInt8], from remote: Endpoint?) {
        do throws(Status) {
            var evidence = evidence(login, challenge)
            defer { wipe(&evidence.secret) }
            evidence.remote = remote
            evidence.software = login.software.description
            questions[question] = try services.ask(evidence, token: question)
        } catch {
            module.host.log(.warn, "authentication could not be asked for reason=\"\(error)\"")
            server.decided(question, .serverCannotAccept, at: services.now)
        }
    }

    private func change(
        _ question: UInt64, _ change: PasswordChange, _ challenge: [UInt8], from remote: Endpoint?
    ) {
        var evidence = Evidence(.softEther, protocolName: "SoftEther")
        evidence.name = Array("\(change.user)@\(change.hub)".utf8)
        evidence.secret = change.proof
        evidence.challenge = challenge
        evidence.remote = remote
        var password = NewPassword(softEther: change.hash, ntHash: change.ntHash)
        defer {
            wipe(&evidence.secret)
            wipe(&password.softEther)
            wipe(&password.ntHash)
        }
        do throws(Status) {
            questions[question] = try services.change(evidence, to: password, token: question)
        } catch {
            server.decided(
                question, error == .unsupported ? .notSupported : .serverCannotAccept, at: services.now)
        }
    }

    private func evidence(_ login: Login, _ challenge: [UInt8]) -> Evidence {
        var evidence: Evidence
        switch login.credential {
        case .proof(let proof):
            evidence = Evidence(.softEther, protocolName: "SoftEther")
            evidence.secret = proof
            evidence.challenge = challenge
        case .password(let password):
            evidence = Evidence(.password, protocolName: "SoftEther")
            evidence.secret = unsafe password.bytes.withUnsafeBytes { unsafe Array($0) }
        case .certificate(let certificate, let signature):
            evidence = Evidence(.bareCertificate, protocolName: "SoftEther")
            let isHeld = CertificateSignature.isValidRSASHA1(
                signature, of: challenge, byCertificate: certificate)
            // Without a certificate the host refuses, and writes down that somebody tried.
            if isHeld { evidence.certificate = certificate }
        // Nobody here may come without a proof; that somebody tried is for the host to log.
        case .anonymous, .unsupported: evidence = Evidence(.password, protocolName: "SoftEther")
        }
        evidence.name = Array("\(login.user)@\(login.hub)".utf8)
        return evidence
    }

    // MARK: Sessions

    private func open(_ id: UInt64, _ login: Login, _ stream: UInt64) {
        guard let identity = accepted.take(), let session = server.sessions[id], let link = links[stream]
        else { return server.sessionRefused(id, .serverCannotAccept, at: services.now) }
        let client = Client(session)
        let software = login.software
        let isAccelerated = session.acceleration != nil
        var request = SessionRequest(
            layer: .two, identity: identity, mtu: isAccelerated ? AccelerationPacket.mtu : 1500,
            protocolName: "SoftEther", cipher: link.cipher, remote: link.remote)
        request.headroom = isAccelerated ? AccelerationPacket.headroom : Block.headLength
        request.tailroom = isAccelerated ? AccelerationPacket.tagLength : 0
        request.software = software.description
        request.hostName = software.hostName.isEmpty ? nil : software.hostName
        request.instance = software.uniqueID
        do throws(Status) {
            client.opening = try services.open(request, token: id)
            clients[id] = client
            accelerate(client, login, from: link.remote)
        } catch {
            module.host.log(.warn, "no session can be opened reason=\"\(error)\"")
            server.sessionRefused(id, .serverCannotAccept, at: services.now)
        }
    }

    /// Takes a client out of the tables.
    func forget(_ id: UInt64) -> Client? {
        guard let client = clients.removeValue(forKey: id) else { return nil }
        forgetAcceleration(of: client)
        return client
    }

    private func close(_ id: UInt64, _ reason: EndReason) {
        guard let client = forget(id) else { return }
        if let handle = client.handle {
            services.close(handle, SessionReason(reason), reason.rawValue)
        } else if let opening = client.opening {
            services.withdraw(opening: opening)
        }
    }
}

extension SessionReason {
    init(_ reason: EndReason) {
        self =
            switch reason {
            case .client: .client
            case .timeout: .timeout
            case .transport: .transport
            case .protocolError: .protocolError
            case .shutdown: .shutdown
            }
    }
}
