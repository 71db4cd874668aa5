public import OpenSSL

/// How a server is configured. What can grow is bounded here.
public struct ServerOptions: Sendable {
    /// What clients have to prove by certificate.
    public enum ClientCertificates: Sendable {
        case none
        /// One that is shown has to be good.
        case optional
        case required
    }

    /// A key that clients may wrap their control channel with.
    public enum Wrapping: Sendable {
        case tlsAuth(StaticKey, DigestAlgorithm, KeyDirection)
        case tlsCrypt(StaticKey)
    }

    /// A chain whose first certificate is the server's, and its key. PEM.
    public var identity: TLSContext.Identity
    /// PEM; nil exactly where `clientCertificates` is `none`.
    public var clientAuthorities: String?
    public var clientCertificates = ClientCertificates.none
    public var minimumTLS = TLSContext.Version.tls12
    /// For those who have several lanes, made of these options beforehand, which takes a millisecond. Nil: a
    /// server makes its own.
    public var context: TLSContext?

    /// All of these are accepted on the same port: which one a client uses is told by what authenticates.
    public var wrappings: [Wrapping] = []
    public var tlsCryptV2: TLSCryptV2ServerKey?
    /// Whether clients without wrapping are served. On by default: administrators bring client files of
    /// other servers, and the cookie keeps strangers from making us remember anything; what is lost is that
    /// a scanner gets an answer.
    public var acceptsPlain = true
    /// Whether a tls-crypt-v2 client older than 2.6 is served, for which no cookie is possible.
    public var acceptsWithoutCookie = true

    public var negotiation = CipherNegotiation()
    /// Whether clients shall send all their traffic through the tunnel.
    public var redirectsGateway = true

    /// Between the client's first packet and its session; for a renegotiation likewise.
    public var handshakeWindow: Duration = .seconds(60)
    /// We say something when we have been silent for so long. Clients are told to do the same. Whole seconds.
    public var pingInterval: Duration = .seconds(10)
    /// A client that has heard nothing for so long connects anew. One that was silent for twice as long is
    /// gone: as with OpenVPN's `keepalive`, the client is the first to give up, and comes back by itself.
    /// Whole seconds.
    public var pingRestart: Duration = .seconds(60)
    /// Keys are renewed after whatever comes first. The client has a limit of its own, as a rule an hour.
    public var renegotiationInterval: Duration = .seconds(3600)
    public var renegotiationOctets: UInt64 = 1 << 36
    public var renegotiationPackets: UInt64 = 0xf000_0000
    /// How long the old key is understood after a renegotiation.
    public var transitionWindow: Duration = .seconds(3600)
    /// How long we repeat our goodbye to a client that does not acknowledge it.
    public var farewellWindow: Duration = .seconds(5)

    /// Of authenticated clients, for all lanes that have these options.
    public var clients = ClientLimit(16_384)
    /// Connections that are not authenticated, per lane, and those of them from one source (an IPv4 address,
    /// an IPv6 /64). A client behind the NAT of a large site has neighbours. `HalfOpenTable` says who gives
    /// way.
    public var maxHalfOpen = 1024
    public var maxHalfOpenPerSource = 128

    public init(identity: TLSContext.Identity) { self.identity = identity }
}

extension ServerOptions {
    /// What new TLS sessions are made of.
    public func makeContext() throws(OpenSSLError) -> TLSContext {
        try TLSContext(.server, identity: identity, authorities: clientAuthorities, minimum: minimumTLS)
    }
}
