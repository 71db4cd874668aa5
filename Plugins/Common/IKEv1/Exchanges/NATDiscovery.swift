import OpenSSL
public import Wire

/// Whether a NAT stands between the sides, RFC 3947 §3.2: each tells hashes of both addresses as it sees
/// them.
enum NATDiscovery {
    /// HASH = HASH(CKY-I | CKY-R | IP | Port)
    static func hash(
        _ address: TransportAddress, _ cookies: Cookies, _ digest: DigestAlgorithm
    ) throws(OpenSSLError) -> [UInt8] {
        var octets = cookies.octets
        octets += address.octets
        octets.appendBigEndian(address.port)
        return try digest.hash(octets)
    }

    /// What we say: the peer's address first, then our own.
    static func payloads(
        _ path: IKEPath, _ cookies: Cookies, _ digest: DigestAlgorithm, _ type: PayloadType
    ) throws(OpenSSLError) -> [Payload] {
        let remote = Payload(type, try hash(path.remote, cookies, digest))
        guard let local = path.local else { return [remote, remote] }
        return [remote, Payload(type, try hash(local, cookies, digest))]
    }

    /// Which side the payloads of the peer show to be behind a NAT.
    static func outcome(
        _ hashes: [[UInt8]], _ path: IKEPath, _ cookies: Cookies, _ digest: DigestAlgorithm
    ) throws(OpenSSLError) -> NATOutcome {
        guard hashes.count >= 2 else { return [] }
        var outcome: NATOutcome = []
        let remote = try hash(path.remote, cookies, digest)
        if !hashes.dropFirst().contains(remote) { outcome.insert(.peerIsBehind) }
        if let local = path.local, try hash(local, cookies, digest) != hashes[0] {
            outcome.insert(.weAreBehind)
        }
        return outcome
    }
}

public struct NATOutcome: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let peerIsBehind = NATOutcome(rawValue: 1)
    public static let weAreBehind = NATOutcome(rawValue: 2)
}

extension TransportAddress {
    /// 4 or 16 octets, without the port.
    var octets: [UInt8] {
        var octets: [UInt8] = []
        if family == .ipv6 {
            octets.appendBigEndian(high)
            octets.appendBigEndian(low)
        } else {
            octets.appendBigEndian(UInt32(truncatingIfNeeded: low))
        }
        return octets
    }
}

/// The way to a peer: the socket, and both ends' addresses.
public struct IKEPath: Hashable, Sendable {
    /// By which the host knows the socket.
    public var socket: UInt64
    public var remote: TransportAddress
    /// Where the peer's packets arrive, and ours shall leave from.
    public var local: TransportAddress?
    /// Whether it is shared with ESP: messages of IKE stand behind four zero octets, RFC 3948 §2.2.
    public var isEncapsulated: Bool

    public init(
        socket: UInt64, remote: TransportAddress, local: TransportAddress?, isEncapsulated: Bool
    ) {
        self.socket = socket
        self.remote = remote
        self.local = local
        self.isEncapsulated = isEncapsulated
    }
}
