import Foundation
import GRDB
import MSCHAPv2
import OpenSSL
import SoftEtherPassword

/// What is kept of a password beside its scrypt, because a protocol proves the password with it. Each is as
/// good as the password to whoever speaks that protocol, so the database has them sealed under the key file,
/// and only those kinds that the server allows.
///
/// They come into being wherever the password is seen in the clear: when it is set, or, for a user who has
/// none yet, when it is next used to log in.
public enum VerifierKind: String, Sendable, CaseIterable {
    /// MS-CHAPv2's NtPasswordHash.
    case ntHash = "nt-hash"
    /// SoftEther's hash of the password and the user's name.
    case softEther = "softether"

    /// The method for which it is kept, as an administrator knows it.
    public var provedBy: String {
        switch self {
        case .ntHash: "MS-CHAPv2"
        case .softEther: "SoftEther"
        }
    }

    /// Nil where no such proof can be made of the password.
    fileprivate func derive(from password: ClearPassword, of user: UserName) -> [UInt8]? {
        switch self {
        case .ntHash: (try? NTHash(ofPassword: password.secret))?.octets
        case .softEther: SoftEtherPassword(of: password.secret, user: user.description).octets
        }
    }
}

extension AccountStore {
    /// Deletes what is kept of other kinds: what is not allowed any more.
    func forgetVerifiers(except kinds: Set<VerifierKind>) throws(AccountError) {
        let unwanted = VerifierKind.allCases.filter { !kinds.contains($0) }.map(\.rawValue)
        guard !unwanted.isEmpty else { return }
        try write { database, _ in
            for kind in unwanted {
                try database.execute(sql: "DELETE FROM verifier WHERE kind = ?", arguments: [kind])
            }
        }
    }

    /// The user's, opened. Nil where there is none, or none that the key file opens.
    func verifier(_ kind: VerifierKind, of user: User) throws(AccountError) -> [UInt8]? {
        guard let sealed = try read({ try Self.sealedVerifier(kind, of: user, $0) }) else { return nil }
        return try opened(sealed, kind, of: user)
    }

    /// Within a transaction.
    static func sealedVerifier(
        _ kind: VerifierKind, of user: User, _ database: Database
    ) throws -> [UInt8]? {
        try Data.fetchOne(
            database, sql: "SELECT sealed FROM verifier WHERE user = ? AND kind = ?",
            arguments: [user.id, kind.rawValue]
        ).map { [UInt8]($0) }
    }

    /// Nil where the key file does not open it.
    func opened(
        _ sealed: [UInt8], _ kind: VerifierKind, of user: User
    ) throws(AccountError) -> [UInt8]? {
        do { return try box.open(sealed, for: Self.sealName(kind, user.id)) } catch {
            throw AccountError(error)
        }
    }

    /// What a login in clear text teaches, which has just been held against `stored`: of a user whose
    /// password was set before a kind was allowed, or changed without being shown.
    func learn(_ password: ClearPassword, of stored: StoredUser) {
        let user = stored.user
        let count = try? read { database in
            try Int.fetchOne(
                database, sql: "SELECT COUNT(*) FROM verifier WHERE user = ?", arguments: [user.id])
        }
        let wasUnseen = stored.password.flatMap(PasswordHash.init)?.basis == .softEther
        guard let count, count < verifierKinds.count || wasUnseen else { return }
        let hash = wasUnseen ? try? PasswordHash(of: password).description : stored.password
        let sealed = sealedVerifiers(of: user.name, id: user.id, password)
        try? write { database, _ in
            // Who has got another password meanwhile keeps nothing of this one.
            guard let hub = try Self.findHub(user.hub, database),
                try Self.findUser(id: user.id, in: hub, database)?.password == stored.password
            else { return }
            try Self.setPassword(hash ?? stored.password, of: user, database)
            try Self.setVerifiers(sealed, ofUser: user.id, database)
        }
    }

    /// What `setVerifiers` stores; made before the transaction, or for a user who is made in it.
    func sealedVerifiers(
        of user: UserName, id: Int64, _ password: ClearPassword
    ) -> [VerifierKind: [UInt8]] {
        var all: [VerifierKind: [UInt8]] = [:]
        for kind in verifierKinds {
            guard var plain = kind.derive(from: password, of: user) else { continue }
            defer { wipe(&plain) }
            all[kind] = try? box.seal(plain, for: Self.sealName(kind, id))
        }
        return all
    }

    /// Within a transaction. Those that are not given are deleted: they were of another password.
    static func setVerifiers(
        _ sealed: [VerifierKind: [UInt8]], ofUser id: Int64, _ database: Database
    ) throws {
        try database.execute(sql: "DELETE FROM verifier WHERE user = ?", arguments: [id])
        for (kind, octets) in sealed {
            try database.execute(
                sql: "INSERT INTO verifier (user, kind, sealed) VALUES (?, ?, ?)",
                arguments: [id, kind.rawValue, Data(octets)])
        }
    }

    /// A sealed value opens for its user and kind alone: rows cannot be exchanged.
    static func sealName(_ kind: VerifierKind, _ id: Int64) -> String {
        "verifier/\(kind.rawValue)/\(id)"
    }
}
