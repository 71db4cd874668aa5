import Foundation
import GRDB
public import MSCHAPv2
import OpenSSL
public import SoftEtherPassword

/// A password that nobody here has seen: what a protocol tells of the one that a user wants from now on.
public struct UnseenPassword: Sendable {
    let softEther: SoftEtherPassword
    let ntHash: NTHash?

    public init(softEther: SoftEtherPassword, ntHash: NTHash? = nil) {
        self.softEther = softEther
        self.ntHash = ntHash
    }

    fileprivate func proof(_ kind: VerifierKind) -> [UInt8]? {
        switch kind {
        case .softEther: softEther.octets
        case .ntHash: ntHash?.octets
        }
    }
}

extension AccountStore {
    /// Has `new` count for the user who proves his present password. Nothing is kept of that one: what cannot
    /// prove the new one is lost (`Judgement.lost`), until somebody signs in with it in the clear.
    func changePassword(
        _ attempt: LoginAttempt, softEtherProof proof: [UInt8], of challenge: [UInt8],
        to new: UnseenPassword
    ) -> Judgement {
        let verdict = authenticate(attempt, softEtherProof: proof, of: challenge)
        guard case .accepted(let user) = verdict else { return Judgement(verdict) }
        do {
            guard try policy(of: user.name, in: user.hub).mayChangePassword else {
                return Judgement(.refused(.passwordFixed))
            }
            let empty = SoftEtherPassword(of: SecretBytes(copying: []), user: user.name.description)
            guard !constantTimeEquals(new.softEther.octets, empty.octets) else {
                return Judgement(.refused(.passwordEmpty))
            }
            let hash = try PasswordHash(of: new.softEther).description
            let sealed = seal(new, of: user)
            let isDone = try write { database, changes in
                // Meanwhile the administrator may have set another one, which is to stay.
                guard let present = try Self.sealedVerifier(.softEther, of: user, database),
                    accepts(proof, of: challenge, present, of: user)
                else { return false }
                try Self.setPassword(hash, of: user, database)
                try Self.setVerifiers(sealed, ofUser: user.id, database)
                changes.append(.userChanged(user.hub, user.name))
                return true
            }
            guard isDone else { return Judgement(.refused(.wrongPassword)) }
            recentVerdicts.withLock { $0.forget(user.id) }
            let lost = verifierKinds.filter { sealed[$0] == nil }
            return Judgement(verdict, lost: lost.sorted { $0.rawValue < $1.rawValue })
        } catch {
            return Judgement(.refused(.unavailable))
        }
    }

    private func seal(_ new: UnseenPassword, of user: User) -> [VerifierKind: [UInt8]] {
        var all: [VerifierKind: [UInt8]] = [:]
        for kind in verifierKinds {
            guard var plain = new.proof(kind) else { continue }
            defer { wipe(&plain) }
            all[kind] = try? box.seal(plain, for: Self.sealName(kind, user.id))
        }
        return all
    }
}
