import OpenVPNTestClient
import Testing
import Wire

@testable import OpenVPNCore

@Suite struct HandshakeTests {
    @Test func `a client connects, sends and leaves`() throws {
        let network = try SimulatedNetwork(.test(), seed: 1)
        network.narrates = true
        let alice = try network.addClient()
        #expect(network.run(for: .seconds(20)) { network.clients[alice].isConnected })
        network.tell(alice) { $0.send([0x45, 1, 2, 3], at: network.moment) }
        network.run(for: .seconds(1))
        network.tell(alice) { $0.say("EXIT", at: network.moment) }
        network.run(for: .seconds(1))
        print(network.narration.joined(separator: "\n"))
        #expect(network.server.connectionCount == 0)
    }
}
