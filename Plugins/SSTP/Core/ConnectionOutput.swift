public import OpenSSL
public import PPP
public import Wire

/// What a connection wants done, in order.
public enum ConnectionOutput: Equatable, Sendable {
    /// Octets for the stream.
    case send([UInt8])
    /// To be answered by `decided`.
    case authenticate(Evidence)
    /// To be answered by `sessionOpened` or `sessionRefused`.
    case openSession(SessionWish)
    /// The client has IPv6, with these interface identifiers. Of a session that is open.
    case joinIPv6Link(own: UInt64, peer: UInt64)
    case closeSession(EndReason, String)
    /// After all that was sent; false: at once.
    case closeStream(isOrderly: Bool)
    case log(LogLevel, String)
}

public struct SessionWish: Equatable, Sendable {
    /// Nil: any.
    public var address: IPv4Address?
    /// The longest IP packet that both ends take.
    public var mtu: Int
    /// What the client calls its system and itself.
    public var software: String?
    public var hostName: String?
}

public enum LogLevel: Equatable, Sendable { case info, warning }

/// Why a session ends, with the words for the log.
public enum EndReason: String, Sendable {
    case client = "the client said goodbye"
    case timeout = "the client is silent"
    case protocolError = "the client broke the protocol"
    case transport = "the stream is gone"
    case authentication = "not authenticated"
    case administrator = "disconnected by the server"
}

/// What a connection is made with; the same for all of a lane.
public struct ConnectionOptions: Sendable {
    /// In the order in which they are asked for.
    public var methods: [AuthenticationMethod]
    public var requiresBinding: Bool
    public var hashes: HashProtocols
    /// The longest IP packet that is taken; SSTP itself has room for 4,087 octets.
    public var mtu: Int
    public var serverName: String
    /// Whether the host has IPv6 for clients.
    public var carriesIPv6: Bool
    /// For EAP-TLS, see `Link.Configuration`.
    public var tls: TLSContext?

    public init(
        methods: [AuthenticationMethod], requiresBinding: Bool = true,
        hashes: HashProtocols = [.sha1, .sha256], mtu: Int = 1400, serverName: String = "polyhub",
        carriesIPv6: Bool = false
    ) {
        self.carriesIPv6 = carriesIPv6
        self.methods = methods
        self.requiresBinding = requiresBinding
        self.hashes = hashes
        self.mtu = mtu
        self.serverName = serverName
    }
}
