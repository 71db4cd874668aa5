import OpenSSL
import OpenVPNTestClient
import Testing
import Wire

@testable import OpenVPNCore

@Suite struct HostileInputTests {
    private func wrapped(_ opcode: Opcode, _ keyID: UInt8, _ session: SessionID, _ body: ControlBody)
        -> [UInt8]
    {
        let packet = ControlPacket(head: ControlHead(opcode, KeyID(keyID), session), body: body)
        return (try? ControlKeys.plain.wrap(packet, ReplayID(id: 0, time: 0))) ?? []
    }

    /// A handshake up to the end of TLS, after which `octets` take the place of the key-method message.
    private func afterHandshake(_ octets: [UInt8], seed: UInt64 = 1) throws -> SimulatedNetwork {
        let network = try SimulatedNetwork(.test(), seed: seed)
        try network.addClient(.test { $0.keyMethodOctets = octets })
        network.run(for: .seconds(5))
        return network
    }

    private static let head: [UInt8] = [0, 0, 0, 0, 2] + [UInt8](repeating: 7, count: 48 + 32 + 32)
    private static let options: [UInt8] = [0, 35] + Array("V4,dev-type tun,cipher AES-256-GCM".utf8) + [0]

    // MARK: Input 22: the key-method message

    @Test(arguments: [
        // No key method 2, and no zeros in front.
        [0, 0, 0, 0, 1] + [UInt8](repeating: 0, count: 200),
        [1, 0, 0, 0, 2] + [UInt8](repeating: 0, count: 200),
        // A string without NUL, one that is not printable, one that is not UTF-8.
        head + [0, 4, 0x56, 0x34, 0x2c, 0x61],
        head + options + [0, 3, 0x61, 0x07, 0],
        head + options + [0, 3, 0xff, 0xfe, 0],
        // A name of 65535 octets.
        head + options + [0xff, 0xff] + [UInt8](repeating: 0x61, count: 9000),
        // More than any message has.
        head + [0x3f, 0xff] + [UInt8](repeating: 0x61, count: 16_300),
    ])
    func `a broken key-method message ends the connection`(octets: [UInt8]) throws {
        let network = try afterHandshake(octets)
        #expect(network.server.connectionCount == 0)
        #expect(network.questions.isEmpty)
        #expect(network.securityLog.contains { $0.contains("handshake failed") })
    }

    @Test func `an unfinished key-method message waits for its end, and no longer than the window`() throws {
        for cut in [0, 5, 60, HostileInputTests.head.count + 1] {
            let network = try afterHandshake(Array((Self.head + Self.options).prefix(cut)))
            #expect(network.server.connectionCount == 1)
            #expect(network.questions.isEmpty)
            network.run(for: .seconds(60))
            #expect(network.server.connectionCount == 0)
        }
    }

    @Test func `strings of length zero are strings that are not there`() throws {
        let network = try afterHandshake(Self.head + Self.options + [0, 0, 0, 0, 0, 0])
        let question = try #require(network.questions.first)
        #expect(question.username == nil)
        #expect(question.password == nil)
    }

    // MARK: Input 22: control messages

    @Test func `control messages that are not printable are ignored`() throws {
        let network = try SimulatedNetwork(.test(), seed: 2)
        let alice = try network.addClient()
        #expect(network.connect(alice))
        for octets in [[0], [0, 0, 0], [0x07, 0], Array("EXIT\n".utf8) + [0], [0xff, 0xfe, 0]] as [[UInt8]] {
            network.tell(alice) { $0.write(octets, at: network.moment) }
        }
        network.run(for: .seconds(2))
        #expect(network.closedSessions.isEmpty)
        #expect(network.echoes(alice))
    }

    @Test func `a mark with an accent does not end a quotation in the log`() {
        #expect(!Connection.quoted("a\"\u{301} user=\"b").unicodeScalars.contains("\""))
    }

    @Test func `a control message without end ends the connection`() throws {
        let network = try SimulatedNetwork(.test(), seed: 3)
        let alice = try network.addClient()
        #expect(network.connect(alice))
        network.tell(alice) { $0.write([UInt8](repeating: 0x61, count: 5000), at: network.moment) }
        network.run(for: .seconds(5))
        #expect(network.server.connectionCount == 0)
        #expect(network.closedSessions == [.protocolError])
    }

    // MARK: TLS

