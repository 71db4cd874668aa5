import PPPPeer
import Testing
import Wire

@testable import PPP

/// Peers that break the rules: inputs 9 to 12 of the list of malformed inputs.
@Suite struct HostilePeerTests {
    private let now = Instant(nanoseconds: 0)

    private func link(_ methods: [AuthenticationMethod]) -> Link {
        var link = Link(
            .init(methods: methods, serverName: Array("polyhub".utf8)), random: SplitMix64(seed: 1))
        link.start(at: now)
        return link
    }

    private func frames(_ link: inout Link) -> [[UInt8]] {
        var frames: [[UInt8]] = []
        while let output = link.nextOutput() {
            if case .send(let frame) = output { frames.append(frame) }
        }
        return frames
    }

    private func receive(_ link: inout Link, _ protocol: PPPProtocol, _ payload: [UInt8]) {
        try? link.receive(PPPHeader.frame(`protocol`, payload).span.bytes, at: now)
    }

    /// Agrees on LCP; what the server asks then.
    private func established(_ methods: [AuthenticationMethod]) throws -> (Link, question: ControlPacket) {
        var link = link(methods)
        let request = try ControlPacket(parsing: Array(try #require(frames(&link).first).dropFirst(4)))
        receive(&link, .lcp, ControlPacket(.configureAck, request.identifier, request.data).octets)
        receive(&link, .lcp, ControlPacket(.configureRequest, 1).octets)
        let question = try #require(frames(&link).last)
        return (link, try ControlPacket(parsing: Array(question.dropFirst(4))))
    }

    private func end(_ link: inout Link) -> Link.End? {
        while let output = link.nextOutput() { if case .ended(let end) = output { return end } }
        return nil
    }

    @Test func `a link that is looped back comes to an end`() {
        var link = link([.msCHAPv2])
        var rounds = 0
        var end: Link.End?
        while end == nil, rounds < 1000 {
            rounds += 1
            var reflected: [[UInt8]] = []
            while let output = link.nextOutput() {
                if case .send(let frame) = output { reflected.append(frame) }
                if case .ended(let why) = output { end = why }
            }
            for frame in reflected { try? link.receive(frame.span.bytes, at: now) }
        }
        #expect(end != nil)
        #expect(rounds < 100)
    }

    @Test func `malformed options cost the packet alone`() {
        var link = link([.msCHAPv2])
        _ = frames(&link)
        for options in [[1, 0], [1, 1], [1, 200, 3], [5, 6, 1]] as [[UInt8]] {
            receive(&link, .lcp, ControlPacket(.configureRequest, 3, options).octets)
            #expect(frames(&link).isEmpty)
        }
        #expect(link.phase == .establish)
    }

    /// CVE-2020-8597 and its like.
    @Test func `EAP that was not agreed on is not looked at`() throws {
        var (link, _) = try established([.msCHAPv2])
        let long = [UInt8](repeating: 0x41, count: 2000)
        for packet in [
            EAPPacket(.response, 1, .identity, long), EAPPacket(.request, 1, .identity, long),
            EAPPacket(.success, 1),
        ] {
            receive(&link, .eap, packet.octets)
            #expect(frames(&link).isEmpty)
        }
        #expect(link.phase == .authenticate)
    }

    /// Input 10 and 11: a name or fragment that says it is longer than it is, and methods that nobody asked
    /// for.
    @Test func `EAP answers that lie are dropped`() throws {
        var (link, question) = try established([.eapMSCHAPv2])
        receive(&link, .eap, EAPPacket(.response, question.identifier, .identity, [0x61]).octets)
        let challenge = try ControlPacket(parsing: Array(try #require(frames(&link).last).dropFirst(4)))
        for data in [
            // OpCode 2, MS-Length beyond the packet; value size beyond it; a length below its own header.
            [26, 2, 1, 0xff, 0xff, 49], [26, 2, 1, 0, 6, 255, 1], [26, 2, 1, 0, 3, 49],
            // EAP-TLS with a length of 4 GiB, with the L flag alone, without an end.
            [13, 0x80, 0xff, 0xff, 0xff, 0xff], [13, 0x80], [13, 0x40, 1, 2, 3],
        ] as [[UInt8]] {
            receive(
                &link, .eap,
                ControlPacket(ControlPacket.Code(rawValue: 2), challenge.identifier, data).octets)
            #expect(frames(&link).isEmpty)
        }
        #expect(link.phase == .authenticate)
        // Success is the server's to say.
        receive(&link, .eap, EAPPacket(.success, challenge.identifier).octets)
        #expect(link.phase == .authenticate)
        receive(&link, .eap, EAPPacket(.response, challenge.identifier, .nak, [13]).octets)
        #expect(end(&link)?.cause == .authentication)
    }

    /// Input 12.
    @Test(arguments: [0, 16, 48, 50, 255]) func `an MS-CHAPv2 value of another size than 49 is refused`(
        size: Int
    ) throws {
        var (link, question) = try established([.msCHAPv2])
        let value = CHAPPacket.Value([UInt8](repeating: 1, count: size), name: [0x61])
        receive(&link, .chap, ControlPacket(CHAPPacket.response, question.identifier, value.octets).octets)
        #expect(end(&link)?.cause == .authentication)
    }

    @Test func `names that nobody has are refused before anybody is asked`() throws {
        for name in [[], [UInt8](repeating: 0x61, count: 513)] as [[UInt8]] {
            var (link, question) = try established([.msCHAPv2])
            let value = CHAPPacket.Value([UInt8](repeating: 1, count: 49), name: name)
            receive(
                &link, .chap, ControlPacket(CHAPPacket.response, question.identifier, value.octets).octets)
            #expect(end(&link)?.cause == .authentication)
        }
    }

    @Test func `nobody joins a network before it is known who he is`() throws {
        var (link, _) = try established([.msCHAPv2])
        let request = ControlPacket(
            .configureRequest, 1, ConfigurationOption.octets(of: [ConfigurationOption(3, UInt32(0))]))
        receive(&link, .ipcp, request.octets)
        receive(&link, .ipv4, [0x45, 0, 0, 20])
        #expect(link.nextOutput() == nil)
        #expect(!link.isNetworkUp)
    }

    @Test func `a peer that begins anew for ever is ended`() throws {
        var link = link([])
        var rounds = 0
        while link.phase != .ended, rounds < 100 {
            rounds += 1
            for frame in frames(&link) {
                let packet = try ControlPacket(parsing: Array(frame.dropFirst(4)))
                guard packet.code == .configureRequest else { continue }
                receive(&link, .lcp, ControlPacket(.configureAck, packet.identifier, packet.data).octets)
            }
            receive(&link, .lcp, ControlPacket(.configureRequest, UInt8(rounds)).octets)
        }
        #expect(link.phase == .ended)
        #expect(rounds <= 2 * Link.maxEstablishments)
        #expect(link.deadline == nil)
    }

    /// Keys of the first proof may be bound to something outside, as SSTP's crypto binding is.
    @Test func `who was authenticated does not become somebody else on the same link`() throws {
        var (link, question) = try established([.msCHAPv2])
        let value = CHAPPacket.Value([UInt8](repeating: 1, count: 49), name: Array("mallory".utf8))
        receive(&link, .chap, ControlPacket(CHAPPacket.response, question.identifier, value.octets).octets)
        link.decided(.accepted(authenticatorResponse: [UInt8](repeating: 0, count: 20)), at: now)
        _ = frames(&link)
        receive(&link, .lcp, ControlPacket(.configureRequest, 2).octets)
        #expect(end(&link)?.cause == .protocolError)
    }

    @Test func `echoes are answered with our own number, but not our own echoes`() throws {
        var (link, _) = try established([.pap])
        receive(&link, .lcp, ControlPacket(.echoRequest, 5, [9, 9, 9, 9, 1, 2]).octets)
        let reply = try ControlPacket(parsing: Array(try #require(frames(&link).first).dropFirst(4)))
        #expect(reply.code == .echoReply && reply.identifier == 5)
        #expect(reply.data == link.magicNumber + [1, 2])
        receive(&link, .lcp, ControlPacket(.echoRequest, 6, link.magicNumber).octets)
        receive(&link, .lcp, ControlPacket(.echoRequest, 6, [1]).octets)
        #expect(frames(&link).isEmpty)
    }
}
