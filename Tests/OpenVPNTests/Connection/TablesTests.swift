import EngineParts
import OpenVPNTestClient
import Testing
import Wire

@testable import OpenVPNCore

@Suite struct TablesTests {
    private func reset(_ session: UInt64, packetID: UInt32 = 0, payload: [UInt8] = []) throws -> [UInt8] {
        try ControlKeys.plain.wrap(
            ControlPacket(
                head: ControlHead(.hardResetClientV2, .first, SessionID(session)),
                body: ControlBody(message: .init(packetID: packetID, payload: payload))),
            ReplayID(id: 0, time: 0))
    }

    private func path(_ number: UInt32) -> Path {
        Path(.datagram, handle: 1, remote: TransportAddress(ipv4: 0x0b00_0000 + number, port: 1))
    }

    @Test func `a hundred thousand resets from forged addresses leave nothing behind`() throws {
        let network = try SimulatedNetwork(.test(), seed: 1)
        for number in 0..<100_000 as Range<UInt32> {
            network.inject(try reset(UInt64(number)), from: path(number))
        }
        #expect(network.server.connectionCount == 0)
        #expect(network.server.flows.isEmpty && network.server.connections.isEmpty)
        #expect(network.server.deadline == nil)
    }

    /// Input 19 and the fix of 2026 in OpenVPN.
    @Test(arguments: [1, 2, 0x0f00_0000, .max] as [UInt32])
    func `a reset with another packet id than zero is not answered`(packetID: UInt32) throws {
        let network = try SimulatedNetwork(.test(), seed: 1)
        network.narrates = true
        network.inject(try reset(1, packetID: packetID), from: path(1))
        network.inject(try reset(1, payload: [0]), from: path(1))
        let stream = Path(.stream, handle: 9, remote: path(1).remote)
        network.inject(try reset(1, packetID: packetID), from: stream)
        #expect(network.narration.isEmpty)
        #expect(network.closedStreams == [stream])
        #expect(network.server.connectionCount == 0)
    }

    /// Input 21.
    @Test func `a cookie off by one, expired, or from another address begins nothing`() throws {
        let network = try SimulatedNetwork(.test(), seed: 2)
        let client = SessionID(5)
        let cookie = try network.server.cookie.sessionID(for: client, at: path(1).remote, network.now)
        func packet(_ session: SessionID, acknowledged: UInt32 = 0, packetID: UInt32 = 1) throws -> [UInt8] {
            try ControlKeys.plain.wrap(
                ControlPacket(
                    head: ControlHead(.control, .first, client),
                    body: ControlBody(
                        acknowledged: [acknowledged], peerSessionID: session,
                        message: .init(packetID: packetID, payload: [0x16]))), ReplayID(id: 0, time: 0))
        }
        network.inject(try packet(SessionID(cookie.rawValue ^ 1)), from: path(1))
        network.inject(try packet(SessionID(cookie.rawValue ^ 1 << 63)), from: path(1))
        network.inject(try packet(cookie), from: path(2))
        network.inject(try packet(cookie, acknowledged: 1), from: path(1))
        network.inject(try packet(cookie, packetID: 0), from: path(1))
        network.inject(try packet(cookie, packetID: 900), from: path(1))
        #expect(network.server.connectionCount == 0)
        network.run(for: .seconds(90))
        network.inject(try packet(cookie), from: path(1))
        #expect(network.server.connectionCount == 0)
        let fresh = try network.server.cookie.sessionID(for: client, at: path(1).remote, network.now)
        network.inject(try packet(fresh), from: path(1))
        #expect(network.server.connectionCount == 1)
    }

    @Test func `half-open connections are bounded, by source and altogether`() throws {
        let options = ServerOptions.test {
            $0.maxHalfOpen = 10
            $0.maxHalfOpenPerSource = 3
        }
        let network = try SimulatedNetwork(options, seed: 3)
        network.judge = { _ in .pending }
        let source = TransportAddress(ipv4: 0x0b00_0001, port: 0)
        for port in 1...5 as ClosedRange<UInt16> {
            let address = TransportAddress(ipv4: UInt32(source.low), port: port)
            try network.addClient(at: Path(.datagram, handle: 1, remote: address))
        }
        network.run(for: .seconds(5))
        #expect(network.server.halfOpenCount == 3)
        for _ in 0..<20 { try network.addClient() }
        network.run(for: .seconds(5))
        #expect(network.server.halfOpenCount == 10)
        #expect(network.securityLog.contains { $0.contains("too many connections") })
        // Those without a place try again until their cookies are too old.
        network.run(for: .seconds(200))
        #expect(network.server.halfOpenCount == 0)
        #expect(network.server.flows.isEmpty)
    }

