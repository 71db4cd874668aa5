public import OpenSSL
public import Wire

/// What the engine wants done. Drained with `Server.nextOutput()` after every input.
public enum Output: Sendable {
    /// A packet for a client; over a stream its length is in front already.
    case send([UInt8], Path)
    /// The stream has no more use: to be ended after what was sent.
    case closeStream(Path)
    /// Who is it? Answered by `Server.decided`, once.
    case authenticate(AuthenticationRequest)
    /// The answer is not wanted any more.
    case withdrawAuthentication(ConnectionID, ticket: UInt64)
    /// The client was accepted: put it on its hub. Answered by `Server.sessionOpened` or `sessionRefused`.
    case openSession(SessionRequest)
    /// Ends the session, or the attempt to open it.
    case closeSession(ConnectionID, EndReason, sentence: String)
    /// The client goes on at another address.
    case moved(ConnectionID, Path)
    case log(LogEvent)
}

/// Credentials of a client, to be judged; at a renegotiation those of somebody who is connected already.
public struct AuthenticationRequest: Sendable {
    public let connection: ConnectionID
    /// Comes back with the verdict.
    public let ticket: UInt64
    /// Nil: the client sent none and counts on its certificate.
    public let username: String?
    public let password: SecretBytes?
    /// Verified against the authorities.
    public let certificate: PeerCertificate?
    public let isRenewal: Bool
    public let remote: TransportAddress
    public let software: String
}

/// What a session is opened with, and what is worth showing of it.
public struct SessionRequest: Equatable, Sendable {
    public enum Layer: UInt8, Sendable {
        case ethernet = 2
        case ip = 3
    }

    public let connection: ConnectionID
    public let layer: Layer
    /// Octets of the largest IP packet that fits the tunnel unfragmented.
    public let mtu: Int
    /// Octets that sealing puts in front of a packet (a stream's length included) and behind it.
    public let headroom: Int
    public let tailroom: Int
    /// Of the data channel, "AES-256-GCM".
    public let cipher: String
    /// "TLSv1.3 TLS_AES_256_GCM_SHA384, tls-crypt"
    public let controlChannel: String
    public let software: String
    /// The client's hardware address as it tells it (IV_HWADDR): tells several devices of one user apart.
    /// May be empty.
    public let instance: String
    public let remote: TransportAddress
}

/// Why a connection ends. The numbers are the ABI's (`PA_REASON_*`).
public enum EndReason: UInt32, Error, Sendable, CaseIterable {
    case client = 1
    case timeout
    case protocolError
    case transport
    case authentication
    case administrator
    case shutdown
    case noAddress
    case policy
    case replaced

    public var sentence: String {
        switch self {
        case .client: "the client said goodbye"
        case .timeout: "the client is silent"
        case .protocolError: "the client broke its protocol"
        case .transport: "the stream was closed"
        case .authentication: "authentication failed"
        case .administrator: "ended by the administrator"
        case .shutdown: "the server stops"
        case .noAddress: "no address could be had"
        case .policy: "refused by policy"
        case .replaced: "the same client has connected anew"
        }
    }
}

/// One line for the log, `key=value` after the sentence.
public struct LogEvent: Equatable, Sendable {
    public enum Level: UInt8, Sendable {
        case debug
        case notice
        /// Somebody was refused: also for the security log.
        case security
        case warning
    }

    public let level: Level
    public let connection: ConnectionID?
    public let text: String
}