    @Test func `what is not TLS ends the handshake`() throws {
        let network = try SimulatedNetwork(.test(), seed: 4)
        let client = SessionID(1)
        let path = Path(.datagram, handle: 1, remote: TransportAddress(ipv4: 1, port: 1))
        let session = try network.server.cookie.sessionID(for: client, at: path.remote, network.now)
        network.inject(
            wrapped(
                .control, 0, client,
                ControlBody(
                    acknowledged: [0], peerSessionID: session,
                    message: .init(packetID: 1, payload: Array("GET / HTTP/1.1\r\n\r\n".utf8)))), from: path)
        #expect(network.server.connectionCount == 0)
        #expect(network.securityLog.contains { $0.contains("TLS: ") })
    }

    /// Input 22, CVE-2017-7478.
    @Test func `a first control packet of any size breaks nothing`() throws {
        let network = try SimulatedNetwork(.test(), seed: 5)
        let path = Path(.datagram, handle: 1, remote: TransportAddress(ipv4: 1, port: 1))
        for (number, size) in [1251, 1500, 2048, 4096, 65_000].enumerated() {
            let client = SessionID(UInt64(number))
            let session = try network.server.cookie.sessionID(for: client, at: path.remote, network.now)
            network.inject(
                wrapped(
                    .control, 0, client,
                    ControlBody(
                        acknowledged: [0], peerSessionID: session,
                        message: .init(packetID: 1, payload: [UInt8](repeating: 0x16, count: size)))),
                from: path)
        }
        #expect(network.server.connectionCount == 0)
    }

    @Test func `a handshake that never ends is cut off`() throws {
        let network = try SimulatedNetwork(.test(), seed: 6)
        let client = SessionID(1)
        let path = Path(.datagram, handle: 1, remote: TransportAddress(ipv4: 1, port: 1))
        let session = try network.server.cookie.sessionID(for: client, at: path.remote, network.now)
        // A handshake record of 16 kB that is a ClientHello of 16 MB, and then more of them.
        var stream: [UInt8] =
            [0x16, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff] + [UInt8](repeating: 0, count: 16_380)
        while stream.count < 200_000 {
            stream += [0x16, 3, 1, 0x40, 0] + [UInt8](repeating: 0, count: 16_384)
        }
        var sent = 0
        for number in 0..<150 as Range<UInt32> where network.server.connectionCount > 0 || number == 0 {
            sent += 1000
            let start = Int(number) * 1000
            let message = ControlBody.Message(
                packetID: number + 1, payload: Array(stream[start..<start + 1000]))
            network.inject(
                wrapped(
                    .control, 0, client,
                    ControlBody(acknowledged: [0], peerSessionID: session, message: message)),
                from: path)
        }
        #expect(network.server.connectionCount == 0)
        #expect(sent <= KeySlot.maxHandshakeOctets + 1000)
    }

    @Test func `a client that goes on before it is authenticated is cut off too`() throws {
        let network = try SimulatedNetwork(.test(), seed: 9)
        network.judge = { _ in .pending }
        let alice = try network.addClient()
        network.run(for: .seconds(1))
        #expect(network.server.halfOpenCount == 1)
        for _ in 0..<20 {
            network.tell(alice) { $0.say(String(repeating: "x", count: 1000), at: network.moment) }
            network.run(for: .seconds(1))
        }
        #expect(network.server.connectionCount == 0)
    }

    @Test func `a client with a long certificate chain gets in, also out of order`() throws {
        let options = ServerOptions.test {
            $0.clientAuthorities = TestCertificates.authority
            $0.clientCertificates = .required
        }
        let network = try SimulatedNetwork(options, seed: 10, link: .init(loss: 0.1, delay: 5...200))
        var identity = TestCertificates.client
        for _ in 0..<10 { identity.chain += "\n" + TestCertificates.authority }
        let alice = try network.addClient(.test { $0.identity = identity })
        #expect(network.connect(alice), "4 kB of certificates")
    }

    // MARK: Input 19: streams

    @Test(
        arguments: [
            ([], StreamFraming.incomplete), ([0], .incomplete), ([0, 0], .broken), ([0, 1], .incomplete),
            ([0, 1, 0x38], .packet(1)), ([0xff, 0xff, 0x38], .broken), ([0x27, 0x11], .broken),
            ([0x27, 0x10], .incomplete),
            ([0, 2, 1, 2, 3], .packet(2)),
        ] as [([UInt8], StreamFraming)])
    func `lengths of a stream`(octets: [UInt8], framing: StreamFraming) {
        #expect(StreamFraming(octets.span.bytes) == framing)
    }

