import Wire

/// The name servers of a host, from the text of its resolv.conf(5).
struct Resolvers: Equatable, Sendable {
    /// As many as the C library asks.
    static let maxServers = 3
    let servers: [IPv4Address]

    init(parsing text: String) {
        let servers = text.split(whereSeparator: \.isNewline).compactMap { line -> IPv4Address? in
            let words = line.split(whereSeparator: \.isWhitespace)
            guard words.count >= 2, words[0] == "nameserver" else { return nil }
            return IPv4Address(words[1])
        }
        self.servers = Array(servers.prefix(Self.maxServers))
    }

    /// Those that another host can ask: not the loopback address of a local cache.
    var reachable: [IPv4Address] { servers.filter(VirtualRouter.isRoutable) }
}
