import IKEPeer
import OpenSSL
import SeededGenerators
import Testing
import Wire

@testable import IKEv1

/// A server and its peers over a simulated network: what one side sends, the other one gets at once, unless
/// the test says otherwise.
final class Site {
    static let serverAddress = TransportAddress(ipv4: 0xc000_0201, port: 500)

    let server: IKEServer
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
        server = try IKEServer(
            options, cookieKey: Array(repeating: 7, count: 32), random: SeededGenerator(seed: 1))
    }

    static func path(_ host: UInt32 = 2, port: UInt16 = 500) -> IKEPath {
        IKEPath(
            socket: 1, remote: TransportAddress(ipv4: 0xc633_6400 + host, port: port), local: serverAddress,
            isEncapsulated: false)
    }

    func peer(_ host: UInt32 = 2, port: UInt16 = 500) -> IKEPeer {
        let peer = IKEPeer(
            path: Self.path(host, port: port),
            random: SeededGenerator(seed: UInt64(host) << 16 | UInt64(port)))
        peers.append(peer)
        return peer
    }

    func send(_ octets: [UInt8], from peer: IKEPeer) throws {
        if arrives(false, octets) { server.receive(octets, from: peer.path, at: now) }
        try drain()
    }

    func drain() throws {
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
