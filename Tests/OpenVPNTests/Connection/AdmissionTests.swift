import OpenSSL
import OpenVPNTestClient
import Testing
import Wire

@testable import OpenVPNCore

@Suite struct AdmissionTests {
    @Test func `the evidence is what the client sent`() throws {
        let network = try SimulatedNetwork(.test(), seed: 1)
        let alice = try network.addClient(
            .test {
                $0.username = "alice@office"
                $0.password = "päss,wörd"
            })
        #expect(network.connect(alice))
        let question = try #require(network.questions.first)
        #expect(question.username == "alice@office")
        #expect(question.password.map { $0.bytes.withUnsafeBytes { Array($0) } } == Array("päss,wörd".utf8))
        #expect(question.software == "OpenVPN 2.6.14 linux")
        #expect(!question.isRenewal)
        #expect(question.certificate == nil)
    }

    @Test func `a refusal is told in words, and leaves nothing behind`() throws {
        let network = try SimulatedNetwork(.test(), seed: 2)
        network.judge = { _ in .refuse("wrong name, or \"password\"\n[x]") }
        let alice = try network.addClient()
        #expect(network.ending(alice) == "AUTH_FAILED,wrong name; or 'password' 'x'")
        network.run(for: .seconds(10))
        #expect(network.server.connectionCount == 0)
        #expect(network.server.halfOpenCount == 0)
        #expect(network.sessionRequests.isEmpty)
        #expect(network.securityLog.contains { $0.contains("refused") && $0.contains("user=\"alice\"") })
    }

    @Test(arguments: 1...8) func `a refusal reaches the client over a bad link`(seed: Int) throws {
        let network = try SimulatedNetwork(
            .test(), seed: UInt64(seed), link: .init(loss: 0.2, delay: 5...100))
        network.judge = { _ in .refuse("no") }
        let alice = try network.addClient()
        #expect(network.ending(alice) == "AUTH_FAILED,no")
    }

    @Test func `a verdict may take its time`() throws {
        let network = try SimulatedNetwork(.test(), seed: 3)
        network.judge = { _ in .pending }
        let alice = try network.addClient()
        network.run(for: .seconds(30))
        let question = try #require(network.questions.first)
        #expect(network.questions.count == 1)
        network.tellServer {
            $0.decided(question.connection, ticket: question.ticket, refusal: nil, at: network.moment)
        }
        #expect(network.connect(alice))
    }

    @Test func `a verdict that comes too late is nobody's`() throws {
        let network = try SimulatedNetwork(.test(), seed: 3)
        network.judge = { _ in .pending }
        try network.addClient()
        network.run(for: .seconds(61))
        let question = try #require(network.questions.first)
        #expect(network.outputs.contains { if case .withdrawAuthentication = $0 { true } else { false } })
        network.tellServer {
            $0.decided(question.connection, ticket: question.ticket, refusal: nil, at: network.moment)
        }
        #expect(network.sessionRequests.isEmpty)
    }

    /// A ticket is good once, and for the question it was given with.
    @Test func `a second verdict changes nothing`() throws {
        let network = try SimulatedNetwork(.test(), seed: 4)
        let alice = try network.addClient()
        #expect(network.connect(alice))
        let question = try #require(network.questions.first)
        for ticket in [question.ticket, 0, 99] {
            network.tellServer {
                $0.decided(question.connection, ticket: ticket, refusal: "no", at: network.moment)
            }
        }
        #expect(network.echoes(alice))
    }

    @Test func `no session to be had is told in words`() throws {
        let network = try SimulatedNetwork(.test(), seed: 5)
        network.configure = { _ in nil }
        let alice = try network.addClient()
        network.run(for: .seconds(2))
        let request = try #require(network.sessionRequests.first)
        network.tellServer {
            $0.sessionRefused(request.connection, .noAddress, "no address left", at: network.moment)
        }
        #expect(network.ending(alice) == "AUTH_FAILED,no address left")
        #expect(network.closedSessions.isEmpty)
    }

