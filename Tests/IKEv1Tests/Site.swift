import EngineParts
import IKEPeer
import OpenSSL
import Testing
import Wire

@testable import IKEv1

/// A server and its peers over a simulated network: what one side sends, the other one gets at once, unless
/// the test says otherwise.
final class Site {
    static let serverAddress = TransportAddress(ipv4: 0xc000_0201, port: 500)

    /// Whatever comes next meets another instance of the engine, in every test that begins so.
    @TaskLocal static var swapsAllTheTime = false

    private(set) var server: IKEServer
    private let options: IKEOptions
    /// Outputs within outputs: at rest is whoever has none.
    private var depth = 0
    var now = Instant(nanoseconds: 1_000_000_000_000)
    var peers: [IKEPeer] = []
    var installed: [ChildSA] = []
    var active: [UInt32] = []
    var removed: [UInt32: EndReason] = [:]
    var log: [String] = []
    /// Decides whether a message arrives; the first argument: from the server.
    var arrives: (Bool, [UInt8]) -> Bool = { _, _ in true }

    init(_ change: (inout IKEOptions) -> Void = { _ in }) throws {
        var options = IKEOptions(preSharedKeys: [SecretBytes(copying: Array("secret".utf8))])
        change(&options)
        self.options = options
        server = try IKEServer(
            options, cookieKey: Array(repeating: 7, count: 32), random: SplitMix64(seed: 1))
    }

    static func path(_ host: UInt32 = 2, port: UInt16 = 500) -> IKEPath {
        IKEPath(
            socket: 1, remote: TransportAddress(ipv4: 0xc633_6400 + host, port: port), local: serverAddress,
            isEncapsulated: false)
    }

    func peer(_ host: UInt32 = 2, port: UInt16 = 500) -> IKEPeer {
        let peer = IKEPeer(
            path: Self.path(host, port: port),
            random: SplitMix64(seed: UInt64(host) << 16 | UInt64(port)))
        peers.append(peer)
        return peer
    }

    func send(_ octets: [UInt8], from peer: IKEPeer) throws {
        if arrives(false, octets) { server.receive(octets, from: peer.path, at: now) }
        try drain()
    }

    func drain() throws {
        depth += 1
        defer { depth -= 1 }
        try perform()
        if depth == 1, Self.swapsAllTheTime { try swap() }
    }

    private func perform() throws {
        while let output = server.nextOutput() {
            switch output {
            case .send(let datagram, let path):
                let octets = Array(datagram.dropFirst(path.isEncapsulated ? 4 : 0))
                guard arrives(true, octets), let peer = peers.last(where: { $0.path == path }) else {
                    continue
                }
                for answer in try peer.receive(octets) { try send(answer, from: peer) }
            case .install(let child): installed.append(child)
            case .activate(let spi): active.append(spi)
            case .remove(let spi, let reason): removed[spi] = reason
            case .log(let event): log.append(event.text)
            }
        }
    }

    // MARK: Swaps

    /// Another instance takes over, which has all that this one had.
    func swap() throws {
        let other = try IKEServer(
            options, cookieKey: Array(repeating: 8, count: 32), random: SplitMix64(seed: 2))
        var record = SecretRecord()
        server.serializeShared(into: &record)
        try Self.read(record.whole) { reader, secrets throws(WireError) in
            try? other.take(IKEServer.Shared(parsing: &reader, &secrets))
        }
        for name in server.names {
            let record = Self.record(of: name, server)
            server.giveUp(name)
            let arrival = try Self.arrival(record)
            try #require(other.hasPlace(for: arrival))
            other.adopt(arrival, at: now)
            #expect(Self.record(of: name, other) == record)
        }
        #expect(server.saCount == 0 && server.halfOpenCount == 0 && server.children.isEmpty)
        #expect(server.initiators.isEmpty && server.peers.isEmpty && server.deadline == nil)
        (other.malformed, other.unauthentic) = (server.malformed, server.unauthentic)
        server = other
    }

    static func record(of name: Cookies, _ server: IKEServer) -> [UInt8] {
        var record = SecretRecord()
        server.serialize(name, into: &record)
        return record.whole
    }

    static func arrival(_ whole: [UInt8]) throws -> IKEServer.Arrival {
        try read(whole) { reader, secrets throws(WireError) in
            try IKEServer.Arrival(parsing: &reader, &secrets)
        }
    }

    private static func read<T>(
        _ whole: [UInt8], _ parse: (inout ByteReader, inout RecordSecrets) throws(WireError) -> T
    ) throws -> T {
        var outer = ByteReader(whole.rawSpan)
        let octets = try outer.readCounted()
        var secrets = try RecordSecrets(parsing: &outer)
        var reader = ByteReader(octets.rawSpan)
        let value = try parse(&reader, &secrets)
        guard outer.remaining == 0, reader.remaining == 0, secrets.isEmpty else { throw WireError.badLength }
        return value
    }

    // MARK: Time

    /// Lets time pass, with every timer on the way.
    func wait(_ duration: Duration) throws {
        let end = now + duration
        while let deadline = server.deadline, deadline <= end {
            now = max(now, deadline)
            server.handleTimeout(at: now)
            try drain()
        }
        now = end
    }

    /// A peer with phase 1, and phase 2.
    func connected(_ host: UInt32 = 2, _ change: (IKEPeer) -> Void = { _ in }) throws -> IKEPeer {
        let peer = peer(host)
        change(peer)
        try send(peer.start(), from: peer)
        try send(peer.startQuickMode(), from: peer)
        return peer
    }
}

func octets(_ secret: SecretBytes) -> [UInt8] { Array(copying: secret.bytes) }
