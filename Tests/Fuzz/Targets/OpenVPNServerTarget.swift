import OpenSSL
import Wire

@testable import OpenVPNCore
@testable import OpenVPNTestClient

extension FuzzTarget {
    static let openVPNServerTargets = [
        FuzzTarget("openvpn-server") { bytes in
            guard let run = ServerRun(bytes) else { return }
            run.perform()
        }
    ]
}

/// A server and a real client of it on a simulated link; the input says what else happens to them.
///
/// The first octet chooses the setting, see `setting`; the others are steps: an octet that names one, then
/// its arguments. Octet strings have their length (one octet) in front. Whatever happened, a server that is
/// told to stop has forgotten everybody soon.
private final class ServerRun {
    private static let maxSteps = 64
    private static let stranger = Path(
        .datagram, handle: 1, remote: TransportAddress(ipv4: 0xc000_0201, port: 5000))

    private let network: SimulatedNetwork
    private var input: ArraySlice<UInt8>

    init?(_ bytes: [UInt8]) {
        guard let setting = bytes.first else { return nil }
        input = bytes.dropFirst()
        let (server, client) = Self.setting(setting)
        guard let network = try? SimulatedNetwork(server, seed: UInt64(setting)) else { return nil }
        self.network = network
        network.judge = { request in
            switch setting >> 5 & 3 {
            case 0, 1: .accept
            case 2: .pending
            default: request.isRenewal ? .refuse("no longer") : .accept
            }
        }
        guard setting & 0x80 == 0 else { return }
        guard (try? network.addClient(client)) != nil else { return nil }
    }

    /// 0, 1: plain, tls-auth, tls-crypt, tls-crypt-v2; 2: a stream; 3: tap; 4: a client that needs no cookie;
    /// 5, 6: the host accepts, or leaves the question open, or refuses a renewal; 7: no client, octets alone.
    private static func setting(_ bits: UInt8) -> (ServerOptions, SimulatedClient.Options) {
        var server = ServerOptions(identity: TestCertificates.server)
        var client = SimulatedClient.Options()
        let key = FuzzTarget.staticKey
        let serverKey = TLSCryptV2ServerKey(octets: Array(key.octets.prefix(TLSCryptV2ServerKey.length)))
        server.wrappings = [.tlsAuth(key, .sha256, .normal), .tlsCrypt(key)]
        server.tlsCryptV2 = serverKey
        switch bits & 3 {
        case 1: client.wrapping = .tlsAuth(key, .sha256)
        case 2: client.wrapping = .tlsCrypt(key)
        case 3:
            if let serverKey, let wrapper = try? TLSCryptV2Wrapper(serverKey),
                let own = try? wrapper.wrap(key, .none)
            {
                client.wrapping = .tlsCryptV2(own, sendsKeyAgain: bits & 0x10 == 0)
            }
        default: break
        }
        client.isStream = bits & 4 != 0
        client.device = bits & 8 == 0 ? .tun : .tap
        client.repeatsAcknowledgements = bits & 0x10 == 0
        return (server, client)
    }

    func perform() {
        var steps = 0
        while let step = input.popFirst(), steps < Self.maxSteps {
            self.step(step)
            steps += 1
            let server = network.server
            precondition(server.connectionCount <= server.options.clients.most + server.options.maxHalfOpen)
            precondition(server.halfOpenCount <= server.connectionCount)
        }
        // A client that does not hear of it would connect anew.
        network.link.loss = 1
        network.tellServer { $0.stop("fuzzed", at: network.moment) }
        network.run(for: .seconds(200))
        precondition(network.server.connectionCount == 0, "a connection outlives its server's goodbye")
        precondition(network.server.halfOpenCount == 0)
    }

    private func step(_ step: UInt8) {
        let client = network.clients.first
        let moment = network.moment
        switch step & 15 {
        case 0: network.run(for: .milliseconds(Int(octet()) * 20))
        case 1: network.run(for: .seconds(Int(octet()) * 4))
        case 2: network.run(for: .seconds(60)) { client?.isConnected ?? true }
        case 3: network.inject(string(), from: network.paths.first ?? Self.stranger)
        case 4: network.inject(string(), from: Self.stranger)
        case 5: injectControl()
        case 6:
            let octets = string()
            guard client?.slots.last?.isReady == true else { return }
            network.tellClient { $0.write(octets, at: moment) }
        case 7: network.tellClient { $0.say(Self.words[Int(octet()) % Self.words.count], at: moment) }
        case 8: network.tellClient { $0.send(string(), at: moment) }
        case 9: network.tellClient { $0.renegotiate(at: moment) }
        case 10: network.tellClient { $0.rename(String(decoding: string(), as: UTF8.self)) }
        case 11:
            if client != nil { network.move(0, to: TransportAddress(ipv4: UInt32(octet()), port: 40_000)) }
        case 12: answer()
        case 13: network.link.loss = Double(octet()) / 512
        case 14: network.tellServer { $0.streamClosed(network.paths.first ?? Self.stranger, at: moment) }
        default: injectData()
        }
    }

    private static let words = [
        "PUSH_REQUEST", "EXIT", "PUSH_REPLY", "AUTH_FAILED", "RESTART", "CR_RESPONSE,YQ==", "INFO_PRE,x", "",
        "AUTH_PENDING", "PUSH_UPDATE",
    ]

    /// A control packet of the client's session whose opcode, key id and body are the input's, without
    /// wrapping.
    private func injectControl() {
        guard let client = network.clients.first, let path = network.paths.first else { return }
        var packet: [UInt8] = [octet()]
        packet.appendBigEndian(client.sessionID.rawValue)
        network.inject(packet + string(), from: path)
    }

    /// A data packet with the peer id that the client was given, or another.
    private func injectData() {
        guard let client = network.clients.first, let path = network.paths.first else { return }
        let peerID = (client.pushedValue("peer-id").flatMap { UInt32($0) } ?? 0) ^ UInt32(octet() & 1)
        var packet: [UInt8] = []
        packet.appendBigEndian(UInt32(Opcode.dataV2.rawValue << 3 | octet() & 7) << 24 | peerID & 0xff_ffff)
        network.inject(packet + string(), from: octet() & 1 == 0 ? path : Self.stranger)
    }

    /// The host answers a question of the server's: the right one, or one that was not asked.
    private func answer() {
        let moment = network.moment
        var question: AuthenticationRequest?
        for case .authenticate(let request) in network.outputs { question = request }
        guard let question else { return }
        let choice = octet()
        network.tellServer { server in
            let ticket = question.ticket &+ UInt64(choice >> 4 & 1)
            switch choice & 3 {
            case 0: server.decided(question.connection, ticket: ticket, refusal: nil, at: moment)
            case 1: server.decided(question.connection, ticket: ticket, refusal: "no", at: moment)
            case 2: server.sessionClosed(question.connection, .administrator, "out", at: moment)
            default: server.sessionRefused(question.connection, .noAddress, "no address", at: moment)
            }
        }
    }

    private func octet() -> UInt8 { input.popFirst() ?? 0 }

    private func string() -> [UInt8] {
        let count = min(Int(octet()), input.count)
        defer { input = input.dropFirst(count) }
        return Array(input.prefix(count))
    }
}

extension SimulatedNetwork {
    /// Nothing without a client.
    fileprivate func tellClient(_ action: (SimulatedClient) -> Void) {
        if !clients.isEmpty { tell(0, action) }
    }
}
