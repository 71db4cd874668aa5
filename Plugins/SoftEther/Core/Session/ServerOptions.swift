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

    public init(software: ServerSoftware) { self.software = software }
}
