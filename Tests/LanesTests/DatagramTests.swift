import Lanes
import PluginABI
import Synchronization
import Testing

@Suite struct DatagramTests {
    @Test(arguments: [1, 2, 4])
    func `every datagram is echoed on any number of lanes`(lanes: Int) throws {
        try withLanes(lanes) { group in
            let listener = try group.listen(DatagramOptions(Endpoint("127.0.0.1:0")!)) { _ in Echo() }
            #expect(listener.local.port != 0)
            let peers = (0..<8).map { _ in UDPPeer() }
            for round in 0..<50 {
                for (number, peer) in peers.enumerated() {
                    peer.send(
                        [UInt8(number), UInt8(round)] + [UInt8](repeating: 7, count: round * 20),
                        to: listener.local)
                }
            }
            for (number, peer) in peers.enumerated() {
                for round in 0..<50 {
                    let (octets, from) = try #require(peer.receive())
                    #expect(Array(octets[..<2]) == [UInt8(number), UInt8(round)])
                    #expect(octets.count == 2 + round * 20)
                    #expect(from == listener.local)
                }
            }
            #expect(group.total(\.receivedDatagrams) == 400)
            #expect(group.total(\.sentDatagrams) == 400)
        }
    }

    @Test func `answers leave from the address that was asked`() throws {
        try withLanes(2) { group in
            let listener = try group.listen(DatagramOptions(Endpoint("0.0.0.0:0")!)) { _ in Echo() }
            let peer = UDPPeer()
            for host in ["127.0.0.2", "127.0.0.1", "127.1.2.3"] {
                let asked = Endpoint(host: host, port: listener.local.port)!
                peer.send([1], to: asked)
                #expect(try #require(peer.receive()).from == asked)
            }
        }
    }
}
