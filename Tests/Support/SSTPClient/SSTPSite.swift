import MSCHAPv2
import OpenSSL
import PPP
import PPPPeer
package import SSTPCore
package import Wire

/// A server's connection and a client, with a stream between them that arrives in pieces, and with somebody
/// who knows the accounts. Its clock is its own.
package final class SSTPSite {
    package static let certificate = Array("a certificate".utf8)

    package var connection: Connection
    package var client: SimulatedSSTPClient
    package var now = Instant(nanoseconds: 1_000_000_000)
    package private(set) var log: [String] = []
    package private(set) var wishes: [SessionWish] = []
    package private(set) var closed: [EndReason] = []
    package private(set) var streamIsClosed = false
    /// Of IPv6, when it came up last: the server's and the client's.
    package private(set) var identifiers: (own: UInt64, peer: UInt64)?
    /// IP packets for the hub.
    package private(set) var packets: [[UInt8]] = []
    /// Octets that arrive at a time.
    package var piece = Int.max
    package var opensSessions = true
    /// Whatever comes next meets another instance of the connection.
    package var swapsAllTheTime = false
    package private(set) var swaps = 0
    /// Of these the other instance had not all that the former had.
    package private(set) var failedSwaps = 0
    /// What the host was asked.
    private var questions: [ConnectionOutput] = []
    private var unread: [UInt8] = []

    package init(
        _ options: ConnectionOptions = ConnectionOptions(methods: [.msCHAPv2]),
        _ clientOptions: SimulatedSSTPClient.Options = .init()
    ) {
        var chosen = clientOptions
        if chosen.certificate.isEmpty { chosen.certificate = Self.certificate }
        connection = Connection(
            options, nonce: (0..<32).map { $0 }, certificate: Self.certificate, random: SplitMix64(seed: 3),
            at: now)
        client = SimulatedSSTPClient(chosen)
        client.start()
    }

    package var isUp: Bool { connection.isOpen && client.peer.isUp }

    @discardableResult
    package func run(for seconds: Int = 30, until isDone: () -> Bool) -> Bool {
        let end = now + .seconds(seconds)
        while true {
            pump()
            if isDone() { return true }
            let next = [connection.deadline, client.deadline].compactMap { $0 }.min() ?? end
            guard next < end else { return false }
            now = max(now, next)
            connection.handleTimeout(at: now)
            client.handleTimeout(at: now)
        }
    }

    /// Until both are silent.
    package func pump() {
        var isBusy = true
        while isBusy {
            isBusy = false
            while let octets = client.nextOutput() {
                isBusy = true
                deliver(octets)
            }
            while let output = connection.nextOutput() {
                isBusy = true
                perform(output)
            }
            if swapsAllTheTime { swap() }
            if !questions.isEmpty {
                isBusy = true
                answer(questions.removeFirst())
            }
        }
    }

    /// Another instance takes the connection over; there is none to take once it has ended.
    package func swap() {
        guard connection.deadline != nil else { return }
        swaps += 1
        guard let record = connection.record,
            let other = try? Connection(record, connection.options, random: SplitMix64(seed: UInt64(swaps))),
            other.record == record, other.deadline == connection.deadline,
            other.isOpen == connection.isOpen, other.dataHeader == connection.dataHeader || !other.isOpen
        else { return failedSwaps += 1 }
        connection = other
    }

    package func deliver(_ octets: [UInt8]) {
        var rest = octets[...]
        while !rest.isEmpty {
            unread += rest.prefix(piece)
            rest = rest.dropFirst(piece)
            take()
            guard swapsAllTheTime else { continue }
            while let output = connection.nextOutput() { perform(output) }
            swap()
        }
    }

    private func take() {
        while !unread.isEmpty {
            switch connection.receive(unread.span.bytes, at: now) {
            case .incomplete: return
            case .taken(let count): unread.removeFirst(count)
            case .payload(let offset, let length):
                packets.append(Array(unread[offset..<length]))
                unread.removeFirst(length)
            }
        }
    }

    private func perform(_ output: ConnectionOutput) {
        switch output {
        case .send(let octets): client.receive(octets, at: now)
        case .authenticate: questions.append(output)
        case .openSession(let wish):
            wishes.append(wish)
            if opensSessions { questions.append(output) }
        case .joinIPv6Link(let own, let peer): identifiers = (own, peer)
        case .closeSession(let reason, _): closed.append(reason)
        case .closeStream: streamIsClosed = true
        case .log(_, let line): log.append(line)
        }
    }

    private func answer(_ question: ConnectionOutput) {
        if case .authenticate(let evidence) = question { return judge(evidence) }
        connection.sessionOpened(
            PeerNetwork(address: IPv4Address(0x0a00_0007), own: IPv4Address(0x0a00_0001)), at: now)
    }

    private func judge(_ evidence: Evidence) {
        guard case .msCHAPv2(let challenge, let response) = evidence.proof,
            let hash = try? NTHash(ofPassword: SecretBytes(copying: Array("secret".utf8))),
            let exchange = MSCHAPv2Exchange(
                authenticatorChallenge: Array(challenge.prefix(16)),
                peerChallenge: Array(challenge.suffix(16)),
                userName: evidence.name)
        else {
            var isRight = evidence.proof == .password(Array("secret".utf8))
            if case .certificate = evidence.proof { isRight = evidence.name == Array("alice".utf8) }
            return connection.decided(
                isRight ? .accepted(authenticatorResponse: []) : .refused(.credentials), receiveKey: [],
                sendKey: [], at: now)
        }
        guard (try? exchange.accepts(response, hash)) == true,
            let proof = try? MSCHAPv2Proof(exchange, response, hash)
        else { return connection.decided(.refused(.credentials), receiveKey: [], sendKey: [], at: now) }
        connection.decided(
            .accepted(authenticatorResponse: proof.authenticatorResponse), receiveKey: proof.receiveKey,
            sendKey: proof.sendKey, at: now)
    }
}
