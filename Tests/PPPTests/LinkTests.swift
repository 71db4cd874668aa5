import PPPPeer
import Testing
import Wire

@testable import PPP

@Suite struct LinkTests {
    private func site(
        _ methods: [AuthenticationMethod] = [.eapMSCHAPv2, .msCHAPv2, .pap], carriesIPv6: Bool = false,
        _ change: (inout SimulatedPeer.Options) -> Void = { _ in }
    ) -> PeerNetworkSite {
        var options = SimulatedPeer.Options()
        change(&options)
        let configuration = Link.Configuration(
            methods: methods, serverName: Array("polyhub".utf8), carriesIPv6: carriesIPv6)
        return PeerNetworkSite(configuration, options)
    }

    @Test func `a peer with MS-CHAPv2 joins the network`() {
        let site = site([.msCHAPv2])
        site.start()
        #expect(site.run { site.peer.isUp && site.link.isNetworkUp })
        #expect(
            site.transcript == [
                "<-- LCP Request mschapv2 magic",
                "LCP Request magic -->",
                "<-- LCP Ack magic",
                "LCP Ack mschapv2 magic -->",
                "<-- CHAP Challenge",
                "CHAP Response -->",
                "<-- CHAP Success",
                "authenticated",
                "IPCP Request address=0.0.0.0 dns1=0.0.0.0 dns2=0.0.0.0 -->",
                "<-- IPCP Request address=10.0.0.1",
                "<-- IPCP Nak address=10.0.0.7 dns1=10.0.0.2 dns2=10.0.0.3",
                "IPCP Ack address=10.0.0.1 -->",
                "IPCP Request address=10.0.0.7 dns1=10.0.0.2 dns2=10.0.0.3 -->",
                "<-- IPCP Ack address=10.0.0.7 dns1=10.0.0.2 dns2=10.0.0.3",
                "network is up",
            ])
        #expect(site.peer.serverIsProved)
        #expect(site.wishes == [nil])
    }

    @Test func `EAP goes by the same proof`() {
        let site = site()
        site.start()
        #expect(site.run { site.peer.isUp && site.link.isNetworkUp })
        let spoken = site.transcript.filter { $0.contains("EAP") }
        #expect(
            spoken == [
                "<-- EAP Request Identity", "EAP Response Identity -->", "<-- EAP Request MSCHAPv2 1",
                "EAP Response MSCHAPv2 2 -->", "<-- EAP Request MSCHAPv2 3", "EAP Response MSCHAPv2 3 -->",
                "<-- EAP Success",
            ])
        #expect(site.peer.serverIsProved)
    }

    @Test(arguments: [AuthenticationMethod.msCHAPv2, .pap]) func `the server falls back as the peer Naks`(
        method: AuthenticationMethod
    ) {
        let site = site { $0.accepts = [method] }
        site.start()
        #expect(site.run { site.peer.isUp })
        #expect(site.link.lcp.options.method == method)
        #expect(site.transcript.filter { $0.hasPrefix("LCP Nak") } == ["LCP Nak \(method.rawValue) -->"])
    }

    @Test func `a peer that accepts nothing of it is ended`() {
        let site = site([.msCHAPv2]) { $0.accepts = [.pap] }
        site.start()
        #expect(site.run { site.end != nil && site.peer.hasEnded })
        #expect(site.end?.cause == .authentication)
        let silent = self.site([.msCHAPv2]) { $0.accepts = [] }
        silent.start()
        #expect(silent.run { silent.end != nil })
        #expect(silent.end?.cause == .authentication)
    }

    @Test func `the server falls back where nothing is stored that MS-CHAPv2 could be judged by`() {
        let site = site()
        site.hashes = [:]
        site.start()
        #expect(site.run { site.peer.isUp })
        #expect(site.evidence.count == 3)
        #expect(site.link.lcp.options.method == .pap)
        #expect(!site.transcript.contains { $0.contains("Failure") })
        let strict = self.site([.eapMSCHAPv2, .msCHAPv2])
        strict.hashes = [:]
        strict.start()
        #expect(strict.run { strict.end != nil })
        #expect(strict.transcript.contains("<-- CHAP Failure E=691 R=0"))
        #expect(strict.end?.cause == .authentication)
    }

    @Test func `a wrong password may be typed again, twice`() {
        let site = site([.msCHAPv2]) {
            $0.password = "wrong"
            $0.secondPassword = "secret"
        }
        site.start()
        #expect(site.run { site.peer.isUp })
        #expect(site.transcript.filter { $0.contains("Failure") } == ["<-- CHAP Failure E=691 R=1"])
        let guesser = self.site([.msCHAPv2]) {
            $0.password = "wrong"
            $0.secondPassword = "wrong"
        }
        guesser.start()
        #expect(guesser.run { guesser.end != nil })
        #expect(
            guesser.transcript.filter { $0.contains("Failure") } == [
                "<-- CHAP Failure E=691 R=1", "<-- CHAP Failure E=691 R=1", "<-- CHAP Failure E=691 R=0",
            ])
        #expect(guesser.end?.cause == .authentication)
        #expect(guesser.wishes.isEmpty)
    }

    @Test func `a wrong password by PAP is refused`() {
        let site = site([.pap]) { $0.password = "wrong" }
        site.start()
        #expect(site.run { site.end != nil })
        #expect(site.transcript.contains("<-- PAP Nak"))
        #expect(site.wishes.isEmpty)
    }

    /// Input 12.
    @Test func `a peer gets its own address, whatever it asks for`() {
        let site = site { $0.wishes = [3: 0x0a00_0009, 130: 0] }
        site.start()
        #expect(site.run { site.peer.isUp })
        #expect(site.wishes == [IPv4Address(0x0a00_0009)])
        #expect(site.peer.address == IPv4Address(0x0a00_0007))
        #expect(site.transcript.contains("<-- IPCP Reject wins1=0.0.0.0"))
        let stubborn = self.site {
            $0.wishes = [3: 0x0a00_0009]
            $0.isStubborn = true
        }
        stubborn.start()
        _ = stubborn.run(for: 60) { stubborn.end != nil }
        #expect(stubborn.peer.address != IPv4Address(0x0a00_0009))
    }

    @Test func `encryption, compression and IPv6 are declined, who it is is heard`() {
        let site = site {
            $0.asksForMore = true
            $0.identifies = true
            $0.compresses = true
        }
        site.start()
        #expect(site.run { site.peer.isUp })
        #expect(Set(site.peer.rejected) == [0x80fd, 0x8057])
        #expect(site.link.software == "MSRASV5.20")
        #expect(site.link.hostName == "LAPTOP")
        #expect(site.link.dataHeader == [0x21])
    }

    @Test func `a peer that wants IPv6 gets it, and is told an identifier that is not its own`() throws {
        let site = site(carriesIPv6: true) { $0.interfaceIdentifier = 0x0123_4567_89ab_cdef }
        site.start()
        #expect(site.run { site.identifiers != nil })
        let identifiers = try #require(site.identifiers)
        #expect(identifiers.peer == 0x0123_4567_89ab_cdef)
        #expect(identifiers.own != identifiers.peer && identifiers.own != 0)
        #expect(site.link.isIPv6Up)
        // Packets flow both ways only when both are agreed on.
        let network = try #require(site.transcript.firstIndex(of: "network is up"))
        let ipv6 = try #require(site.transcript.firstIndex(of: "IPv6 is up"))
        #expect(network < ipv6)
    }

    @Test func `an identifier that the network has for the peer is offered once`() throws {
        let site = site(carriesIPv6: true)
        site.network.interfaceIdentifier = 0x1_0023
        site.start()
        #expect(site.run { site.peer.isUp })
        for (wished, code) in [(7, .configureNak), (7, .configureAck), (0x1_0023, .configureAck)]
            as [(UInt64, ControlPacket.Code)]
        {
            let wish = ConfigurationOption.octets(of: [ConfigurationOption(1, wished)])
            let request = ControlPacket(.configureRequest, UInt8(truncatingIfNeeded: wished), wish)
            try site.link.receive(PPPHeader.frame(.ipv6cp, request.octets).span.bytes, at: site.now)
            var answers: [ControlPacket] = []
            while case .send(let frame)? = site.link.nextOutput() {
                let packet = try ControlPacket(parsing: Array(frame.dropFirst(4)))
                if packet.code != .configureRequest { answers.append(packet) }
            }
            let offer = ConfigurationOption.octets(of: [ConfigurationOption(1, UInt64(0x1_0023))])
            #expect(answers.map(\.code) == [code])
            #expect(answers.first?.data == (code == .configureNak ? offer : wish))
        }
    }

    @Test func `a peer that asks before there is a network waits for it, and may insist on its identifier`() {
        let site = site(carriesIPv6: true) { $0.interfaceIdentifier = 7 }
        site.network.interfaceIdentifier = 0x1_0023
        site.start()
        #expect(site.run { site.identifiers != nil })
        #expect(site.identifiers?.peer == 7)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func `IPv6 comes up over a bad wire, too`(seed: UInt64) {
        var options = SimulatedPeer.Options()
        options.interfaceIdentifier = 7
        let site = PeerNetworkSite(
            Link.Configuration(methods: [.pap], serverName: [], carriesIPv6: true), options,
            wire: .init(loss: 0.2, duplication: 0.2, milliseconds: 1...200), seed: seed)
        site.start()
        #expect(site.run { site.identifiers != nil } || site.end != nil)
    }

    @Test func `a peer that ends IPv6 stays, and may have it again`() {
        let site = site(carriesIPv6: true) { $0.interfaceIdentifier = 7 }
        site.start()
        #expect(site.run { site.identifiers != nil })
        site.peer.closeIPv6(at: site.now)
        #expect(site.run { !site.link.isIPv6Up })
        site.run(for: 30) { false }
        #expect(site.end == nil && site.link.isNetworkUp)
    }

    @Test func `identifiers that cannot be told apart are offered another`() throws {
        let site = site(carriesIPv6: true)
        site.start()
        #expect(site.run { site.peer.isUp })
        for data in [[], ConfigurationOption.octets(of: [ConfigurationOption(1, UInt64(0))])] as [[UInt8]] {
            let request = ControlPacket(.configureRequest, 9, data)
            try site.link.receive(PPPHeader.frame(.ipv6cp, request.octets).span.bytes, at: site.now)
            var naks: [ControlPacket] = []
            while case .send(let frame)? = site.link.nextOutput() {
                let packet = try ControlPacket(parsing: Array(frame.dropFirst(4)))
                if packet.code == .configureNak { naks.append(packet) }
            }
            #expect(naks.count == 1)
            #expect(!site.link.isIPv6Up)
        }
    }

    @Test func `either end may say goodbye`() {
        let site = site()
        site.start()
        #expect(site.run { site.peer.isUp })
        site.peer.close(at: site.now)
        #expect(site.run { site.end != nil && site.peer.hasEnded })
        #expect(site.end?.cause == .peer)
        let other = self.site()
        other.start()
        #expect(other.run { other.peer.isUp })
        other.link.close("the server stops", at: other.now)
        #expect(other.run { other.peer.hasEnded })
        #expect(other.end == Link.End(cause: .local, sentence: "the server stops"))
    }

    @Test func `a peer that is silent is ended`() {
        let site = PeerNetworkSite(
            .init(methods: [.pap], serverName: []), wire: .init(loss: 1))
        site.start()
        #expect(site.run { site.end != nil })
        #expect(site.end?.cause == .timeout)
    }

    @Test func `a peer that joins no network is ended after a minute`() {
        let site = site()
        site.opensNetworks = false
        site.start()
        #expect(site.run(for: 300) { site.end != nil })
        #expect(site.end == Link.End(cause: .timeout, sentence: "the peer joined no network"))
    }

    @Test func `a peer that dies is found by its silence`() {
        var monitor = EchoMonitor(interval: .seconds(30), openedAt: Instant(nanoseconds: 0))
        var said: [EchoMonitor.Output] = []
        while let deadline = monitor.deadline {
            if let output = monitor.handleTimeout(at: deadline) { said.append(output) }
        }
        #expect(said == [.sendEchoRequest, .sendEchoRequest, .sendEchoRequest, .peerIsDead])
    }
}
