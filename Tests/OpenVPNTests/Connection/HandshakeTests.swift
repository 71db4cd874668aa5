import OpenSSL
import OpenVPNTestClient
import Testing
import Wire

@testable import OpenVPNCore

@Suite struct HandshakeTests {
    @Test func `a client connects, sends and leaves`() throws {
        let network = try SimulatedNetwork(.test(), seed: 1)
        network.narrates = true
        let alice = try network.addClient()
        #expect(network.connect(alice))
        network.tell(alice) { $0.send([0x45, 1, 2, 3], at: network.moment) }
        network.run(for: .seconds(1))
        network.tell(alice) { $0.say("EXIT", at: network.moment) }
        network.run(for: .seconds(1))
        #expect(
            network.narration == [
                "HARD_RESET_CLIENT_V2 0 -->",
                "<-- HARD_RESET_SERVER_V2 0",
                "CONTROL 0 -->",  // ClientHello, and the cookie
                "<-- CONTROL 0",
                "CONTROL 0 -->",  // Finished and the key-method message
                "server: who is alice?",
                "<-- CONTROL 0",
                "server: open a layer-3 session",
                "ACK 0 -->",
                "CONTROL 0 -->",  // PUSH_REQUEST
                "<-- CONTROL 0",
                "client: connected",
                "ACK 0 -->",
                "DATA_V2 0 -->",
                "<-- DATA_V2 0",
                "client: received 4 octets",
                "CONTROL 0 -->",  // EXIT
                "server: close the session, the client said goodbye",
                "<-- ACK 0",
            ])
        #expect(network.server.connectionCount == 0)
    }

    @Test(arguments: 0..<8, [false, true])
    func `every wrapping, over datagrams and streams`(wrapping: Int, isStream: Bool) throws {
        let options = ServerOptions.test {
            $0.wrappings = [
                .tlsAuth(CapturedControl.staticKey, .sha1, .normal),
                .tlsAuth(CapturedControl.staticKey, .sha256, .normal), .tlsCrypt(CapturedControl.staticKey),
            ]
            $0.tlsCryptV2 = CapturedControl.serverKey
        }
        let network = try SimulatedNetwork(options, seed: 2)
        let client = SimulatedClient.Options.test {
            let wrappings: [SimulatedClient.Wrapping] = [
                .plain, .tlsAuth(CapturedControl.staticKey, .sha1),
                .tlsAuth(CapturedControl.staticKey, .sha256),
                .tlsCrypt(CapturedControl.staticKey),
                .tlsCryptV2(CapturedControl.clientKey, sendsKeyAgain: true),
                .tlsCryptV2(CapturedControl.clientKey, sendsKeyAgain: false),
            ]
            $0.wrapping = wrappings[min(wrapping, 5)]
            $0.isStream = isStream
            if wrapping == 6 { $0.repeatsAcknowledgements = false }
            if wrapping == 7 { $0.capabilities.insert(.requestPush) }
        }
        let alice = try network.addClient(client)
        #expect(network.connect(alice))
        #expect(network.echoes(alice))
    }

    @Test func `a client without P_DATA_V2 and TLS export is served the old way`() throws {
        let network = try SimulatedNetwork(.test(), seed: 3)
        let alice = try network.addClient(.test { $0.capabilities = [] })
        #expect(network.connect(alice))
        #expect(network.clients[alice].pushedValue("peer-id") == nil)
        #expect(!network.clients[alice].pushed.contains { $0.contains("tls-ekm") })
        #expect(network.echoes(alice))
    }

    @Test func `a client of 2 5 is told of the key derivation by its old name`() throws {
        let network = try SimulatedNetwork(.test(), seed: 3)
        let alice = try network.addClient(.test { $0.capabilities = [.dataV2, .tlsKeyExport] })
        #expect(network.connect(alice))
        #expect(network.clients[alice].pushed.contains("key-derivation tls-ekm"))
        #expect(network.echoes(alice))
    }

    @Test func `what the client has decides the layer of its session`() throws {
        for (device, layer) in [(OptionsString.Device.tun, SessionRequest.Layer.ip), (.tap, .ethernet)] {
            let network = try SimulatedNetwork(.test(), seed: 4)
            let alice = try network.addClient(.test { $0.device = device })
            #expect(network.connect(alice))
            #expect(network.sessionRequests.map(\.layer) == [layer])
            #expect((network.clients[alice].pushedValue("ifconfig") != nil) == (layer == .ip))
            #expect(network.clients[alice].pushed.contains("redirect-gateway def1") == (layer == .ip))
        }
    }

    @Test func `another device is refused in words`() throws {
        let network = try SimulatedNetwork(.test(), seed: 5)
        let alice = try network.addClient(.test { $0.optionsString = "V4,dev-type null,tls-client" })
        #expect(network.ending(alice) == "AUTH_FAILED,this server speaks dev-type tun and tap only")
        #expect(network.questions.isEmpty)
    }

    @Test func `no cipher in common is refused in words`() throws {
        let options = ServerOptions.test { $0.negotiation.ciphers = [.aes256GCM] }
        let network = try SimulatedNetwork(options, seed: 6)
        let alice = try network.addClient(
            .test {
                $0.ciphers = [.aes192GCM]
                $0.optionsString = "V4,dev-type tun,cipher BF-CBC,tls-client"
            })
        #expect(
            network.ending(alice) == "AUTH_FAILED,Data channel cipher negotiation failed (no shared cipher)")
    }

    @Test func `the server answers with the client's own options, roles changed`() throws {
        let network = try SimulatedNetwork(.test(), seed: 7)
        let alice = try network.addClient(
            .test { $0.optionsString = "V4,dev-type tun,link-mtu 1549,keydir 1,tls-client" })
        #expect(network.connect(alice))
        #expect(network.clients[alice].serverOptions == "V4,dev-type tun,link-mtu 1549,keydir 0,tls-server")
    }

    @Test func `a reply too large for one message comes in pieces`() throws {
        let network = try SimulatedNetwork(.test(), seed: 8)
        network.configure = { request in
            var reply = SimulatedNetwork.ordinaryReply(request)
            reply?.routes = (0..<100).map {
                .init(.init(IPv4Address(0x0b00_0000 + UInt32($0) << 8), mask: IPv4Address(0xffff_ff00)))
            }
            return reply
        }
        let alice = try network.addClient()
        #expect(network.connect(alice))
        #expect(network.clients[alice].pushed.count { $0.hasPrefix("route ") } == 100)
    }

    @Test(arguments: 1...16) func `a fifth of all packets lost, others doubled and out of order`(seed: Int)
        throws
    {
        let link = SimulatedNetwork.Link(loss: 0.2, duplication: 0.1, delay: 5...300)
        let options = ServerOptions.test {
            $0.wrappings = [.tlsCrypt(CapturedControl.staticKey)]
            $0.tlsCryptV2 = CapturedControl.serverKey
        }
        let network = try SimulatedNetwork(options, seed: UInt64(seed), link: link)
        let wrappings: [SimulatedClient.Wrapping] = [
            .plain, .tlsCrypt(CapturedControl.staticKey),
            .tlsCryptV2(CapturedControl.clientKey, sendsKeyAgain: true),
            .tlsCryptV2(CapturedControl.clientKey, sendsKeyAgain: false),
        ]
        let wrapping = wrappings[seed % 4]
        for number in 0..<4 {
            let client = SimulatedClient.Options.test {
                $0.wrapping = wrapping
                // Whoever can send his wrapped key again also repeats his acknowledgements.
                $0.repeatsAcknowledgements = number != 3 || seed % 4 == 2
            }
            try network.addClient(client)
        }
        #expect(network.run(for: .seconds(60)) { network.clients.allSatisfy(\.isConnected) }, "seed \(seed)")
        #expect(network.server.connectionCount == 4)
        for number in 0..<4 { #expect(network.echoes(number, tries: 40), "seed \(seed)") }
    }

    @Test func `a handshake that stops is forgotten after its window`() throws {
        let network = try SimulatedNetwork(.test(), seed: 9)
        let alice = try network.addClient()
        network.run(for: .milliseconds(25))
        network.link.loss = 1
        network.run(for: .seconds(1))
        #expect(network.server.halfOpenCount == 1)
        network.run(for: .seconds(60))
        #expect(network.server.connectionCount == 0)
        #expect(network.server.halfOpenCount == 0)
        #expect(!network.clients[alice].isConnected)
    }
}
