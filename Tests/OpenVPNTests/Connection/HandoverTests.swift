import OpenVPNTestClient
import Testing
import Wire

@testable import OpenVPNCore

/// Connections that go on in another instance of the engine.
@Suite struct HandoverTests {
    @Test(arguments: 0..<6, [false, true])
    func `a client does not notice that each packet meets another instance`(
        wrapping: Int, isStream: Bool
    ) throws {
        let options = ServerOptions.test {
            $0.wrappings = [
                .tlsAuth(CapturedControl.staticKey, .sha256, .normal), .tlsCrypt(CapturedControl.staticKey),
            ]
            $0.tlsCryptV2 = CapturedControl.serverKey
        }
        let network = try SimulatedNetwork(options, seed: 2)
        network.swapsAllTheTime = true
        let client = SimulatedClient.Options.test {
            let wrappings: [SimulatedClient.Wrapping] = [
                .plain, .tlsAuth(CapturedControl.staticKey, .sha256), .tlsCrypt(CapturedControl.staticKey),
                .tlsCryptV2(CapturedControl.clientKey, sendsKeyAgain: true),
                .tlsCryptV2(CapturedControl.clientKey, sendsKeyAgain: false),
            ]
            $0.wrapping = wrappings[min(wrapping, 4)]
            $0.isStream = isStream
            if wrapping == 5 { $0.capabilities = [] }
        }
        let alice = try network.addClient(client)
        #expect(network.connect(alice))
        #expect(network.echoes(alice))
        for _ in 0..<8 {
            network.tell(alice) { $0.renegotiate(at: network.moment) }
            network.run(for: .seconds(1))
            #expect(network.echoes(alice))
        }
        #expect(network.renewals(alice) == [1, 2, 3, 4, 5, 6, 7, 1])
        #expect(network.sessionRequests.count == 1)
        network.tell(alice) { $0.say("EXIT", at: network.moment) }
        network.run(for: .seconds(1))
        #expect(network.closedSessions == [.client])
        #expect(network.server.connectionCount == 0 && network.swaps > 20)
    }

    @Test(arguments: DataCipher.allCases)
    func `every cipher goes on with its packet ids and replay window`(cipher: DataCipher) throws {
        let network = try SimulatedNetwork(
            .test { $0.negotiation.ciphers = [cipher] }, seed: 3)
        let alice = try network.addClient(.test { $0.ciphers = [cipher] })
        #expect(network.connect(alice))
        var packets: [[UInt8]] = []
        network.observe = { packets.append($0) }
        #expect(network.echoes(alice))
        #expect(try network.swap() == 0)
        let replays = network.server.drops[DropReason.replayed.rawValue]
        network.inject(packets[0], from: network.paths[alice])
        #expect(network.server.drops[DropReason.replayed.rawValue] == replays + 1)
        #expect(network.echoes(alice))
    }

    @Test(arguments: 0..<UInt64(12))
    func `clients connect and renew over bad links while instances change`(seed: UInt64) throws {
        let network = try SimulatedNetwork(
            .test(), seed: 100 + seed,
            link: .init(loss: 0.15, duplication: 0.1, delay: 5...120))
        network.swapsAllTheTime = true
        for _ in 0..<3 { try network.addClient() }
        for number in 0..<3 {
            #expect(network.connect(number))
            #expect(network.echoes(number, tries: 20))
        }
        for number in 0..<3 { network.tell(number) { $0.renegotiate(at: network.moment) } }
        network.run(for: .seconds(30))
        for number in 0..<3 {
            #expect(network.renewals(number) == [1])
            #expect(network.echoes(number, tries: 20))
        }
    }

    @Test func `a question that is out is answered to the new instance`() throws {
        let network = try SimulatedNetwork(.test(), seed: 5)
        network.judge = { _ in .pending }
        let alice = try network.addClient()
        network.run(for: .seconds(2))
        let question = try #require(network.questions.first)
        #expect(try network.swap() == 0)
        network.tellServer {
            $0.decided(question.connection, ticket: question.ticket, refusal: nil, at: network.moment)
        }
        #expect(network.connect(alice))
        #expect(network.echoes(alice))
    }

    @Test func `a cookie of the former instance is good`() throws {
        let network = try SimulatedNetwork(.test(), seed: 6)
        let alice = try network.addClient()
        // The answer with the cookie is under way; nothing is remembered.
        network.run(for: .milliseconds(15))
        #expect(network.server.connectionCount == 0)
        #expect(try network.swap() == 0)
        #expect(network.run(for: .milliseconds(900)) { network.clients[alice].isConnected })
    }

