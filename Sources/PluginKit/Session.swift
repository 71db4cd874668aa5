internal import PluginABI

/// Why a session ends, was refused, or shall end.
public struct SessionReason: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The client said goodbye.
    public static let client = SessionReason(rawValue: 1)
    /// The client is silent.
    public static let timeout = SessionReason(rawValue: 2)
    /// The client broke its protocol.
    public static let protocolError = SessionReason(rawValue: 3)
    /// Its stream or path is gone.
    public static let transport = SessionReason(rawValue: 4)
    public static let authentication = SessionReason(rawValue: 5)
    public static let administrator = SessionReason(rawValue: 6)
    /// The server or the module stops.
    public static let shutdown = SessionReason(rawValue: 7)
    /// No address could be had, or the lease was lost.
    public static let noAddress = SessionReason(rawValue: 8)
    public static let policy = SessionReason(rawValue: 9)
    /// The same client has connected anew.
    public static let replaced = SessionReason(rawValue: 10)
}

/// What a session is opened with.
public struct SessionRequest: Sendable {
    public enum Layer: UInt32, Sendable {
        case two = 2
        case three = 3
    }

    public var layer: Layer
    /// Whose session; used up by this, also when it is refused.
    public var identity: IdentityHandle
    /// The largest IP packet that fits the tunnel unfragmented.
    public var mtu: Int
    /// Octets that the adapter puts in front of a frame, and behind it.
    public var headroom = 0
    public var tailroom = 0
    public var protocolName: String
    /// Of the data channel.
    public var cipher: String
    /// What the client calls itself.
    public var software: String?
    /// Of the client, for DHCP.
    public var hostName: String?
    /// Tells several devices of one user apart, the same at each connection.
    public var instance: [UInt8] = []
    public var remote: Endpoint
    /// Layer 3: the address that the client asks for.
    public var wish: Endpoint?

    public init(
        layer: Layer, identity: IdentityHandle, mtu: Int, protocolName: String, cipher: String,
        remote: Endpoint
    ) {
        self.layer = layer
        self.identity = identity
        self.mtu = mtu
        self.protocolName = protocolName
        self.cipher = cipher
        self.remote = remote
    }

    func raw(in memory: CMemory) -> pa_session_request_v1 {
        var raw = unsafe pa_session_request_v1()
        unsafe raw.size = UInt32(MemoryLayout<pa_session_request_v1>.size)
        unsafe raw.layer = layer.rawValue
        unsafe raw.identity = identity.rawValue
        unsafe raw.mtu = UInt32(clamping: mtu)
        unsafe raw.headroom = UInt16(clamping: headroom)
        unsafe raw.tailroom = UInt16(clamping: tailroom)
        unsafe raw.protocol = memory.text(protocolName)
        unsafe raw.cipher = memory.text(cipher)
        unsafe raw.software = memory.text(software)
        unsafe raw.host_name = memory.text(hostName)
        unsafe raw.instance = memory.octets(instance)
        unsafe raw.remote = remote.raw
        if let wish { unsafe raw.wish = wish.raw }
        return unsafe raw
    }
}

/// What a layer-3 client gets, from DHCP or from the user's record.
public struct SessionParameters: Sendable {
    /// A route that the client shall use through the tunnel.
    public struct Route: Hashable, Sendable {
        public var network: Endpoint
        public var prefix: Int
        public var gateway: Endpoint

        init?(_ raw: pa_route_v1) {
            var network = pa_address_v1()
            network.family = raw.family
            network.octets = raw.network
            var gateway = pa_address_v1()
            gateway.family = raw.family
            gateway.octets = raw.gateway
            guard let network = Endpoint(network), let gateway = Endpoint(gateway) else { return nil }
            self.network = network
            self.gateway = gateway
            prefix = Int(raw.prefix)
        }
    }

    public var address: Endpoint
    /// Length of the mask.
    public var prefix: Int
    public var gateway: Endpoint?
    public var dns: [Endpoint]
    public var wins: [Endpoint]
    public var routes: [Route]
    /// Nil: for ever.
    public var lease: Duration?
    /// Of the hub's network.
    public var mtu: Int?
    public var domain: String?

    /// Nil where the host gave no address.
    init?(_ raw: pa_session_parameters_v1) {
        guard let address = unsafe Endpoint(raw.address) else { return nil }
        self.address = address
        prefix = Int(unsafe raw.prefix)
        gateway = unsafe Endpoint(raw.gateway)
        dns = unsafe UnsafeBufferPointer(start: raw.dns, count: Int(raw.dns_count)).compactMap {
            Endpoint($0)
        }
        wins = unsafe UnsafeBufferPointer(start: raw.wins, count: Int(raw.wins_count)).compactMap {
            Endpoint($0)
        }
        routes = unsafe UnsafeBufferPointer(start: raw.routes, count: Int(raw.route_count))
            .compactMap { Route($0) }
        let seconds = unsafe raw.lease_seconds
        lease = seconds == 0 ? nil : .seconds(Int(seconds))
        let mtu = unsafe raw.mtu
        self.mtu = mtu == 0 ? nil : Int(mtu)
        domain = unsafe String(lent: raw.domain)
    }
}

/// What a layer-3 client has of IPv6.
public struct IPv6Parameters: Sendable, Equatable {
    /// The one to be used.
    public var address: Endpoint?
    /// Length of the prefix around it that is on the hub itself.
    public var prefix: Int
    /// A router's link-local address; nil: only the hub's own prefixes can be reached.
    public var gateway: Endpoint?
    public var dns: [Endpoint]
    /// Prefixes whose hosts are on the hub itself.
    public var routes: [SessionParameters.Route]
    /// Of the hub's network.
    public var mtu: Int?
    public var domain: String?

    init(_ raw: pa_ipv6_parameters_v1) {
        address = unsafe Endpoint(raw.address)
        prefix = Int(unsafe raw.prefix)
        gateway = unsafe Endpoint(raw.gateway)
        dns = unsafe UnsafeBufferPointer(start: raw.dns, count: Int(raw.dns_count)).compactMap {
            Endpoint($0)
        }
        routes = unsafe UnsafeBufferPointer(start: raw.routes, count: Int(raw.route_count))
            .compactMap { SessionParameters.Route($0) }
        let mtu = unsafe raw.mtu
        self.mtu = mtu == 0 ? nil : Int(mtu)
        domain = unsafe String(lent: raw.domain)
    }
}

/// What somebody may ask for beside a place on his hub.
public enum Permission: UInt32, Sendable {
    /// To join a network of his own to the hub.
    case bridge = 1
    /// To be given all frames of the hub, and to send none. Where it is granted, the session that the
    /// identity opens is such a one, at layer 2.
    case monitor = 2
}
