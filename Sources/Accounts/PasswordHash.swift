import COpenSSL
import Foundation
import OpenSSL
import SoftEtherPassword

/// A password's scrypt (RFC 7914), as it is stored: `$scrypt$ln=14,r=8,p=1$SALT$HASH`, both in base64 without
/// padding. Of a password that was never seen, it is the scrypt of what SoftEther makes of it:
/// `$scrypt-softether$...`.
struct PasswordHash: Hashable, Sendable {
    /// 16 MiB and some tens of milliseconds each.
    static let cost = Cost(logN: 14, r: 8, p: 1)
    /// A file that is applied may bring hashes made elsewhere; one of them may not stop the server.
    static let maximumMemory: UInt64 = 256 << 20
    private static let length = 32

    struct Cost: Hashable, Sendable {
        var logN: UInt64
        var r: UInt64
        var p: UInt64

        /// RFC 7914 §2: the large vector and the p blocks.
        var memory: UInt64 { 128 * r * ((1 << logN) + p + 2) }
        var isAcceptable: Bool {
            (10...20).contains(logN) && (1...32).contains(r) && (1...16).contains(p)
                && memory <= PasswordHash.maximumMemory
        }
    }

    /// Of what it is the scrypt.
    enum Basis: String, Sendable {
        case clear = "scrypt"
        case softEther = "scrypt-softether"
    }

    let basis: Basis
    let cost: Cost
    let salt: [UInt8]
    let hash: [UInt8]

    init(of password: ClearPassword) throws(AccountError) {
        self.init(.clear, of: password.secret, salt: try Self.random(16))
    }

    init(of password: SoftEtherPassword) throws(AccountError) {
        self.init(.softEther, of: SecretBytes(wiping: password.octets), salt: try Self.random(16))
    }

    private init(_ basis: Basis, of secret: SecretBytes, salt: [UInt8]) {
        let hash = Self.derive(secret, salt: salt, cost: Self.cost)
        self.init(basis, cost: Self.cost, salt: salt, hash: hash)
    }

    /// One that no password matches and that takes as long to try as any other.
    static func unmatchable() throws(AccountError) -> PasswordHash {
        PasswordHash(.clear, cost: cost, salt: try random(16), hash: try random(length))
    }

    private static func random(_ count: Int) throws(AccountError) -> [UInt8] {
        do { return try randomBytes(count) } catch { throw AccountError(error) }
    }

    private init(_ basis: Basis, cost: Cost, salt: [UInt8], hash: [UInt8]) {
        self.basis = basis
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    /// The time taken does not depend on how much of it is right.
    func matches(_ password: ClearPassword, of user: UserName) -> Bool {
        let secret =
            switch basis {
            case .clear: password.secret
            case .softEther:
                SecretBytes(
                    wiping: SoftEtherPassword(of: password.secret, user: user.description).octets)
            }
        return constantTimeEquals(Self.derive(secret, salt: salt, cost: cost), hash)
    }

    static func derive(_ secret: SecretBytes, salt: [UInt8], cost: Cost) -> [UInt8] {
        var key = [UInt8](repeating: 0, count: length)
        let result = unsafe secret.bytes.withUnsafeBytes { bytes in
            unsafe EVP_PBE_scrypt(
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, salt, salt.count,
                1 << cost.logN, cost.r, cost.p, cost.memory + 1 << 20, &key, key.count)
        }
        precondition(result == 1, "scrypt refuses parameters that were checked before")
        return key
    }
}

extension PasswordHash: CustomStringConvertible {
    init?(_ text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, let basis = Basis(rawValue: String(parts[1])) else {
            return nil
        }
        let numbers = parts[2].split(separator: ",", omittingEmptySubsequences: false)
        guard numbers.count == 3,
            let logN = Self.number("ln=", numbers[0]), let r = Self.number("r=", numbers[1]),
            let p = Self.number("p=", numbers[2]),
            let salt = Self.unpadded(parts[3]), (8...64).contains(salt.count),
            let hash = Self.unpadded(parts[4]), hash.count == Self.length,
            Cost(logN: logN, r: r, p: p).isAcceptable
        else { return nil }
        self.init(basis, cost: Cost(logN: logN, r: r, p: p), salt: salt, hash: hash)
    }

    var description: String {
        "$\(basis.rawValue)$ln=\(cost.logN),r=\(cost.r),p=\(cost.p)$"
            + "\(Self.unpadded(salt))$\(Self.unpadded(hash))"
    }

    private static func number(_ name: String, _ text: Substring) -> UInt64? {
        guard text.hasPrefix(name), let value = UInt64(text.dropFirst(name.count)), value < 1 << 16 else {
            return nil
        }
        return value
    }

    private static func unpadded(_ bytes: [UInt8]) -> String {
        String(Data(bytes).base64EncodedString().prefix { $0 != "=" })
    }

    private static func unpadded(_ text: Substring) -> [UInt8]? {
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        return Data(base64Encoded: String(text) + padding).map { [UInt8]($0) }
    }
}

extension SecretBytes {
    /// Of octets that nobody needs any more.
    fileprivate convenience init(wiping octets: consuming [UInt8]) {
        var octets = octets
        self.init(copying: octets)
        wipe(&octets)
    }
}