    @Test func `half-open connections count at the new instance as well`() throws {
        let network = try SimulatedNetwork(.test { $0.maxHalfOpenPerSource = 2 }, seed: 7)
        network.judge = { _ in .pending }
        for port in UInt16(1)...2 {
            let address = TransportAddress(ipv4: 0xc633_6401, port: port)
            try network.addClient(at: Path(.datagram, handle: 1, remote: address))
        }
        network.run(for: .seconds(2))
        #expect(network.server.halfOpenCount == 2)
        #expect(try network.swap() == 0)
        #expect(network.server.halfOpenCount == 2)
        let third = TransportAddress(ipv4: 0xc633_6401, port: 3)
        try network.addClient(at: Path(.datagram, handle: 1, remote: third))
        network.run(for: .seconds(2))
        #expect(network.server.connectionCount == 2)
    }

    @Test func `what is refused stays whole at the former instance`() throws {
        let network = try SimulatedNetwork(.test(), seed: 8)
        let alice = try network.addClient()
        #expect(network.connect(alice))
        let id = try #require(network.server.connectionIDs.first)
        let record = try #require(network.server.record(of: id))
        let other = try Server(
            .test(), cookieKey: [UInt8](repeating: 3, count: 32), lane: 0, laneBits: 2,
            random: SystemRandomNumberGenerator())
        // Nothing was reserved for it.
        #expect(throws: WireError.self) { try other.adopt(record) }
        var shared: [UInt8] = []
        network.server.serializeShared(into: &shared)
        var reader = ByteReader(shared.rawSpan)
        try other.take(Server.Shared(parsing: &reader))
        for length in stride(from: 0, to: record.octets.count, by: 7) {
            var short = record
            short.octets = Array(record.octets.prefix(length))
            #expect(throws: WireError.self) { try other.adopt(short) }
        }
        var bare = record
        bare.sessions = []
        #expect(throws: WireError.self) { try other.adopt(bare) }
        #expect(other.connectionCount == 0)
        #expect(network.echoes(alice))
        network.tell(alice) { $0.renegotiate(at: network.moment) }
        network.run(for: .seconds(1))
        #expect(network.renewals(alice) == [1])
    }

    @Test func `places of connections that did not come are kept until it is over`() throws {
        let network = try SimulatedNetwork(.test(), seed: 9)
        for _ in 0..<3 { #expect(network.connect(try network.addClient())) }
        var shared: [UInt8] = []
        network.server.serializeShared(into: &shared)
        let other = try Server(
            .test(), cookieKey: [UInt8](repeating: 3, count: 32), lane: 0, laneBits: 2,
            random: SystemRandomNumberGenerator())
        var reader = ByteReader(shared.rawSpan)
        try other.take(Server.Shared(parsing: &reader))
        #expect(other.reserved == [0, 1, 2] && other.free.isEmpty)
        let first = network.server.connectionIDs[0]
        _ = try other.adopt(#require(network.server.record(of: first)))
        network.server.giveUp(first)
        #expect(other.reserved == [1, 2] && other.connectionIDs == [first])
        other.adoptionEnded()
        #expect(other.reserved.isEmpty && Set(other.free) == [1, 2])
    }

    @Test func `places of an instance that drains are kept through another swap`() throws {
        let network = try SimulatedNetwork(.test(), seed: 11)
        for _ in 0..<2 { #expect(network.connect(try network.addClient())) }
        func successor(of server: Server) throws -> Server {
            var shared: [UInt8] = []
            server.serializeShared(into: &shared)
            let made = try Server(
                .test(), cookieKey: [UInt8](repeating: 3, count: 32), lane: 0, laneBits: 2,
                random: SystemRandomNumberGenerator())
            var reader = ByteReader(shared.rawSpan)
            try made.take(Server.Shared(parsing: &reader))
            return made
        }
        let second = try successor(of: network.server)
        let first = network.server.connectionIDs[0]
        _ = try second.adopt(#require(network.server.record(of: first)))
        network.server.giveUp(first)
        let third = try successor(of: second)
        #expect(third.reserved == [0, 1] && third.free.isEmpty)
    }

    @Test func `an instance knows its own packets`() throws {
        let network = try SimulatedNetwork(.test(), seed: 10)
        let (alice, bob) = (try network.addClient(), try network.addClient())
        #expect(network.connect(alice) && network.connect(bob))
        var packets: [[UInt8]] = []
        network.observe = { packets.append($0) }
        network.tell(alice) {
            $0.send([0x45, 0], at: network.moment)
            $0.renegotiate(at: network.moment)
        }
        let (data, control) = (packets[0], packets[1])
        let elsewhere = Path(.datagram, handle: 1, remote: TransportAddress(ipv4: 1, port: 1))
        let home = network.paths[alice]
        #expect(owns(network, data, home))
        // A client that roams is known by its peer id.
        #expect(owns(network, data, elsewhere))
        #expect(owns(network, control, home))
        #expect(!owns(network, control, elsewhere))
        #expect(!owns(network, [], home))
        #expect(!owns(network, Array(control.prefix(3)), home))
        network.server.giveUp(network.server.connectionIDs[0])
        #expect(!owns(network, data, home))
        #expect(!owns(network, control, home))
    }

    private func owns(_ network: SimulatedNetwork, _ packet: [UInt8], _ path: Path) -> Bool {
        network.server.owns(packet.rawSpan, from: path)
    }
}
