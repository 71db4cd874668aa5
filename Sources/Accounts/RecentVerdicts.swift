import OpenSSL

/// Remembers which password was right for a user a short while ago, so that the renegotiations of an OpenVPN
/// client do not cost a scrypt each. Kept is an HMAC-SHA256 under a key of this process over the stored hash
/// and the password: nothing that gives the password back, and nothing that outlives a change of it. Wrong
/// passwords are not remembered, so guessing always costs the full price.
struct RecentVerdicts {
    static let capacity = 4096

    private let key: SecretBytes
    private var tags: [Int64: [UInt8]] = [:]

    init() throws(OpenSSLError) { key = try SecretBytes.random(count: 32) }

    func contains(_ password: ClearPassword, for userID: Int64, _ hash: String) -> Bool {
        guard let known = tags[userID], let tag = tag(password, hash) else { return false }
        return constantTimeEquals(known, tag)
    }

    mutating func insert(_ password: ClearPassword, for userID: Int64, _ hash: String) {
        if tags.count >= Self.capacity, tags[userID] == nil, let victim = tags.keys.first {
            tags[victim] = nil
        }
        tags[userID] = tag(password, hash)
    }

    mutating func forget(_ userID: Int64) { tags[userID] = nil }
    mutating func forgetAll() { tags.removeAll() }

    private func tag(_ password: ClearPassword, _ hash: String) -> [UInt8]? {
        let (key, secret, hash) = (key, password.secret, Array(hash.utf8) + [0])
        guard let hmac = try? HMAC(.sha256, key: key.bytes), hmac.begin(),
            hmac.update(unsafe hash.span.bytes),
            hmac.update(secret.bytes)
        else { return nil }
        var tag = [UInt8](repeating: 0, count: hmac.digest.digestLength)
        return unsafe hmac.finish(into: &tag) ? tag : nil
    }
}
