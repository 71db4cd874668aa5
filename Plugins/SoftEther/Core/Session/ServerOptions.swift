/// How a server is configured. What can grow is bounded here.
public struct ServerOptions: Sendable {
    public var software: ServerSoftware
    public var session = SessionSettings()
    /// The names that a client is told who asks which hubs there are.
    public var shownHubs: [String] = []

    /// Between a connection's first octet and its session.
    public var openingTime: Duration = .seconds(15)
    /// Per lane, those without a session included.
    public var maxConnections = 32_768
    /// Per lane, connections that are on their way to a session; of these, from one source (an IPv4 address
    /// or an IPv6 /64). A client behind the NAT of a large site has neighbours, each with 32 of them.
    public var maxHalfOpen = 1024
    public var maxHalfOpenPerSource = 128

    public init(software: ServerSoftware) { self.software = software }
}
