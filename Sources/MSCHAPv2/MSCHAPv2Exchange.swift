public import OpenSSL

/// The challenges of one MS-CHAPv2 exchange and what both sides compute over them: RFC 2759 §8, and the keys
/// of RFC 3079 §3.
public struct MSCHAPv2Exchange: Sendable {
    /// Octets.
    public static let challengeLength = 16
    public static let responseLength = 24
    public static let authenticatorResponseLength = 20
    public static let keyLength = 16

    public let authenticatorChallenge: [UInt8]
    public let peerChallenge: [UInt8]
    /// As the peer sent it. A Windows domain in front of a `\` is no part of what is hashed.
    public let userName: [UInt8]

    /// Nil unless both challenges have `challengeLength` octets.
    public init?(authenticatorChallenge: [UInt8], peerChallenge: [UInt8], userName: [UInt8]) {
        guard authenticatorChallenge.count == Self.challengeLength,
            peerChallenge.count == Self.challengeLength
        else { return nil }
        self.authenticatorChallenge = authenticatorChallenge
        self.peerChallenge = peerChallenge
        self.userName = userName
    }

    /// GenerateNTResponse, RFC 2759 §8.1: what the peer proves the password with.
    public func ntResponse(_ hash: NTHash) throws(OpenSSLError) -> [UInt8] {
        let challenge = try challengeHash()
        var octets = hash.octets + [0, 0, 0, 0, 0]
        defer { wipe(&octets) }
        var response: [UInt8] = []
        for start in stride(from: 0, to: octets.count, by: 7) {
            var key = Self.desKey(octets[start..<start + 7])
            defer { wipe(&key) }
            response += try LegacyAlgorithms.encryptDES(challenge, key: key)
        }
        return response
    }

    /// Whether `response` is the one of `hash`, in a time that does not depend on how much of it is right.
    public func accepts(_ response: [UInt8], _ hash: NTHash) throws(OpenSSLError) -> Bool {
        constantTimeEquals(try ntResponse(hash), response)
    }

    /// GenerateAuthenticatorResponse, RFC 2759 §8.7, as octets: what the authenticator proves it with.
    public func authenticatorResponse(
        to ntResponse: [UInt8], _ hash: NTHash
    ) throws(OpenSSLError) -> [UInt8] {
        let first = try DigestAlgorithm.sha1.hash(hash.hashed() + ntResponse + Self.signingMagic)
        return try DigestAlgorithm.sha1.hash(first + challengeHash() + Self.iterationMagic)
    }

    /// The authenticator's MasterReceiveKey and MasterSendKey, RFC 3079 §3.3; the peer's are the other way
    /// round.
    public static func masterKeys(
        of ntResponse: [UInt8], _ hash: NTHash
    ) throws(OpenSSLError) -> (receive: [UInt8], send: [UInt8]) {
        var master = Array(
            try DigestAlgorithm.sha1.hash(hash.hashed() + ntResponse + masterKeyMagic).prefix(keyLength))
        defer { wipe(&master) }
        return (try startKey(master, peerSendsMagic), try startKey(master, peerReceivesMagic))
    }

    /// ChallengeHash, RFC 2759 §8.2.
    func challengeHash() throws(OpenSSLError) -> [UInt8] {
        let name = userName.split(separator: UInt8(ascii: "\\"), omittingEmptySubsequences: false).last ?? []
        return Array(
            try DigestAlgorithm.sha1.hash(peerChallenge + authenticatorChallenge + name)
                .prefix(LegacyAlgorithms.desLength))
    }

    /// GetAsymmetricStartKey, RFC 3079 §3.4, of 128 bits.
    private static func startKey(_ master: [UInt8], _ magic: [UInt8]) throws(OpenSSLError) -> [UInt8] {
        let padding = (zeros: [UInt8](repeating: 0, count: 40), others: [UInt8](repeating: 0xf2, count: 40))
        let hash = try DigestAlgorithm.sha1.hash(master + padding.zeros + magic + padding.others)
        return Array(hash.prefix(keyLength))
    }

    /// 56 bits, seven to an octet. DES reads no parity bits.
    private static func desKey(_ bits: ArraySlice<UInt8>) -> [UInt8] {
        let all = bits.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return (0..<8).map { UInt8(truncatingIfNeeded: all >> UInt64(49 - 7 * $0)) << 1 }
    }

    private static let signingMagic = Array("Magic server to client signing constant".utf8)
    private static let iterationMagic = Array("Pad to make it do more than one iteration".utf8)
    private static let masterKeyMagic = Array("This is the MPPE Master Key".utf8)
    private static let peerSendsMagic = Array(
        "On the client side, this is the send key; on the server side, it is the receive key.".utf8)
    private static let peerReceivesMagic = Array(
        "On the client side, this is the receive key; on the server side, it is the send key.".utf8)
}
