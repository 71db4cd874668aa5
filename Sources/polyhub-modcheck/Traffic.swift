import Foundation
import Modules
import Sessions

/// Peers of a module that runs.
final class Traffic {
    private let examination: Examination
    private var host: ScratchHost { examination.host }
    private let datagramPeers: [LoopbackPeer]
    private let streams: [LoopbackPeer.Address]
    private var nonsense: Nonsense
    /// An ARP request from the machine of documentation addresses: broadcast, so every port gets it.
    static let frame: [UInt8] =
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 1, 0x08, 0x06]
        + [0, 1, 8, 0, 6, 4, 0, 1, 0x02, 0, 0, 0, 0, 1, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 2]

    init(_ examination: Examination, _ registry: ModuleRegistry, _ plan: Plan) async throws {
        self.examination = examination
        nonsense = Nonsense(seed: plan.seed)
        let listeners = try await registry.rows().flatMap(\.listeners).compactMap { listener in
            Traffic.split(listener)
        }
        streams = listeners.filter { $0.scheme == "tcp" || $0.scheme == "tls" }.map(\.address)
        let udp = listeners.filter { $0.scheme == "udp" }.map(\.address)
        datagramPeers = udp.flatMap { address in
            (plan.peers.map(Optional.some) + [nil, nil, nil]).compactMap { own in
                LoopbackPeer(.datagrams, from: own, to: address)
            }
        }
    }

    private static func split(_ listener: String) -> (scheme: String, address: LoopbackPeer.Address)? {
        guard let mark = listener.range(of: "://"),
            let address = LoopbackPeer.Address(String(listener[mark.upperBound...]))
        else { return nil }
        return (String(listener[..<mark.lowerBound]), address)
    }

    /// Frames both ways, until sessions that open are open.
    func run() async {
        examination.reporter.step("traffic")
        for _ in 0..<20 {
            await round()
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    /// What each peer sends once; how many answers came.
    @discardableResult
    func round() async -> Int {
        for peer in datagramPeers { for _ in 0..<4 { peer.send(Self.frame) } }
        host.settle()
        host.feedHub(Self.frame)
        host.settle()
        return datagramPeers.reduce(0) { $0 + $1.drain() }
    }

    func runNonsense() async {
        examination.reporter.step("nonsense")
        for burst in 0..<50 {
            examination.reporter.step("nonsense")
            for peer in datagramPeers {
                for _ in 0..<8 { peer.send(nonsense.octets(upTo: 65_507)) }
                _ = peer.drain()
            }
            if burst % 10 == 0 {
                for address in streams { streamNonsense(to: address) }
                try? await Task.sleep(for: .milliseconds(1))
            }
            host.settle()
        }
        // Whoever opened a session with its nonsense hears of the hub.
        host.feedHub(Self.frame)
        host.settle()
    }

    /// In pieces, and then gone: in order, or with a reset.
    private func streamNonsense(to address: LoopbackPeer.Address) {
        guard let peer = LoopbackPeer(.stream, to: address) else { return }
        for _ in 0..<Int.random(in: 1...6, using: &nonsense) {
            peer.send(nonsense.octets(upTo: 20_000))
            host.settle(1)
        }
        _ = peer.drain()
        if Bool.random(using: &nonsense) { peer.reset() }
    }
}
