/// Who wants another password, by which proof of the present one, and what is told of the new one.
public struct PasswordChange: Sendable {
    static let hashLength = 20
    static let ntHashLength = 16

    public let hub: String
    public let user: String
    /// As in a login: SHA-0 over the password's equivalent and our challenge.
    public let proof: [UInt8]
    /// The new password's equivalent.
    public let hash: [UInt8]
    /// Its hash for MS-CHAPv2; empty where the client does not tell it.
    public let ntHash: [UInt8]

    init(_ pack: Pack) throws(RefusalCode) {
        guard let hub = pack.text("hubname"), let user = pack.text("username"), !user.isEmpty,
            Login.isName(hub), Login.isName(user),
            let proof = pack.octets("secure_old_password"), proof.count == Login.proofLength,
            let hash = pack.octets("new_password"), hash.count == Self.hashLength
        else { throw .protocolError }
        self.hub = hub
        self.user = user
        self.proof = proof
        self.hash = hash
        // Clients that cannot make one send none, or zeros.
        let ntHash = pack.octets("new_password_ntlm") ?? []
        let isTold = ntHash.count == Self.ntHashLength && ntHash.contains { $0 != 0 }
        self.ntHash = isTold ? ntHash : []
    }

    /// What a refusal is told as.
    static func told(_ refusal: RefusalCode) -> RefusalCode {
        switch refusal {
        case .authenticationFailed: .oldPasswordWrong
        case .authenticationTypeUnsupported: .userWithoutPassword
        case .accessDenied: .notEnoughRights
        default: refusal
        }
    }
}
