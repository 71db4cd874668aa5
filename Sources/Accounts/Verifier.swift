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
        let sealed = try read { database in
            try Data.fetchOne(
                database, sql: "SELECT sealed FROM verifier WHERE user = ? AND kind = ?",
                arguments: [user.id, kind.rawValue])
        }
        guard let sealed else { return nil }
        do { return try box.open([UInt8](sealed), for: Self.sealName(kind, user.id)) } catch {
            throw AccountError(error)
        }
    }

    /// What a login in clear text teaches: for a user whose password was set before a kind was allowed.
    func learnVerifiers(of user: User, from password: ClearPassword) {
        let count = try? read { database in
            try Int.fetchOne(
                database, sql: "SELECT COUNT(*) FROM verifier WHERE user = ?", arguments: [user.id])
        }
        guard let count, count < verifierKinds.count else { return }
        let sealed = sealedVerifiers(of: user.name, id: user.id, password)
        try? write { database, _ in try Self.setVerifiers(sealed, ofUser: user.id, database) }
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
    private static func sealName(_ kind: VerifierKind, _ id: Int64) -> String {
        "verifier/\(kind.rawValue)/\(id)"
    }
}
