import GRDB

extension AccountStore {
    /// Judges an identity of phase 1 that the caller has verified by the pre-shared key, or by
    /// `certificate`: the attempt's name. It is found in whichever hub it belongs to. Where the user's
    /// record names a certificate, no key is enough, and no other certificate either.
    public func authenticate(
        ikeIdentity attempt: LoginAttempt, certificate: PresentedCertificate? = nil
    ) -> Verdict {
        guard let identity = attempt.name else { return .refused(.unknownUser) }
        do {
            return try read { database in
                guard let found = try Self.findOwner(of: identity, database) else {
                    return .refused(.unknownUser)
                }
                if let wanted = found.user.certificate {
                    guard let certificate else { return .refused(.certificateRequired) }
                    guard certificate.stands(for: wanted) else { return .refused(.certificateOfAnother) }
                }
                return self.admit(found.user, to: found.hub, attempt)
            }
        } catch {
            return .refused(.unavailable)
        }
    }

    private static func findOwner(
        of identity: String, _ database: Database
    ) throws -> (user: User, hub: Hub)? {
        let row = try Row.fetchOne(
            database,
            sql: """
                SELECT user.id AS user, hub.name AS hub FROM ike_identity
                    JOIN user ON user.id = ike_identity.user JOIN hub ON hub.id = user.hub
                    WHERE ike_identity.identity = ?
                """, arguments: [identity])
        guard let row else { return nil }
        let hub = try hub(HubName(row["hub"] as String), database)
        return try findUser(id: row["user"], in: hub, database).map { ($0.user, hub) }
    }

    /// Within the transaction that writes the user, whose id is known.
    static func setIKEIdentity(of user: User, id: Int64, _ database: Database) throws {
        try database.execute(sql: "DELETE FROM ike_identity WHERE user = ?", arguments: [id])
        guard let identity = user.ikeIdentity?.description else { return }
        if let other = try findOwner(of: identity, database) {
            throw AccountError(
                .exists,
                "IKE identity \(identity.quoted) stands for user \(other.user.name.description.quoted) "
                    + "of hub \(other.hub.name) already: another one is accepted")
        }
        try database.execute(
            sql: "INSERT INTO ike_identity (user, identity) VALUES (?, ?)", arguments: [id, identity])
    }
}
