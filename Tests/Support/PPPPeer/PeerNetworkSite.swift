import MSCHAPv2
import OpenSSL
package import PPP
package import Wire

/// A server's link and a peer, with a wire between them that may lose, delay, reorder and double frames, and
/// with somebody who knows the accounts. Its clock is its own.
package final class PeerNetworkSite {
    package struct Wire {
        package var loss = 0.0
        package var duplication = 0.0
        package var delay: ClosedRange<Int> = 0...0
        package init(loss: Double = 0, duplication: Double = 0, milliseconds: ClosedRange<Int> = 0...0) {
            self.loss = loss
            self.duplication = duplication
            delay = milliseconds
        }
    }

    private enum Delivery {
        case toServer([UInt8])
        case toPeer([UInt8])
        case verdict(AuthenticationVerdict)
        case network
    }

    package var link: Link
    package var peer: SimulatedPeer
    package var now = Instant(nanoseconds: 1_000_000_000)
    /// Each frame, `-->` to the server, and what the server's end reports.
    package private(set) var transcript: [String] = []
    package private(set) var wishes: [IPv4Address?] = []
    package private(set) var evidence: [Evidence] = []
    package private(set) var end: Link.End?
    /// Of IPv6, when it came up last: the server's and the peer's.
    package private(set) var identifiers: (own: UInt64, peer: UInt64)?
    /// Those whose password can be proved by MS-CHAPv2.
    package var hashes: [String: String] {
        get { accounts.hashes }
        set { accounts.hashes = newValue }
    }
    private var accounts = TestAccounts()
    package var network = PeerNetwork(
        address: IPv4Address(0x0a00_0007), own: IPv4Address(0x0a00_0001),
        dns: [IPv4Address(0x0a00_0002), IPv4Address(0x0a00_0003)])
    package var opensNetworks = true
    /// Milliseconds.
    package var judgeTakes = 20
    /// Whatever comes next meets another instance of the link.
    package var swapsAllTheTime = false
    package private(set) var swaps = 0
    /// Of these the other instance had not all that the former had.
    package private(set) var failedSwaps = 0

    private let wire: Wire
    private var random: SplitMix64
    private var queue: [(at: Instant, order: Int, what: Delivery)] = []
    private var order = 0

    package init(
        _ configuration: Link.Configuration, _ options: SimulatedPeer.Options = .init(), wire: Wire = Wire(),
        seed: UInt64 = 1
    ) {
        link = Link(configuration, random: SplitMix64(seed: seed))
        peer = SimulatedPeer(options)
        self.wire = wire
        random = SplitMix64(seed: seed &+ 77)
    }

    package func start() {
        link.start(at: now)
        peer.start(at: now)
    }

    /// Until `isDone`, for so many seconds at most.
    @discardableResult
    package func run(for seconds: Int = 120, until isDone: () -> Bool) -> Bool {
        let end = now + .seconds(seconds)
        while true {
            drain()
            if swapsAllTheTime { swap() }
            if isDone() { return true }
            let next = [link.deadline, peer.deadline, queue.map(\.at).min()].compactMap { $0 }.min() ?? end
            guard next < end else { return false }
            now = max(now, next)
            deliver()
            drain()
            if swapsAllTheTime { swap() }
            if let deadline = link.deadline, deadline <= now { link.handleTimeout(at: now) }
            if let deadline = peer.deadline, deadline <= now { peer.handleTimeout(at: now) }
        }
    }

    /// Another instance takes the link over.
    package func swap() {
        swaps += 1
        guard let record = link.record,
            let other = try? Link(record, random: SplitMix64(seed: UInt64(swaps))),
            other.record == record, other.deadline == link.deadline
        else { return failedSwaps += 1 }
        link = other
    }

    package func note(_ line: String) { transcript.append(line) }

    private func deliver() {
        let due = queue.filter { $0.at <= now }.sorted { ($0.at, $0.order) < ($1.at, $1.order) }
        queue.removeAll { $0.at <= now }
        for entry in due {
            switch entry.what {
            case .toServer(let frame): try? link.receive(frame.span.bytes, at: now)
            case .toPeer(let frame): peer.receive(frame, at: now)
            case .verdict(let verdict): link.decided(verdict, at: now)
            case .network: link.networkOpened(network, at: now)
            }
        }
    }

    private func drain() {
        while let output = link.nextOutput() { perform(output) }
        while let output = peer.nextOutput() {
            guard case .send(let frame) = output else { continue }
            note(Narration.line(frame, "-->"))
            send(.toServer(frame))
        }
    }

    private func perform(_ output: Link.Output) {
        switch output {
        case .send(let frame):
            note(Narration.line(frame, "<--"))
            send(.toPeer(frame))
        case .authenticate(let evidence):
            self.evidence.append(evidence)
            schedule(.verdict(accounts.judge(evidence)), after: judgeTakes)
        case .authenticated: note("authenticated")
        case .openNetwork(let wish):
            wishes.append(wish)
            if opensNetworks { schedule(.network, after: 1500) }
        case .networkIsUp: note("network is up")
        case .ipv6IsUp(let own, let peer):
            identifiers = (own, peer)
            note("IPv6 is up")
        case .ended(let end):
            self.end = end
            note("ended \(end.cause): \(end.sentence)")
        }
    }

    private func send(_ delivery: Delivery) {
        if Double.random(in: 0..<1, using: &random) < wire.loss { return }
        let copies = Double.random(in: 0..<1, using: &random) < wire.duplication ? 2 : 1
        for _ in 0..<copies { schedule(delivery, after: Int.random(in: wire.delay, using: &random)) }
    }

    private func schedule(_ delivery: Delivery, after milliseconds: Int) {
        order += 1
        queue.append((now + .milliseconds(milliseconds), order, delivery))
    }
}
