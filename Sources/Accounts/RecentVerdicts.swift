import COpenSSL

/// Remembers which password was right for a user a short while ago, so that the renegotiations of an OpenVPN client do
/// not cost a scrypt each. Kept is an HMAC-SHA256 under a key of this process over the stored hash and the password:
/// nothing that gives the password back, and nothing that outlives a change of it. Wrong passwords are not remembered,
/// so guessing always costs the full price.
struct RecentVerdicts {
    static let capacity = 4096

    private let key = randomBytes(32)
    private var tags: [Int64: [UInt8]] = [:]

    func contains(_ password: ClearPassword, for userID: Int64, _ hash: String) -> Bool {
        guard let tag = tags[userID] else { return false }
        return isEqualInConstantTime(tag, self.tag(password, hash))
    }

    mutating func insert(_ password: ClearPassword, for userID: Int64, _ hash: String) {
        if tags.count >= Self.capacity, tags[userID] == nil, let victim = tags.keys.first {
            tags[victim] = nil
        }
        tags[userID] = tag(password, hash)
    }

    mutating func forget(_ userID: Int64) { tags[userID] = nil }
    mutating func forgetAll() { tags.removeAll() }

    private func tag(_ password: ClearPassword, _ hash: String) -> [UInt8] {
        var text = Array(hash.utf8) + [0]
        unsafe password.withBytes { unsafe text.append(contentsOf: $0) }
        defer { unsafe OPENSSL_cleanse(&text, text.count) }
        var tag = [UInt8](repeating: 0, count: 32)
        let result = unsafe HMAC(EVP_sha256(), key, Int32(key.count), text, text.count, &tag, nil)
        unsafe precondition(result != nil, "HMAC-SHA256 is always there")
        return tag
    }
}
