import OpenSSL
import OpenVPNTestClient
import PluginABI
import Testing
import Wire

@testable import OpenVPNCore

@Suite struct RekeyingTests {
    private func connected(
        _ seed: UInt64, _ options: ServerOptions = .test(), _ client: SimulatedClient.Options = .init()
    ) throws -> SimulatedNetwork {
        let network = try SimulatedNetwork(options, seed: seed)
        let alice = try network.addClient(client)
        #expect(network.connect(alice))
        return network
    }

    @Test func `a client renews its keys`() throws {
        let network = try connected(1)
        network.narrates = true
        network.tell(0) { $0.renegotiate(at: network.moment) }
        network.run(for: .seconds(1))
        #expect(
            network.narration == [
                "SOFT_RESET 1 -->",
                "<-- SOFT_RESET 1",
                "CONTROL 1 -->",  // ClientHello
                "<-- CONTROL 1",
                "CONTROL 1 -->",  // Finished and the key-method message
                "server: who is alice, still?",
                "<-- ACK 1",  // the key waits for the verdict
                "<-- CONTROL 1",
                "client: renewed, key 1",
                "ACK 1 -->",
            ])
        #expect(network.echoes(0))
        #expect(network.sessionRequests.count == 1)
    }

    @Test(arguments: [PeerInfo.Capabilities.dataV2, [.dataV2, .tlsKeyExport]])
    func `key ids go round, and every generation carries data`(capabilities: PeerInfo.Capabilities) throws {
        let network = try connected(2, .test(), .test { $0.capabilities = capabilities })
        for _ in 0..<16 {
            network.tell(0) { $0.renegotiate(at: network.moment) }
            network.run(for: .seconds(1))
            #expect(network.echoes(0))
        }
        #expect(network.renewals(0) == [1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7, 1, 2])
        #expect(network.questions.filter(\.isRenewal).count == 16)
    }

    @Test func `the server renews keys by time`() throws {
        let network = try connected(3, .test { $0.renegotiationInterval = .seconds(100) })
        network.run(for: .seconds(450))
        #expect(network.renewals(0) == [1, 2, 3, 4])
        #expect(network.echoes(0))
    }

    /// Input 23.
    @Test func `the server renews keys before packet ids run out`() throws {
        let network = try connected(4)
        let id = try #require(network.sessionRequests.first).connection
        let connection = try #require(network.server.connection(id))
        let data = try #require(connection.data)
        let keys = DataKeys(exported: try .random(count: DataKeys.length))
        let suite = try #require(connection.suite)
        data.install(
            try DataKeySlot(
                suite, keys, role: .server, lastPacketID: DataKeySlot.packetIDsBeforeRenegotiation),
            as: .first)
        data.send(with: .first)
        network.send([0x45, 0], to: connection)
        network.run(for: .seconds(21))
        #expect(network.renewals(0) == [1])
        #expect(network.echoes(0))
    }

    @Test func `the server renews keys after so many octets`() throws {
        let network = try connected(5, .test { $0.renegotiationOctets = 10_000 })
        for _ in 0..<300 {
            network.tell(0) { $0.send([UInt8](repeating: 0x45, count: 100), at: network.moment) }
        }
        network.run(for: .seconds(21))
        #expect(network.renewals(0) == [1])
        network.run(for: .seconds(60))
        #expect(network.renewals(0) == [1])
    }

    @Test func `the old key is understood during the transition, and not after it`() throws {
        let network = try connected(6, .test { $0.transitionWindow = .seconds(30) })
        let connection = try #require(network.server.connection(network.sessionRequests[0].connection))
        network.tell(0) { $0.renegotiate(at: network.moment) }
        network.run(for: .seconds(2))
        #expect(network.renewals(0) == [1])
        network.clients[0].data?.send(with: .first)
        #expect(network.echoes(0))
        #expect(connection.data?.hasKey(.first) == true)
        network.run(for: .seconds(30))
        #expect(connection.data?.hasKey(.first) == false)
        #expect(!network.echoes(0))
        network.clients[0].data?.send(with: KeyID(1))
        #expect(network.echoes(0))
    }

    @Test func `who is refused at renewal is sent away`() throws {
        let network = try connected(7)
        network.judge = { $0.isRenewal ? .refuse("account disabled") : .accept }
        network.tell(0) { $0.renegotiate(at: network.moment) }
        #expect(network.ending(0) == "AUTH_FAILED,account disabled")
        #expect(network.closedSessions == [.authentication])
        network.run(for: .seconds(6))
        #expect(network.server.connectionCount == 0)
    }

    @Test func `a renewal that nobody can judge now leaves the session alone`() throws {
        let network = try connected(12)
        network.judge = { _ in .pending }
        network.tell(0) { $0.renegotiate(at: network.moment) }
        network.run(for: .seconds(2))
        let question = try #require(network.questions.last)
        network.tellServer {
            $0.undecided(
                question.connection, ticket: question.ticket, refusal: "later", at: network.moment)
        }
        network.run(for: .seconds(2))
        #expect(network.ending(0) == nil)
        #expect(network.echoes(0))
    }

    @Test func `a renewal that is heard of late goes on with the new key`() throws {
        let network = try connected(17)
        network.judge = { _ in .pending }
        network.tell(0) { $0.renegotiate(at: network.moment) }
        network.run(for: .seconds(58))
        let question = try #require(network.questions.last)
        network.tellServer {
            $0.decided(question.connection, ticket: question.ticket, refusal: nil, at: network.moment)
        }
        // What the client says to it is lost for a while.
        network.run(for: .milliseconds(5))
        network.link.loss = 1
        network.run(for: .seconds(3))
        #expect(network.renewals(0) == [1])
        network.link.loss = 0
        network.run(for: .seconds(10))
        #expect(network.echoes(0))
        #expect(network.server.connectionCount == 1)
    }

    @Test func `a newcomer whom nobody can judge now is told so`() throws {
        let network = try SimulatedNetwork(.test(), seed: 13)
        network.judge = { _ in .pending }
        try network.addClient()
        network.run(for: .seconds(2))
        network.tellServer {
            $0.undecided(
                network.questions[0].connection, ticket: 1, refusal: "later", at: network.moment)
        }
        #expect(network.ending(0) == "AUTH_FAILED,later")
    }

    @Test func `a newcomer who knows the word for it is told to come again`() throws {
        let network = try SimulatedNetwork(.test(), seed: 14)
        network.judge = { _ in .pending }
        try network.addClient(.test { $0.capabilities.insert(.authFailedTemporarily) })
        network.run(for: .seconds(2))
        network.tellServer {
            $0.undecided(
                network.questions[0].connection, ticket: 1, refusal: "later, [please]", at: network.moment)
        }
        #expect(network.ending(0) == "AUTH_FAILED,TEMP[backoff 15,advance no]:later; 'please'")
        network.run(for: .seconds(10))
        #expect(network.server.connectionCount == 0)
    }

    /// A certificate that was renewed meanwhile, for the same subject.
    @Test func `a renewal shows the certificate of its own handshake`() throws {
        let authority = try CertificateMaker.make(.authority, commonName: "CA", signer: nil, validTo: 3600)
        func issue() throws -> TLSContext.Identity {
            let pair = try CertificateMaker.make(
                .client, commonName: "alice", signer: authority, validTo: 3600)
            return TLSContext.Identity(chain: pair.certificate, key: pair.key)
        }
        let options = ServerOptions.test {
            $0.clientAuthorities = authority.certificate
            $0.clientCertificates = .required
        }
        let first = try issue()
        let network = try connected(15, options, .test { $0.identity = first })
        try network.clients[0].present(try issue())
        for round in 1...2 {
            network.tell(0) { $0.renegotiate(at: network.moment) }
            network.run(for: .seconds(2))
            #expect(network.renewals(0).count == round)
        }
        let shown = network.questions.map(\.certificate?.der)
        #expect(shown.count == 3)
        #expect(shown[0] != shown[1] && shown[1] == shown[2])
        #expect(network.questions.allSatisfy { $0.certificate?.commonName == "alice" })
    }

    @Test func `a renewal with somebody else's certificate is refused`() throws {
        let options = ServerOptions.test {
            $0.clientAuthorities = TestCertificates.authority
            $0.clientCertificates = .optional
        }
        let network = try connected(16, options, .test { $0.identity = TestCertificates.client })
        try network.clients[0].present(nil)
        network.tell(0) { $0.renegotiate(at: network.moment) }
        #expect(network.ending(0) == "AUTH_FAILED,client certificate has changed")
    }

    /// Input 23.
    @Test func `a rekey while authentication is pending waits for nobody and skips nothing`() throws {
        let network = try SimulatedNetwork(.test(), seed: 8)
        network.judge = { _ in .pending }
        try network.addClient()
        network.run(for: .seconds(2))
        let reset = ControlPacket(
            head: ControlHead(.softReset, KeyID(1), network.clients[0].sessionID),
            body: ControlBody(message: .init(packetID: 0, payload: [])))
        network.inject(try ControlKeys.plain.wrap(reset, ReplayID(id: 0, time: 0)), from: network.paths[0])
        network.run(for: .seconds(2))
        #expect(network.questions.count == 1)
        #expect(network.sessionRequests.isEmpty)
        network.tellServer {
            $0.decided(network.questions[0].connection, ticket: 1, refusal: nil, at: network.moment)
        }
        #expect(network.connect(0))
    }

    /// Input 23.
    @Test func `a second rekey while the first waits for its verdict changes nothing`() throws {
        let network = try connected(9)
        network.judge = { _ in .pending }
        network.tell(0) { $0.renegotiate(at: network.moment) }
        network.run(for: .seconds(2))
        for keyID in UInt8(0)...7 {
            let reset = ControlPacket(
                head: ControlHead(.softReset, KeyID(keyID), network.clients[0].sessionID),
                body: ControlBody(message: .init(packetID: 0, payload: [])))
            network.inject(
                try ControlKeys.plain.wrap(reset, ReplayID(id: 0, time: 0)), from: network.paths[0])
        }
        network.run(for: .seconds(2))
        #expect(network.questions.count == 2)
        #expect(network.echoes(0), "the old key carries on meanwhile")
        network.tellServer {
            $0.decided(network.questions[1].connection, ticket: 2, refusal: nil, at: network.moment)
        }
        network.run(for: .seconds(2))
        #expect(network.renewals(0) == [1])
        #expect(network.echoes(0))
    }

    @Test func `nobody becomes somebody else at renewal`() throws {
        let network = try connected(10)
        network.clients[0].rename("mallory")
        network.tell(0) { $0.renegotiate(at: network.moment) }
        #expect(network.ending(0) == "AUTH_FAILED,the user name has changed")
        #expect(network.questions.count == 1)
    }

    @Test func `a renewal that comes to nothing leaves the session alone`() throws {
        let network = try connected(11)
        let reset = ControlPacket(
            head: ControlHead(.softReset, KeyID(1), network.clients[0].sessionID),
            body: ControlBody(message: .init(packetID: 0, payload: [])))
        // Forged: in a plain channel anybody on the way can.
        network.clients[0].ignoresRenewal = true
        network.inject(try ControlKeys.plain.wrap(reset, ReplayID(id: 0, time: 0)), from: network.paths[0])
        network.run(for: .seconds(70))
        #expect(network.echoes(0))
        #expect(network.server.connectionCount == 1)
        network.clients[0].ignoresRenewal = false
        network.tell(0) { $0.renegotiate(at: network.moment) }
        network.run(for: .seconds(2))
        #expect(network.renewals(0) == [1])
    }

    @Test(arguments: 1...10) func `renewal under load on a bad link loses no session`(seed: UInt64) throws {
        let options = ServerOptions.test {
            $0.wrappings = [.tlsCrypt(CapturedControl.staticKey)]
            $0.renegotiationInterval = .seconds(40)
        }
        let client = SimulatedClient.Options.test { $0.wrapping = .tlsCrypt(CapturedControl.staticKey) }
        let network = try connected(seed, options, client)
        network.link = .init(loss: 0.2, duplication: 0.05, delay: 5...200)
        for round in 0..<400 {
            network.tell(0) { $0.send([0x45, 2, UInt8(truncatingIfNeeded: round)], at: network.moment) }
            if round % 100 == 50 { network.tell(0) { $0.renegotiate(at: network.moment) } }
            network.run(for: .seconds(1))
        }
        #expect(network.renewals(0).count >= 4, "seed \(seed)")
        #expect(network.closedSessions.isEmpty, "seed \(seed)")
        #expect(network.echoes(0, tries: 40), "seed \(seed)")
        let back = network.reports[0].count { if case .received = $0 { true } else { false } }
        #expect(back > 200, "seed \(seed)")
    }
}