    @Test func `a stream's first octets tell OpenVPN from others`() {
        func isClient(_ octets: [UInt8]) -> Bool? { StreamFraming.isClientReset(octets.span.bytes) }
        #expect(isClient([0, 14]) == nil)
        for (first, opcode) in [([0, 14], 0x38), ([0, 54], 0x38), ([1, 0x60], 0x50)] as [([UInt8], UInt8)] {
            let length = Int(first[0]) << 8 | Int(first[1])
            let packet = first + [opcode] + [UInt8](repeating: 0, count: length - 1)
            #expect(isClient(packet) == true && isClient(packet + [0]) == true)
            // Who sends half of it and is silent then has no connection that would end by itself.
            for end in 3..<packet.count { #expect(isClient(Array(packet[..<end])) == nil) }
        }
        #expect(isClient([0, 14, 0x39]) == false)
        #expect(isClient([0, 14, 0x20]) == false)
        #expect(isClient([0, 3, 0x38]) == false)
        #expect(isClient([0x16, 3, 1]) == false)
        #expect(isClient(Array("GET".utf8)) == false)
    }

    @Test func `a stream that begins with anything else is closed`() throws {
        let network = try SimulatedNetwork(.test(), seed: 7)
        for (number, opcode) in Opcode.allCases.enumerated() where !opcode.isClientReset && !opcode.isData {
            let path = Path(
                .stream, handle: UInt64(number), remote: TransportAddress(ipv4: 1, port: UInt16(number)))
            let body = ControlBody(
                acknowledged: [0], peerSessionID: SessionID(1), message: .init(packetID: 0, payload: []))
            network.inject(wrapped(opcode, 0, SessionID(9), body), from: path)
            #expect(network.closedStreams.contains(path))
        }
        #expect(network.server.connectionCount == 0)
    }

    // MARK: Input 19: anything at all

    @Test func `all opcodes and key ids, with anything behind them, from strangers`() throws {
        let options = ServerOptions.test {
            $0.wrappings = [
                .tlsAuth(CapturedControl.staticKey, .sha1, .normal), .tlsCrypt(CapturedControl.staticKey),
            ]
            $0.tlsCryptV2 = CapturedControl.serverKey
        }
        let network = try SimulatedNetwork(options, seed: 8)
        var random = SplitMix64(seed: 8)
        for first in UInt8.min...255 {
            for length in [0, 1, 3, 8, 13, 25, 100, 1300, 3000] {
                let rest = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
                let path = Path(
                    length % 2 == 0 ? .datagram : .stream, handle: 5,
                    remote: TransportAddress(ipv4: UInt32(first), port: UInt16(length)))
                network.inject([first] + rest, from: path)
            }
        }
        #expect(network.server.connectionCount == 0)
    }

    @Test(arguments: 1...6) func `a client's packets, changed on the way, break nothing`(seed: UInt64) throws
    {
        let network = try SimulatedNetwork(.test(), seed: seed)
        let alice = try network.addClient()
        var random = SplitMix64(seed: seed)
        var last: [UInt8] = []
        network.observe = { packet in last = packet }
        for _ in 0..<300 {
            network.run(for: .milliseconds(11))
            guard !last.isEmpty else { continue }
            for _ in 0..<5 {
                var changed = last
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Int.random(in: 0..<changed.count, using: &random)
                    // Not the session id, or it would be a stranger's.
                    guard !(1...8).contains(place) else { continue }
                    changed[place] = UInt8.random(in: 0...255, using: &random)
                }
                if Bool.random(using: &random) {
                    changed.removeLast(Int.random(in: 0..<changed.count, using: &random))
                }
                if !changed.isEmpty { network.inject(changed, from: network.paths[alice]) }
            }
        }
        #expect(network.server.connectionCount <= 2)
    }

    /// Input 23: a token that nobody gave out is a password like any other, and as wrong.
    @Test func `a bad auth-token is refused`() throws {
        let network = try SimulatedNetwork(.test(), seed: 9)
        network.judge = { request in
            let password = request.password.map { $0.bytes.withUnsafeBytes { Array($0) } }
            return password == Array("secret".utf8) ? .accept : .refuse("wrong user name or password")
        }
        for token in ["SESS_ID_AT_", "SESS_ID_AT_AAAA", "SESS_ID_AT_" + String(repeating: "A", count: 76)] {
            let client = try network.addClient(.test { $0.password = token })
            #expect(network.ending(client) == "AUTH_FAILED,wrong user name or password")
        }
    }
}
