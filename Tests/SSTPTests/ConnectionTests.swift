import OpenSSL
import PPP
import PPPPeer
import SSTPClient
import Testing
import Wire

@testable import SSTPCore

@Suite struct ConnectionTests {
    private let packet: [UInt8] = [0x45, 0, 0, 20] + [UInt8](repeating: 7, count: 16)

    private func site(
        _ methods: [AuthenticationMethod] = [.msCHAPv2], mtu: Int = 1400,
        _ change: (inout SimulatedSSTPClient.Options) -> Void = { _ in }
    ) -> SSTPSite {
        var options = SimulatedSSTPClient.Options()
        change(&options)
        return SSTPSite(ConnectionOptions(methods: methods, mtu: mtu), options)
    }

    @Test(arguments: [AuthenticationMethod.msCHAPv2, .eapMSCHAPv2, .pap], [HashProtocols.sha1, .sha256])
    func `a client connects, bound to this very connection`(
        method: AuthenticationMethod, hash: HashProtocols
    ) {
        let site = site([method]) { $0.hash = hash }
        #expect(site.run { site.isUp })
        #expect(site.client.answer.hasPrefix("HTTP/1.1 200 OK"))
        #expect(site.client.heard == [2])
        #expect(site.client.peer.address == IPv4Address(0x0a00_0007))
        #expect(site.log.isEmpty)
        #expect(site.wishes == [SessionWish(address: nil, mtu: 1400)])
    }

    @Test(arguments: [TLSContext.Version.tls12, .tls13], [HashProtocols.sha1, .sha256])
    func `a client is bound by the keys of EAP-TLS`(version: TLSContext.Version, hash: HashProtocols) {
        var options = SimulatedSSTPClient.Options()
        options.hash = hash
        options.peer.tls = PPPCertificates.client(PPPCertificates.alice, version)
        var offered = ConnectionOptions(methods: [.eapTLS])
        offered.tls = PPPCertificates.context
        let site = SSTPSite(offered, options)
        #expect(site.run { site.isUp })
        #expect(site.log.isEmpty)
        options.hasOldKeys = true
        let old = SSTPSite(offered, options)
        #expect(old.run { old.isUp })
        #expect(old.log.isEmpty)
        // Zeros are the key of methods that have none.
        options.spoil = { $0.hlak = SecretBytes(count: 32) { _ in } }
        let wrong = SSTPSite(offered, options)
        #expect(!wrong.run { wrong.isUp })
        #expect(wrong.log.contains { $0.contains("a wrong compound MAC") })
    }

    @Test(arguments: [1, 2, 7, 100]) func `the stream may come in pieces`(piece: Int) {
        let site = site()
        site.piece = piece
        #expect(site.run { site.isUp })
        site.client.send(packet: packet)
        site.client.send(packet: packet + [1])
        site.pump()
        #expect(site.packets == [packet, packet + [1]])
    }

    @Test func `short headers are used as soon as the client takes them`() {
        let site = site {
            $0.peer.compresses = true
            $0.peer.identifies = true
        }
        #expect(site.run { site.isUp })
        #expect(site.connection.dataHeader == [0x21])
        #expect(site.wishes.first?.software == "MSRASV5.20")
        site.client.send(frame: [0x21] + packet)
        site.pump()
        #expect(site.packets == [packet])
    }

    /// Input 13: data before the call is connected.
    @Test func `packets before the call is connected go nowhere`() {
        let site = site { $0.isMute = true }
        site.client.send(packet: packet)
        #expect(!site.run(for: 10) { site.isUp })
        site.client.send(packet: packet)
        site.pump()
        #expect(site.packets.isEmpty)
        #expect(site.wishes.isEmpty)
        #expect(site.run(for: 120) { site.streamIsClosed })
        #expect(site.client.statuses == [Status.negotiationTimeout.rawValue])
    }

    /// Input 13: lengths below 4 and above 4095, which nothing can be read behind.
    @Test(
        arguments: [[0x10, 0, 0, 3], [0x10, 0, 0, 0], [0x10, 0, 0, 4], [0x20, 0, 0, 8], [0x47]] as [[UInt8]])
    func `what is no SSTP packet cuts the stream off without a word`(octets: [UInt8]) {
        let site = site()
        #expect(site.run { site.isUp })
        site.deliver(octets)
        site.pump()
        #expect(site.streamIsClosed)
        #expect(site.closed == [.protocolError])
        #expect(site.client.heard == [2])
    }

    @Test func `a silent client is asked, then cut off`() {
        let site = site()
        #expect(site.run { site.isUp })
        let asked = site.now
        #expect(site.run(for: 70) { site.client.heard.last == 8 })
        #expect(site.now >= asked + .seconds(60))
        // It answers, so it stays.
        #expect(!site.run(for: 300) { site.streamIsClosed })
        var connection = site.connection
        var heard = 0
        while let deadline = connection.deadline {
            connection.handleTimeout(at: deadline)
            while let output = connection.nextOutput() {
                if case .send = output { heard += 1 }
                if case .closeSession(let reason, _) = output { #expect(reason == .timeout) }
            }
        }
        #expect(heard == 1)
    }

    @Test func `data alone keeps a call alive`() {
        let site = site()
        #expect(site.run { site.isUp })
        for _ in 0..<10 {
            site.now = site.now + .seconds(50)
            site.client.send(packet: packet)
            site.pump()
            if let deadline = site.connection.deadline, deadline <= site.now {
                site.connection.handleTimeout(at: site.now)
            }
            site.pump()
        }
        #expect(site.client.heard == [2])
    }

    @Test func `the client says goodbye by PPP or by SSTP`() {
        let ppp = site()
        #expect(ppp.run { ppp.isUp })
        ppp.client.peer.close(at: ppp.now)
        #expect(ppp.run { ppp.streamIsClosed })
        #expect(ppp.closed == [.client])
        let sstp = site()
        #expect(sstp.run { sstp.isUp })
        sstp.client.send(6)
        sstp.pump()
        #expect(sstp.closed == [.client])
        #expect(sstp.client.heard.last == 7)
        #expect(sstp.run { sstp.streamIsClosed })
    }

    @Test func `the server says goodbye by PPP and by SSTP`() {
        let site = site()
        #expect(site.run { site.isUp })
        site.connection.close("the server stops", at: site.now)
        #expect(site.run { site.streamIsClosed })
        #expect(site.client.peer.hasEnded)
        #expect(site.client.heard.last == 6)
        #expect(site.log == ["user=\"alice\" ended reason=\"the server stops\""])
    }

    @Test func `a stream that breaks ends the session`() {
        let site = site()
        #expect(site.run { site.isUp })
        site.connection.streamClosed()
        site.pump()
        #expect(site.closed == [.transport])
        #expect(site.connection.deadline == nil)
    }

    @Test func `a wrong password opens no session`() {
        let site = site { $0.peer.password = "wrong" }
        #expect(!site.run(for: 20) { site.isUp })
        #expect(site.run(for: 120) { site.streamIsClosed })
        #expect(site.wishes.isEmpty)
    }

    @Test func `the smaller of both ends' packets fits`() {
        let site = site(mtu: 1200)
        #expect(site.run { site.isUp })
        #expect(site.wishes.first?.mtu == 1200)
    }
}
