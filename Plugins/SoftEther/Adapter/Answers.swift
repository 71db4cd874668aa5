import PluginKit
import SoftEtherCore

/// What the host answers, and what it wants of itself.
extension SoftEtherLane {
    func decided(question token: UInt64, _ verdict: Verdict) {
        questions[token] = nil
        accepted = verdict.identity
        let refusal = RefusalCode(verdict.code) ?? denial(token)
        if refusal != nil { counters.add(to: .refused) }
        server.decided(token, refusal, at: services.now)
        settle()
        // The connection has gone meanwhile: nobody came for the identity.
        if let identity = accepted.take() { services.release(identity) }
    }

    /// What somebody who was accepted wishes for and may not have.
    private func denial(_ question: UInt64) -> RefusalCode? {
        guard let identity = accepted, let wishes = server.wishes(ofQuestion: question) else { return nil }
        let remote = server.stream(ofQuestion: question).flatMap { links[$0]?.remote }
        func permits(_ permission: Permission) -> Bool {
            services.permits(permission, to: identity, at: remote, protocolName: "SoftEther")
        }
        if wishes.isMonitor, !permits(.monitor) { return .monitorDenied }
        if wishes.isBridge, !permits(.bridge) { return .bridgeDenied }
        return nil
    }

    func opened(session token: UInt64, _ session: SessionHandle, _ parameters: SessionParameters?) {
        guard let client = clients[token] else { return services.close(session, .client) }
        client.opening = nil
        client.handle = session
        counters.add(to: .sessions)
        server.sessionOpened(token, at: services.now)
        settle()
    }

    func refused(session token: UInt64, _ reason: SessionReason, _ sentence: String?) {
        guard forget(token) != nil else { return }
        counters.add(to: .refused)
        let code: RefusalCode =
            switch reason {
            // How many sessions a user may have is what policy judges here.
            case .policy: .tooManyUserSessions
            case .shutdown: .hubStopping
            default: .serverCannotAccept
            }
        server.sessionRefused(token, code, at: services.now)
        settle()
    }

    func closed(session token: UInt64, _ reason: SessionReason, _ sentence: String?) {
        guard forget(token) != nil else { return }
        server.sessionClosed(token, at: services.now)
        settle()
    }
}

extension RefusalCode {
    /// Nil: accepted.
    init?(_ verdict: Verdict.Code) {
        switch verdict {
        case .accepted: return nil
        case .credentials: self = .authenticationFailed
        case .hub: self = .hubNotFound
        case .disabled: self = .accessDenied
        case .method, .continue: self = .authenticationTypeUnsupported
        case .unavailable: self = .serverCannotAccept
        }
    }
}
