import Foundation
import GRDB

extension AccountStore {
    /// Judges a name and a password. The name is `user@hub`, the last @ separating; without one the default
    /// hub is meant. It takes as long for a user who does not exist as for one who does.
    public func authenticate(name: String, password: ClearPassword, defaultHub: HubName) -> Verdict {
        let found = find(name: name, defaultHub: defaultHub)
        guard case .user(let stored, let hub) = found else {
            _ = unmatchable.matches(password)
            return found.refusal
        }
        guard let text = stored.password, let hash = PasswordHash(text) else {
            _ = unmatchable.matches(password)
            return .refused(.certificateRequired)
        }
        let wasRight = recentVerdicts.withLock { $0.contains(password, for: stored.user.id, text) }
        if !wasRight {
            guard hash.matches(password) else { return .refused(.wrongPassword) }
            recentVerdicts.withLock { $0.insert(password, for: stored.user.id, text) }
        }
        return admit(stored.user, to: hub)
    }

    /// Judges a certificate whose chain the caller has verified. If the peer gave a name too, the certificate
    /// must stand for that user; otherwise it is looked for in the default hub, by its fingerprint first. So
    /// it is where the name is the certificate's own and nobody's: it claims nothing beside the certificate.
    public func authenticate(
        certificate: PresentedCertificate, name: String? = nil, defaultHub: HubName
    ) -> Verdict {
        var found =
            name.map { find(name: $0, defaultHub: defaultHub) }
            ?? find(certificate: certificate, in: defaultHub)
        if case .nobody = found, name != nil, name == certificate.commonName {
            found = find(certificate: certificate, in: defaultHub)
        }
        guard case .user(let stored, let hub) = found else { return found.refusal }
        guard let identity = stored.user.certificate, certificate.stands(for: identity) else {
            return .refused(.certificateUnknown)
        }
        return admit(stored.user, to: hub)
    }

    /// Whether one who was let in earlier would still be, evidence apart; nil if so. For renegotiations and
    /// for sessions that an observed change may end.
    public func refusal(of user: User) -> Refusal? {
        do {
            return try read { database in
                guard let hub = try? Self.hub(user.hub, database) else { return .unknownHub }
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

    private func find(name: String, defaultHub: HubName) -> Found {
        let at = name.lastIndex(of: "@")
        let userName = try? UserName(String(at.map { name[..<$0] } ?? name[...]))
        guard let hubName = at.map({ try? HubName(String(name[name.index(after: $0)...])) }) ?? defaultHub
        else {
            return .nobody(.unknownHub)
        }
        return find(in: hubName) { hub, database in
            guard let userName, let user = try Self.findUser(userName, in: hub, database) else {
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
                guard let hub = try? Self.hub(name, database) else { return .nobody(.unknownHub) }
                return try body(hub, database)
            }
        } catch {
            return .nobody(.unavailable)
        }
    }

    func admit(_ user: User, to hub: Hub) -> Verdict {
        if !hub.isEnabled { return .refused(.hubDisabled) }
        if !user.isEnabled { return .refused(.userDisabled) }
        if let expires = user.expires, expires <= now() { return .refused(.expired) }
        return .accepted(user)
    }
}