    @Test func `connections are bounded, and a place that is free again is used`() throws {
        let network = try SimulatedNetwork(.test { $0.clients = ClientLimit(2) }, seed: 4)
        for _ in 0..<2 { #expect(network.connect(try network.addClient())) }
        let third = try network.addClient()
        network.run(for: .seconds(5))
        #expect(!network.clients[third].isConnected)
        network.tell(0) { $0.say("EXIT", at: network.moment) }
        #expect(network.connect(third))
        #expect(network.clients[third].pushedValue("peer-id") == "0")
        #expect(network.sessionRequests[0].connection != network.sessionRequests[2].connection)
    }

    @Test func `who is accepted when the last place has just been taken is told so`() throws {
        let network = try SimulatedNetwork(.test { $0.clients = ClientLimit(1) }, seed: 10)
        network.judge = { _ in .pending }
        for _ in 0..<2 { try network.addClient() }
        network.run(for: .seconds(2))
        for question in network.questions {
            network.tellServer {
                $0.decided(question.connection, ticket: question.ticket, refusal: nil, at: network.moment)
            }
        }
        let (first, second) = network.questions[0].connection.index == 0 ? (0, 1) : (1, 0)
        #expect(network.connect(first) || network.connect(second))
        let endings = [first, second].compactMap { network.ending($0) }
        #expect(endings == ["AUTH_FAILED,the server has no place left"])
    }

    @Test func `the places are those of all lanes`() {
        let limit = ClientLimit(2)
        #expect(limit.take() && !limit.isReached && limit.take() && limit.isReached && !limit.take())
        limit.giveBack()
        #expect(!limit.isReached && limit.take())
    }

    @Test func `without the wrapping that is required nobody is answered`() throws {
        let options = ServerOptions.test {
            $0.acceptsPlain = false
            $0.wrappings = [.tlsCrypt(CapturedControl.staticKey)]
        }
        let network = try SimulatedNetwork(options, seed: 5)
        network.narrates = true
        network.inject(CapturedControl.plain, from: path(1))
        network.inject(CapturedControl.tlsAuthSHA1, from: path(1))
        #expect(network.narration.isEmpty)
        network.inject(CapturedControl.tlsCrypt, from: path(1))
        #expect(network.narration == ["<-- HARD_RESET_SERVER_V2 0"])
    }

    @Test func `a tls-crypt-v2 client that cannot send its key again may be turned away`() throws {
        let options = ServerOptions.test {
            $0.acceptsWithoutCookie = false
            $0.tlsCryptV2 = CapturedControl.serverKey
        }
        let network = try SimulatedNetwork(options, seed: 6)
        let old = try network.addClient(
            .test { $0.wrapping = .tlsCryptV2(CapturedControl.clientKey, sendsKeyAgain: false) })
        let new = try network.addClient(
            .test { $0.wrapping = .tlsCryptV2(CapturedControl.clientKey, sendsKeyAgain: true) })
        #expect(network.connect(new))
        #expect(!network.clients[old].isConnected)
        #expect(network.server.connectionCount == 1)
    }

    /// Input 20.
    @Test func `a good wrapped key behind nonsense leaves nothing behind`() throws {
        let options = ServerOptions.test { $0.tlsCryptV2 = CapturedControl.serverKey }
        let network = try SimulatedNetwork(options, seed: 9)
        network.narrates = true
        for first: UInt8 in [0x50, 0x58] {
            for length in 0..<120 {
                let packet =
                    [first] + [UInt8](repeating: 3, count: length) + CapturedControl.clientKey.wrapped
                network.inject(packet, from: path(UInt32(length)))
            }
        }
        #expect(network.narration.isEmpty)
        #expect(network.server.connectionCount == 0)
    }

    @Test func `addresses are counted by what one customer has`() {
        let first = TransportAddress(ipv6High: 0x2001_0db8_0000_0001, low: 1, port: 1)
        let second = TransportAddress(ipv6High: 0x2001_0db8_0000_0001, low: 2, port: 9)
        let other = TransportAddress(ipv6High: 0x2001_0db8_0000_0002, low: 1, port: 1)
        #expect(first.source == second.source && first.source != other.source)
        #expect("\(first)" == "[2001:db8:0:1:0:0:0:1]:1")
        #expect("\(TransportAddress(ipv4: 0x0a00_0001, port: 9))" == "10.0.0.1:9")
        #expect(path(1).remote.source != path(2).remote.source)
    }

    @Test func `clients that cannot echo a cookie leave places for those that can`() throws {
        let options = ServerOptions.test {
            $0.maxHalfOpen = 8
            $0.tlsCryptV2 = CapturedControl.serverKey
        }
        let network = try SimulatedNetwork(options, seed: 8)
        network.judge = { _ in .pending }
        for _ in 0..<10 {
            try network.addClient(
                .test { $0.wrapping = .tlsCryptV2(CapturedControl.clientKey, sendsKeyAgain: false) })
        }
        network.run(for: .seconds(2))
        #expect(network.server.halfOpenCount == 2)
        try network.addClient()
        network.run(for: .seconds(2))
        #expect(network.server.halfOpenCount == 3)
    }

    @Test func `timers come up in order, and those nobody waits for are forgotten`() {
        var queue = TimerQueue<ConnectionID>()
        var random = SplitMix64(seed: 1)
        for index in 0..<500 {
            let at = Instant(nanoseconds: UInt64.random(in: 0..<1000, using: &random))
            queue.insert(.init(at: at, connection: ConnectionID(generation: 1, index: index)))
        }
        queue.keep { $0.connection.index % 2 == 0 }
        var seen: [UInt64] = []
        while let entry = queue.popDue(at: Instant(nanoseconds: 2000)) { seen.append(entry.at.nanoseconds) }
        #expect(seen.count == 250)
        #expect(seen == seen.sorted())
    }
}