    // MARK: PUSH_REQUEST

    /// Input 23, CVE-2020-15078.
    @Test func `PUSH_REQUEST before the verdict is answered after it, once`() throws {
        let network = try SimulatedNetwork(.test(), seed: 6)
        network.judge = { _ in .pending }
        let alice = try network.addClient(.test { $0.capabilities.insert(.requestPush) })
        network.run(for: .seconds(1))
        for _ in 0..<100 { network.tell(alice) { $0.say("PUSH_REQUEST", at: network.moment) } }
        network.run(for: .seconds(5))
        #expect(!network.clients[alice].isConnected)
        #expect(network.clients[alice].pushed.isEmpty)
        let question = try #require(network.questions.first)
        network.tellServer {
            $0.decided(question.connection, ticket: question.ticket, refusal: nil, at: network.moment)
        }
        #expect(network.connect(alice))
        #expect(network.echoes(alice))
    }

    /// Input 23.
    @Test func `PUSH_REQUEST a thousand times gives one answer every few seconds`() throws {
        let network = try SimulatedNetwork(.test(), seed: 7)
        let alice = try network.addClient()
        #expect(network.connect(alice))
        network.narrates = true
        for _ in 0..<1000 {
            network.tell(alice) { $0.say("PUSH_REQUEST", at: network.moment) }
            network.run(for: .milliseconds(10))
        }
        let answers = network.narration.count { $0.hasPrefix("<-- CONTROL") }
        #expect((1...3).contains(answers))
        #expect(network.sessionRequests.count == 1)
        #expect(network.echoes(alice))
    }

    // MARK: Leaving

    /// Input 23, CVE-2024-28882.
    @Test func `EXIT ends the session, and a second EXIT is nobody's`() throws {
        let network = try SimulatedNetwork(.test(), seed: 8)
        let alice = try network.addClient()
        #expect(network.connect(alice))
        for _ in 0..<2 { network.tell(alice) { $0.say("EXIT", at: network.moment) } }
        network.run(for: .seconds(1))
        #expect(network.closedSessions == [.client])
        #expect(network.server.connectionCount == 0)
    }

    @Test func `a goodbye in a data packet ends the session too`() throws {
        let network = try SimulatedNetwork(.test(), seed: 9)
        let alice = try network.addClient()
        #expect(network.connect(alice))
        network.tell(alice) { $0.send(DataMessage.occ(.exit), at: network.moment) }
        network.run(for: .seconds(1))
        #expect(network.closedSessions == [.client])
    }

    @Test func `a silent client is gone after twice ping-restart`() throws {
        let network = try SimulatedNetwork(.test(), seed: 10)
        let alice = try network.addClient()
        #expect(network.connect(alice))
        network.run(for: .seconds(300))
        #expect(network.server.connectionCount == 1)
        network.link.loss = 1
        network.run(for: .seconds(109))
        #expect(network.server.connectionCount == 1)
        network.run(for: .seconds(13))
        #expect(network.closedSessions == [.timeout])
        #expect(network.server.connectionCount == 0)
    }

    @Test func `when the server stops its clients are told to come again`() throws {
        let network = try SimulatedNetwork(.test(), seed: 11)
        let alice = try network.addClient()
        let bob = try network.addClient()
        #expect(network.connect(alice))
        #expect(network.connect(bob))
        network.link.loss = 0.5
        network.tellServer { $0.stop("update", at: network.moment) }
        #expect(network.closedSessions == [.shutdown, .shutdown])
        network.link.loss = 0
        #expect(network.ending(alice) == "RESTART,update")
        #expect(network.ending(bob) == "RESTART,update")
        network.run(for: .seconds(6))
        #expect(network.server.connectionCount == 0)
    }

