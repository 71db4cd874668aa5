public import OpenSSL

/// Chooses the data cipher of a session as OpenVPN 2.4 and later do: the first of ours that the client says
/// it can.
public struct CipherNegotiation: Sendable {
    /// In the order of our preference; also what a client that cannot negotiate may be configured with.
    public var ciphers: [DataCipher]
    /// The HMAC hash for a CBC cipher where the client did not say which it uses: `auth` cannot be pushed,
    /// and SHA1 is the default of every client.
    public var defaultAuthentication: DigestAlgorithm

    public init(
        ciphers: [DataCipher] = DataCipher.allCases, defaultAuthentication: DigestAlgorithm = .sha1
    ) {
        self.ciphers = ciphers
        self.defaultAuthentication = defaultAuthentication
    }

    public enum Outcome: Equatable, Sendable {
        /// `push`: the client understands `cipher` in the push reply.
        case agreed(DataCipherSuite, push: Bool)
        /// What the client would take, for the log.
        case nothingInCommon(offered: [String])
    }

    public func outcome(peerInfo: PeerInfo, options: OptionsString) -> Outcome {
        let negotiated = peerInfo.ciphers
        var offered = negotiated ?? []
        // A client of 2.4 also takes the cipher that it is configured with; one that lists its ciphers listed
        // it.
        if peerInfo["IV_CIPHERS"] == nil, let own = options.cipher { offered.append(own) }

        let names = Set(offered.compactMap { DataCipher(name: $0) })
        guard let chosen = ciphers.first(where: names.contains) else {
            return .nothingInCommon(offered: offered)
        }
        let authentication = options.authentication ?? defaultAuthentication
        return .agreed(DataCipherSuite(chosen, authentication: authentication), push: negotiated != nil)
    }
}
