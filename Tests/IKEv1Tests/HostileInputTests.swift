import IKEPeer
import OpenSSL
import Testing
import Wire

@testable import IKEv1

@Suite struct HostileInputTests {
    /// The third message with another public value, or another nonce.
    private func answer(publicValue: [UInt8], nonce: [UInt8]) throws -> Site {
        let site = try Site()
        let peer = site.peer()
        peer.offers = [PhaseOneSuite(.aes128CBC, .sha1, .modp2048)]
        var own = false
        site.arrives = { isServers, _ in
            defer { own = own || !isServers }
            return isServers || !own
        }
        try site.send(peer.start(), from: peer)
        let payloads = [Payload(.keyExchange, publicValue), Payload(.nonce, nonce)]
        let octets = peer.message(payloads, ISAKMPHeader(peer.cookies, .identityProtection))
        site.server.receive(octets, from: peer.path, at: site.now)
        return site
    }

    @Test func `public values outside of the group make no SA`() throws {
        let zero = [UInt8](repeating: 0, count: 256)
        let one = [UInt8](repeating: 0, count: 255) + [1]
        let large = [UInt8](repeating: 255, count: 256)
        let nonce = [UInt8](repeating: 9, count: 16)
        for value in [zero, one, large, [], [2], Array(large.dropLast()), large + [0]] {
            #expect(try answer(publicValue: value, nonce: nonce).server.saCount == 0)
        }
        let two = [UInt8](repeating: 0, count: 255) + [2]
        #expect(try answer(publicValue: two, nonce: nonce).server.saCount == 1)
    }

    @Test func `the last two numbers of the group make no SA`() throws {
        let key = try DiffieHellmanKey(.modp1024)
        // RFC 2409 §6.2.
        let prime = Array(
            hex: """
                FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22
                514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6
                F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381
                FFFFFFFFFFFFFFFF
                """)
        #expect(prime.count == 128)
        #expect(throws: OpenSSLError.self) { try key.agree(with: prime) }
        #expect(throws: OpenSSLError.self) { try key.agree(with: prime.dropLast() + [0xfe]) }
        _ = try key.agree(with: prime.dropLast() + [0xfd])
    }

    @Test func `points off the curve make no SA`() throws {
        let key = try DiffieHellmanKey(.ecp256)
        var point = try DiffieHellmanKey(.ecp256).publicValue
        _ = try key.agree(with: point)
        point[63] ^= 1
        #expect(throws: OpenSSLError.self) { try key.agree(with: point) }
        #expect(throws: OpenSSLError.self) { try key.agree(with: Array(repeating: 0, count: 64)) }
    }

    @Test func `nonces are as long as they have to be`() throws {
        let value = [UInt8](repeating: 0, count: 255) + [2]
        for (count, sas) in [(0, 0), (4, 0), (7, 0), (8, 1), (256, 1), (257, 0)] {
            let nonce = [UInt8](repeating: 1, count: count)
            #expect(try answer(publicValue: value, nonce: nonce).server.saCount == sas, "\(count) octets")
        }
    }

    @Test func `groups and exchanges that nobody knows make nothing`() throws {
        let site = try Site()
        var suite = PhaseOneSuite(.aes128CBC, .sha1, .modp2048).transform(number: 1, lifetime: .seconds(9))
        suite.attributes = suite.attributes.map { $0.type == 4 ? Attribute(4, 1025) : $0 }
        let header = ISAKMPHeader(Cookies(initiator: 1, responder: 0), .identityProtection)
        let peer = site.peer()
        let offer = Payload(.securityAssociation, SAPayload([Proposal(number: 1, .isakmp, [suite])]).body)
        try site.send(peer.message([offer], header), from: peer)
        #expect(peer.transcript == ["<-- N(14) in clear"])
        for exchange in 0...255 as ClosedRange<UInt8> where exchange != 2 && exchange != 4 {
            let header = ISAKMPHeader(
                Cookies(initiator: 1, responder: 0), ExchangeType(rawValue: exchange))
            try site.send(peer.message([offer], header), from: peer)
        }
        #expect(peer.transcript.count == 1 && site.server.saCount == 0)
        #expect(site.server.malformed == 254)
    }

    @Test func `a flipped bit anywhere in a handshake breaks nothing but the handshake`() throws {
        var random = SplitMix64(seed: 3)
        for _ in 0..<300 {
            let site = try Site()
            let peer = site.peer()
            let target = Int.random(in: 0..<9, using: &random)
            let position = UInt32.random(in: 0 ... .max, using: &random)
            var count = 0
            var flipped: [UInt8]?
            site.arrives = { isServers, octets in
                guard !isServers else { return true }
                defer { count += 1 }
                guard count == target % 5 else { return true }
                var broken = octets
                broken[Int(position) % octets.count] ^= 1 << UInt8(position >> 24 & 7)
                flipped = broken
                return false
            }
            try site.send(peer.start(), from: peer)
            if peer.isEstablished { try site.send(peer.startQuickMode(), from: peer) }
            if let flipped { site.server.receive(flipped, from: peer.path, at: site.now) }
            while site.server.nextOutput() != nil {}
            let other = try site.connected(50)
            #expect(other.children.count == 1)
        }
    }

    @Test func `noise of every length is dropped`() throws {
        let site = try Site()
        let peer = try site.connected()
        var random = SplitMix64(seed: 4)
        for count in 0..<200 {
            var noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            site.server.receive(noise, from: peer.path, at: site.now)
            if count >= 28 {
                noise.replaceSubrange(0..<16, with: peer.cookies.octets)
                noise.replaceSubrange(16..<20, with: [8, 0x10, [2, 4, 5, 32][count % 4], 1])
                noise.replaceSubrange(24..<28, with: UInt32(count).octets)
            }
            site.server.receive(noise, from: peer.path, at: site.now)
        }
        #expect(site.server.saCount == 1 && site.removed.isEmpty)
    }
}

extension [UInt8] {
    init(hex: String) {
        let digits = hex.compactMap(\.hexDigitValue)
        self = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
