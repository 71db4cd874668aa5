/// What a peer has shown of who it is.
public struct Evidence: Equatable, Sendable {
    public enum Proof: Equatable, Sendable {
        /// In the clear.
        case password([UInt8])
        /// Our challenge and the peer's, 16 octets each, and the NT-Response, 24.
        case msCHAPv2(challenge: [UInt8], response: [UInt8])
        /// RFC 1994 §4.1: MD5 over identifier, password and challenge.
        case chapMD5(identifier: UInt8, challenge: [UInt8], response: [UInt8])
        /// DER, whose chain was verified and whose key the peer holds.
        case certificate([UInt8])
    }

    /// As the peer sent it.
    public var name: [UInt8]
    public var proof: Proof

    public init(name: [UInt8], proof: Proof) {
        self.name = name
        self.proof = proof
    }

    /// Without what could end its quotation marks or its line.
    public var loggedName: String { Self.logged(name) }

    static func logged(_ name: [UInt8]) -> String {
        String(
            String.UnicodeScalarView(
                String(decoding: name, as: UTF8.self).unicodeScalars.prefix(255).map { scalar in
                    scalar.value < 0x20 || scalar == "\"" || scalar == "\\" || scalar.value == 0x7f
                        ? "?" : scalar
                }))
    }
}

/// What somebody who knows the accounts says to evidence.
public enum AuthenticationVerdict: Equatable, Sendable {
    /// With what MS-CHAPv2 proves in turn, 20 octets; else empty.
    case accepted(authenticatorResponse: [UInt8])
    case refused(AuthenticationRefusal)
}

public enum AuthenticationRefusal: Equatable, Sendable {
    /// Unknown name or wrong proof.
    case credentials
    case disabled
    /// This kind of evidence cannot be judged for this name.
    case method
    /// Nobody could decide.
    case unavailable
}

/// Why a peer is not authenticated.
public enum AuthenticationFailure: Equatable, Sendable {
    /// It did not answer.
    case timeout
    /// Its answer was none.
    case malformed
    /// It wants another method than the one that was agreed on.
    case unwilling
    /// TLS within EAP came to no good end, for this reason; of a peer that calls itself so.
    case tls(String, identity: [UInt8])
    case refused(AuthenticationRefusal)
}