    @Test func `more than the backlog holds is said all the same, in order`() throws {
        let network = try SimulatedNetwork(.test(), seed: 14)
        let alice = try network.addClient()
        #expect(network.connect(alice))
        let connection = try #require(network.server.connection(network.sessionRequests[0].connection))
        let text = String(repeating: "x", count: 1000)
        let count = ReliableSender.maxBacklog / 1000 + 20
        network.tellServer { _ in
            connection.say(Array(repeating: text, count: count), at: network.moment)
            connection.flush(at: network.moment)
        }
        network.run(for: .seconds(20))
        network.tellServer { $0.stop("update", at: network.moment) }
        #expect(network.ending(alice) == "RESTART,update", "a piece that was lost breaks TLS")
    }

    @Test func `a client that makes the server answer and does not listen is gone`() throws {
        let network = try SimulatedNetwork(.test(), seed: 15)
        let alice = try network.addClient()
        #expect(network.connect(alice))
        let connection = try #require(network.server.connection(network.sessionRequests[0].connection))
        network.link.loss = 1
        network.tellServer { _ in
            let text = String(repeating: "x", count: 1000)
            let octets = ReliableSender.maxBacklog + KeySlot.maxUnsent
            connection.say(Array(repeating: text, count: octets / 1000 + 20), at: network.moment)
            connection.flush(at: network.moment)
        }
        #expect(network.server.connectionCount == 1)
        network.link.loss = 0
        network.tell(alice) { $0.say("x", at: network.moment) }
        network.run(for: .milliseconds(15))
        #expect(network.closedSessions == [.protocolError])
    }

    @Test func `whom the administrator disconnects is told to stay away`() throws {
        let network = try SimulatedNetwork(.test(), seed: 12)
        let alice = try network.addClient()
        #expect(network.connect(alice))
        let id = try #require(network.sessionRequests.first).connection
        network.tellServer { $0.sessionClosed(id, .administrator, "", at: network.moment) }
        #expect(network.ending(alice) == "HALT,ended by the administrator")
        #expect(network.closedSessions.isEmpty)
    }

    // MARK: Certificates

    private func certificateNetwork(
        _ demand: ServerOptions.ClientCertificates, _ identity: TLSContext.Identity?
    ) throws -> SimulatedNetwork {
        let options = ServerOptions.test {
            $0.clientAuthorities = TestCertificates.authority
            $0.clientCertificates = demand
        }
        let network = try SimulatedNetwork(options, seed: 13)
        try network.addClient(.test { $0.identity = identity })
        return network
    }

    @Test(arguments: [ServerOptions.ClientCertificates.optional, .required])
    func `a good certificate is part of the evidence`(demand: ServerOptions.ClientCertificates) throws {
        let network = try certificateNetwork(demand, TestCertificates.client)
        #expect(network.connect(0))
        let certificate = try #require(network.questions.first?.certificate)
        #expect(certificate.subject == "CN=alice")
        #expect(certificate.commonName == "alice")
        #expect(certificate.der.first == 0x30)
    }

    @Test func `who shows no certificate is refused only where one is required`() throws {
        let optional = try certificateNetwork(.optional, nil)
        #expect(optional.connect(0))
        let required = try certificateNetwork(.required, nil)
        #expect(required.ending(0) == "AUTH_FAILED,client certificate required")
        #expect(required.questions.isEmpty)
    }

    @Test func `an expired certificate is refused by that name, to the client and in the security log`()
        throws
    {
        let network = try certificateNetwork(.optional, TestCertificates.expired)
        #expect(network.ending(0) == "AUTH_FAILED,expired client certificate")
        #expect(network.securityLog.contains { $0.contains("expired client certificate") })
        #expect(network.questions.isEmpty)
    }

    @Test func `a stranger's certificate is refused`() throws {
        let network = try certificateNetwork(.optional, TestCertificates.stranger)
        #expect(network.ending(0) == "AUTH_FAILED,client certificate is not valid here")
        #expect(network.questions.isEmpty)
    }
}
