import Foundation
import GRDB
import MSCHAPv2
import OpenSSL
import SoftEtherPassword

extension UserName {
    /// Of one whose password does not depend on it.
    fileprivate static let nobody = UserName(stored: "")
}

extension AccountStore {
    /// Judges a name and a password, and the certificate that came beside them if one did. It takes as long
    /// for a user who does not exist as for one who does.
    func authenticate(
        _ attempt: LoginAttempt, password: ClearPassword, certificate: PresentedCertificate? = nil
    ) -> Verdict {
        let found = attempt.login.map { find($0) } ?? .nobody(.unknownUser)
        guard case .user(let stored, let hub) = found else {
            _ = unmatchable.matches(password, of: .nobody)
            return found.refusal
        }
        guard let text = stored.password, let hash = PasswordHash(text) else {
            _ = unmatchable.matches(password, of: .nobody)
            return .refused(.certificateRequired)
        }
        let wasRight = recentVerdicts.withLock { $0.contains(password, for: stored.user.id, text) }
        if !wasRight {
            guard hash.matches(password, of: stored.user.name) else { return .refused(.wrongPassword) }
            recentVerdicts.withLock { $0.insert(password, for: stored.user.id, text) }
            learn(password, of: stored)
        }
        if let certificate, let refusal = refusal(of: certificate, beside: stored.user) {
            return .refused(refusal)
        }
        return admit(stored.user, to: hub, attempt)
    }

    /// Where the user's record names no certificate, any that was verified may stand beside the password, but
    /// for one that is somebody else's.
    private func refusal(of certificate: PresentedCertificate, beside user: User) -> Refusal? {
        if let identity = user.certificate {
            return certificate.stands(for: identity) ? nil : .certificateOfAnother
        }
        switch find(certificate: certificate, in: user.hub) {
        case .user(let owner, _): return owner.user.id == user.id ? nil : .certificateOfAnother
        case .nobody(let refusal): return refusal == .unavailable ? refusal : nil
        }
    }

    /// Judges an NT-Response of MS-CHAPv2.
    func authenticate(
        _ attempt: LoginAttempt, _ exchange: MSCHAPv2Exchange, response: [UInt8]
    ) -> Judgement {
        let found = attempt.login.map { find($0) } ?? .nobody(.unknownUser)
        guard case .user(let stored, let hub) = found else { return Judgement(found.refusal) }
        do {
            guard var octets = try verifier(.ntHash, of: stored.user) else {
                return Judgement(.refused(.noVerifier))
            }
            defer { wipe(&octets) }
            guard let hash = NTHash(octets: octets), try exchange.accepts(response, hash) else {
                return Judgement(.refused(.wrongPassword))
            }
            let verdict = admit(stored.user, to: hub, attempt)
            guard case .accepted = verdict else { return Judgement(verdict) }
            return Judgement(verdict, proof: try MSCHAPv2Proof(exchange, response, hash))
        } catch {
            return Judgement(.refused(.unavailable))
        }
    }

    /// Judges a proof of SoftEther's about `challenge`.
    func authenticate(
        _ attempt: LoginAttempt, softEtherProof proof: [UInt8], of challenge: [UInt8]
    ) -> Verdict {
        let found = attempt.login.map { find($0) } ?? .nobody(.unknownUser)
        guard case .user(let stored, let hub) = found else { return found.refusal }
        do {
            let sealed = try read { try Self.sealedVerifier(.softEther, of: stored.user, $0) }
            guard let sealed else { return .refused(.noVerifier) }
            guard accepts(proof, of: challenge, sealed, of: stored.user) else {
                return .refused(.wrongPassword)
            }
            return admit(stored.user, to: hub, attempt)
        } catch {
            return .refused(.unavailable)
        }
    }

    /// Whether a proof of SoftEther's is made by what is kept sealed for the user. One that the key file does
    /// not open accepts nothing.
    func accepts(_ proof: [UInt8], of challenge: [UInt8], _ sealed: [UInt8], of user: User) -> Bool {
        guard challenge.count == SoftEtherPassword.challengeLength,
            var octets = try? opened(sealed, .softEther, of: user)
        else { return false }
        defer { wipe(&octets) }
        return SoftEtherPassword(octets: octets)?.accepts(proof, of: challenge) == true
    }

    /// Judges a certificate whose chain the caller has verified. If the peer gave a name too, the certificate
    /// must stand for that user; otherwise it is looked for in the default hub, by its fingerprint first. So
    /// it is where the name is the certificate's own and nobody's: it claims nothing beside the certificate.
    func authenticate(_ attempt: LoginAttempt, certificate: PresentedCertificate) -> Verdict {
        var found =
            attempt.login.map { find($0) } ?? find(certificate: certificate, in: attempt.defaultHub)
        if case .nobody(let refusal) = found, refusal != .unavailable, let name = attempt.name,
            name == certificate.commonName
        {
            found = find(certificate: certificate, in: attempt.defaultHub)
        }
        guard case .user(let stored, let hub) = found else { return found.refusal }
        guard let identity = stored.user.certificate, certificate.stands(for: identity) else {
            return .refused(.certificateUnknown)
        }
        return admit(stored.user, to: hub, attempt)
    }

    /// Whether one who was let in earlier would still be, evidence apart; nil if so. For renegotiations and
    /// for sessions that an observed change may end.
    public func refusal(of user: User) -> Refusal? {
        do {
            return try read { database in
                guard let hub = try Self.findHub(user.hub, database) else { return .unknownHub }
                guard let stored = try Self.findUser(id: user.id, in: hub, database) else {
                    return .unknownUser
                }
                if case .refused(let refusal) = admit(stored.user, to: hub) { return refusal }
                return nil
            }
        } catch {
            return .unavailable
        }
    }

    private enum Found {
        case user(StoredUser, Hub)
        case nobody(Refusal)

        var refusal: Verdict {
            if case .nobody(let refusal) = self { .refused(refusal) } else { .refused(.unavailable) }
        }
    }

    private func find(_ login: LoginName) -> Found {
        guard let hubName = login.hub else { return .nobody(.unknownHub) }
        return find(in: hubName) { hub, database in
            guard let name = login.user, let user = try Self.findUser(name, in: hub, database) else {
                return .nobody(.unknownUser)
            }
            return .user(user, hub)
        }
    }

    private func find(certificate: PresentedCertificate, in hub: HubName) -> Found {
        find(in: hub) { hub, database in
            let identities =
                [.fingerprint(certificate.fingerprint)]
                + (certificate.commonName.map { [CertificateIdentity.commonName($0)] } ?? [])
            for identity in identities {
                if let user = try Self.findUser(identity, in: hub, database) { return .user(user, hub) }
            }
            return .nobody(.certificateUnknown)
        }
    }

    private func find(in name: HubName, _ body: (Hub, Database) throws -> Found) -> Found {
        do {
            return try read { database in
                guard let hub = try Self.findHub(name, database) else { return .nobody(.unknownHub) }
                return try body(hub, database)
            }
        } catch {
            return .nobody(.unavailable)
        }
    }

    func admit(_ user: User, to hub: Hub, _ attempt: LoginAttempt? = nil) -> Verdict {
        if let known = attempt?.continues, known != user.id { return .refused(.anotherUser) }
        if !hub.isEnabled { return .refused(.hubDisabled) }
        if !user.isEnabled { return .refused(.userDisabled) }
        if let expires = user.expires, expires <= now() { return .refused(.expired) }
        return .accepted(user)
    }
}
