import OpenVPNTestClient
import Testing
import Wire

@testable import OpenVPNCore

@Suite struct RoamingTests {
    private func connected(_ seed: UInt64, clients: Int = 1, lane: Int = 0) throws -> SimulatedNetwork {
        let network = try SimulatedNetwork(.test(), seed: seed, lane: lane)
        for _ in 0..<clients { #expect(network.connect(try network.addClient())) }
        return network
    }

    private let elsewhere = TransportAddress(ipv4: 0xcb00_7105, port: 5)

    @Test func `a client that sends from elsewhere is answered there`() throws {
        let network = try connected(1)
        network.move(0, to: elsewhere)
        #expect(network.echoes(0))
        #expect(
            network.outputs.contains {
                if case .moved(_, let path) = $0 { path.remote == elsewhere } else { false }
            })
        network.tell(0) { $0.renegotiate(at: network.moment) }
        network.run(for: .seconds(2))
        #expect(network.renewals(0) == [1])
    }

    /// Input 23, CVE-2020-11810.
    @Test func `nobody floats onto a live peer`() throws {
        let network = try connected(2, clients: 2)
        let victim = network.paths[1]
        network.move(0, to: victim.remote)
        #expect(!network.echoes(0))
        network.move(0, to: elsewhere)
        #expect(network.echoes(1))
        #expect(network.echoes(0))
    }

    @Test func `a packet that is not authentic moves nobody`() throws {
        let network = try connected(3)
        let path = Path(.datagram, handle: 1, remote: elsewhere)
        network.inject([0x48, 0, 0, 0] + [UInt8](repeating: 7, count: 60), from: path)
        let connection = try #require(network.server.connection(network.sessionRequests[0].connection))
        #expect(connection.path == network.paths[0])
        #expect(network.echoes(0))
    }

    @Test func `control packets alone move nobody`() throws {
        let network = try connected(4)
        network.move(0, to: elsewhere)
        network.tell(0) { $0.say("EXIT", at: network.moment) }
        network.run(for: .seconds(5))
        #expect(network.closedSessions.isEmpty)
    }

    @Test func `neither to nor from a stream`() throws {
        let network = try connected(5)
        let stream = try network.addClient(.test { $0.isStream = true })
        #expect(network.connect(stream))
        network.move(stream, to: elsewhere)
        #expect(!network.echoes(stream))
    }

    @Test func `the lane stands in the peer id, and its packets are handed over`() throws {
        let network = try connected(6, lane: 2)
        let peerID = try #require(network.clients[0].pushedValue("peer-id").flatMap { UInt32($0) })
        #expect(peerID >> 22 == 2)
        let other = try SimulatedNetwork(.test(), seed: 6, lane: 1)
        other.narrates = true
        let path = Path(.datagram, handle: 1, remote: elsewhere)
        let packet: [UInt8] = [
            0x48, UInt8(peerID >> 16), UInt8(peerID >> 8 & 255), UInt8(peerID & 255), 0, 0, 0, 1,
        ]
        other.inject(packet, from: path)
        // From then on the control packets of that address go the same way.
        other.inject(CapturedControl.plain, from: path)
        #expect(other.narration == ["server: hand over to lane 2", "server: hand over to lane 2"])
        #expect(other.server.connectionCount == 0)
    }

    @Test func `a lane that there is not gets nothing`() throws {
        let network = try SimulatedNetwork(.test(), seed: 7, lane: 1, laneBits: 2)
        network.narrates = true
        network.inject(
            [0x48, 0x7f, 0xff, 0xff, 0, 0, 0, 1], from: Path(.datagram, handle: 1, remote: elsewhere))
        network.inject([0x48, 0xff], from: Path(.datagram, handle: 1, remote: elsewhere))
        #expect(network.narration.isEmpty)
        let three = try SimulatedNetwork(.test(), seed: 7, lane: 1, laneBits: 2, lanes: 3)
        three.narrates = true
        three.inject([0x48, 0xc0, 0, 0, 0, 0, 0, 1], from: Path(.datagram, handle: 1, remote: elsewhere))
        #expect(three.narration.isEmpty)
    }

    @Test func `a forged data packet sends no handshake to another lane`() throws {
        let network = try SimulatedNetwork(.test(), seed: 12, lane: 1)
        let client = try network.addClient()
        network.run(for: .milliseconds(35))
        #expect(network.server.halfOpenCount == 1)
        network.inject([0x48, 0x80, 0, 0, 0, 0, 0, 1], from: network.paths[client])
        #expect(network.connect(client))
    }

    // MARK: A new session from the same address

    @Test func `a client that starts anew replaces itself once it is accepted`() throws {
        let network = try connected(8)
        network.judge = { _ in .pending }
        let again = try network.addClient(at: network.paths[0])
        network.run(for: .seconds(3))
        // The link gives what is sent to this address to the newer client, so ask the server.
        let old = network.sessionRequests[0].connection
        #expect(network.server.connection(old) != nil)
        #expect(network.server.connectionCount == 2)
        let question = try #require(network.questions.last)
        network.tellServer {
            $0.decided(question.connection, ticket: question.ticket, refusal: nil, at: network.moment)
        }
        #expect(network.connect(again))
        #expect(network.server.connection(old) == nil)
        #expect(network.closedSessions == [.replaced])
        #expect(network.echoes(again))
    }

    @Test func `who is refused replaces nobody`() throws {
        let network = try connected(9)
        network.judge = { _ in .refuse("no") }
        let again = try network.addClient(at: network.paths[0])
        #expect(network.ending(again) == "AUTH_FAILED,no")
        network.run(for: .seconds(10))
        #expect(network.closedSessions.isEmpty)
        #expect(network.server.connectionCount == 1)
    }
}
