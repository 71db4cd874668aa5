public import Wire

/// The answer to PUSH_REQUEST: how the client shall set up its interface and the data channel.
public struct PushReply: Equatable, Sendable {
    /// Octets of one message with its NUL; the size of the buffer in which OpenVPN builds its own.
    public static let messageLimit = 1024
    public static let maxRoutes = 256
    public static let maxServers = 8

    public struct Subnet: Equatable, Sendable {
        public var address: IPv4Address
        public var mask: IPv4Address

        public init(_ address: IPv4Address, mask: IPv4Address) {
            self.address = address
            self.mask = mask
        }
    }

    public struct Route: Equatable, Sendable {
        public var destination: Subnet
        /// Nil: through the tunnel's gateway.
        public var gateway: IPv4Address?

        public init(_ destination: Subnet, gateway: IPv4Address? = nil) {
            self.destination = destination
            self.gateway = gateway
        }
    }

    /// What a tun client has of IPv6.
    public struct IPv6: Equatable, Sendable {
        public var address: IPv6Address
        /// Of the network around it that is behind the tunnel.
        public var prefixLength: Int
        /// The other end, which `ifconfig-ipv6` demands to be named.
        public var remote: IPv6Address
        /// Whether everything may be sent through the tunnel, because there is a router behind it.
        public var hasRouter: Bool
        public var routes: [IPv6Prefix] = []
        public var dnsServers: [IPv6Address] = []

        public init(_ address: IPv6Address, prefixLength: Int, remote: IPv6Address, hasRouter: Bool) {
            self.address = address
            self.prefixLength = prefixLength
            self.remote = remote
            self.hasRouter = hasRouter
        }
    }

    /// What both sides switch on together. The names are those of `protocol-flags`.
    public struct ProtocolFlags: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let controlChannelExit = ProtocolFlags(rawValue: 1)
        public static let tlsKeyExport = ProtocolFlags(rawValue: 2)
        public static let dynamicTLSCrypt = ProtocolFlags(rawValue: 4)
    }

    /// The client's own address. Nil over tap, where the client asks by DHCP.
    public var interface: Subnet?
    public var gateway: IPv4Address?
    public var routes: [Route] = []
    public var ipv6: IPv6?
    public var dnsServers: [IPv4Address] = []
    public var winsServers: [IPv4Address] = []
    /// Sent only if it is a host name: it may come from a stranger's DHCP server.
    public var domain: String?
    /// All traffic goes through the tunnel.
    public var redirectsGateway = false
    /// The client sends a ping when it has sent nothing for so long. Seconds.
    public var pingInterval: Int?
    /// The client connects anew when it has heard nothing for so long. Seconds.
    public var pingRestart: Int?
    /// The client says goodbye when it ends, so that its address is free at once. Of use over datagrams
    /// alone: a stream's end tells by itself.
    public var announcesExit = false
    /// Octets.
    public var tunMTU: Int?
    /// 24 bits; sent to clients that speak P_DATA_V2.
    public var peerID: UInt32?
    public var cipher: DataCipher?
    public var protocolFlags: ProtocolFlags = []
    /// Clients of 2.5 know `key-derivation` only.
    public var peerKnowsProtocolFlags = true
    public var framing = CompressionFraming.none

    public init() {}
}

extension PushReply {
    /// The options one by one, in the order of sending.
    public var options: [String] {
        var options = addressOptions + serverOptions
        if redirectsGateway {
            options.append("redirect-gateway def1" + (ipv6?.hasRouter == true ? " ipv6" : ""))
        }
        if let pingInterval { options.append("ping \(pingInterval)") }
        if let pingRestart { options.append("ping-restart \(pingRestart)") }
        if announcesExit { options.append("explicit-exit-notify 1") }
        if let tunMTU { options.append("tun-mtu \(tunMTU)") }
        return options + dataChannelOptions
    }

    private var addressOptions: [String] {
        var options: [String] = []
        if let gateway { options.append("route-gateway \(gateway)") }
        if let interface {
            options += ["topology subnet", "ifconfig \(interface.address) \(interface.mask)"]
        }
        for route in routes.prefix(Self.maxRoutes) {
            let gateway = route.gateway.map { " \($0)" } ?? ""
            options.append("route \(route.destination.address) \(route.destination.mask)\(gateway)")
        }
        if let ipv6 {
            options.append("ifconfig-ipv6 \(ipv6.address)/\(ipv6.prefixLength) \(ipv6.remote)")
            options += ipv6.routes.prefix(Self.maxRoutes).map { "route-ipv6 \($0)" }
        }
        return options
    }

    private var serverOptions: [String] {
        var options = dnsServers.prefix(Self.maxServers).map { "dhcp-option DNS \($0)" }
        options += (ipv6?.dnsServers ?? []).prefix(Self.maxServers).map { "dhcp-option DNS6 \($0)" }
        options += winsServers.prefix(Self.maxServers).map { "dhcp-option WINS \($0)" }
        if let domain, Self.isHostName(domain) { options.append("dhcp-option DOMAIN \(domain)") }
        return options
    }

    private var dataChannelOptions: [String] {
        var options: [String] = []
        switch framing {
        case .none: break
        case .stub: options.append("comp-lzo no")
        case .stubSwapped: options.append("compress stub")
        case .stubV2: options.append("compress stub-v2")
        }
        if let peerID { options.append("peer-id \(peerID)") }
        if peerKnowsProtocolFlags, !protocolFlags.isEmpty {
            options.append("protocol-flags" + flagNames.map { " " + $0 }.joined())
        } else if protocolFlags.contains(.tlsKeyExport) {
            options.append("key-derivation tls-ekm")
        }
        if let cipher { options.append("cipher \(cipher.rawValue)") }
        return options
    }

    private var flagNames: [String] {
        let names: [(ProtocolFlags, String)] = [
            (.controlChannelExit, "cc-exit"), (.tlsKeyExport, "tls-ekm"), (.dynamicTLSCrypt, "dyn-tls-crypt"),
        ]
        return names.filter { protocolFlags.contains($0.0) }.map(\.1)
    }

    /// The reply in messages of at most `limit` octets, each to be sent with a NUL behind it: all but the
    /// last say `push-continuation 2`, the last of several says `push-continuation 1`. Options that fit no
    /// message are left out.
    public func messages(limit: Int = messageLimit) -> [String] {
        let head = "PUSH_REPLY"
        let room = limit - 1 - ",push-continuation 2".utf8.count
        var messages: [String] = []
        var message = head
        for option in options where head.utf8.count + 1 + option.utf8.count <= room {
            if message.utf8.count + 1 + option.utf8.count > room {
                messages.append(message + ",push-continuation 2")
                message = head
            }
            message += "," + option
        }
        return messages + [messages.isEmpty ? message : message + ",push-continuation 1"]
    }

    private static func isHostName(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count)
            && text.utf8.allSatisfy { octet in
                switch octet {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                    UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}
