import PluginABI
import Testing

@testable import Lanes

@Suite struct FlowSteeringTests {
    @Test func `a flow that is handed over again and again arrives where it belongs`() throws {
        try withLanes(4) { group in
            let log = Log<Recorder.Entry>()
            let listener = try group.listen(DatagramOptions(Endpoint("127.0.0.1:0")!)) { _ in
                Postman(to: 2, log)
            }
            let peers = (0..<12).map { _ in UDPPeer() }
            for round in 0...HandedOverFlows.enough {
                for peer in peers { peer.send([UInt8(round)], to: listener.local) }
                // The next ones leave only when these were judged.
                #expect(log.wait(for: (round + 1) * peers.count).count == (round + 1) * peers.count)
                for lane in group.lanes { lane.performAndWait { _ in } }
            }
            let first = Set(log.now.filter { $0.octets == [0] }.map(\.lane))
            let last = Set(log.now.filter { $0.octets == [UInt8(HandedOverFlows.enough)] }.map(\.lane))
            #expect(first.count > 1, "the kernel's hash spreads them")
            #expect(last == [2])
            #expect(group.total(\.steered) > 0)
        }
    }

    @Test func `an IPv6 peer is known by all of its address`() throws {
        try withLanes(3) { group in
            let log = Log<Recorder.Entry>()
            let server = try group.listen(DatagramOptions(Endpoint("[::1]:0")!)) { _ in Recorder(log) }
            let client = try group.listen(DatagramOptions(Endpoint("[::1]:0")!)) { _ in Recorder(log) }
            let steering = try #require(server.steering)
            for index in [1, 2, 0, 2] {
                // Two that are nobody here: with another address, and with another port.
                #expect(steering.take(Endpoint(host: "::2", port: client.local.port)!, to: (index + 1) % 3))
                #expect(steering.take(Endpoint(host: "::1", port: 9)!, to: (index + 1) % 3))
                #expect(steering.take(client.local, to: index))
                let before = log.now.count
                group.lanes[0].post { lane in
                    var address = server.local.address
                    let payload = lane.slice([1, 2, 3])
                    withUnsafePointer(to: &address) {
                        client.sockets[0].send(pa_datagram_v1(payload: payload, remote: $0, local: nil))
                    }
                }
                #expect(log.wait(for: before + 1).last?.lane == index)
            }
        }
    }

    @Test func `who is pinned by source stays where the source is`() throws {
        try withLanes(4) { group in
            let options = DatagramOptions(Endpoint("127.0.0.1:0")!, pinning: .source)
            let listener = try group.listen(options) { _ in Echo() }
            #expect(listener.steering == nil)
        }
        try withLanes(1) { group in
            let listener = try group.listen(DatagramOptions(Endpoint("127.0.0.1:0")!)) { _ in Echo() }
            #expect(listener.steering == nil, "there is one lane")
        }
    }

    @Test func `made up sources do not reach the kernel, and whoever goes on is told to it again`() {
        var flows = HandedOverFlows()
        let strangers = (1...5000).filter { flows.count(Endpoint(host: "192.0.2.1", port: UInt16($0))!) }
        #expect(strangers.isEmpty)
        let peer = Endpoint(host: "192.0.2.2", port: 1)!
        let told = (1...3 * HandedOverFlows.again).filter { _ in flows.count(peer) }
        #expect(told == [0, 1, 2].map { $0 * HandedOverFlows.again + HandedOverFlows.enough })
    }
}

/// Hands what arrives on other lanes over to one.
private final class Postman: DatagramHandler {
    private let lane: Int
    private let recorder: Recorder

    init(to lane: Int, _ log: Log<Recorder.Entry>) {
        self.lane = lane
        recorder = Recorder(log)
    }

    func received(_ batch: UnsafeMutableBufferPointer<pa_datagram_v1>, on socket: DatagramSocket) {
        if socket.lane.index != lane {
            for datagram in batch { socket.handOver(from: Endpoint(datagram.remote.pointee), toLane: lane) }
        }
        recorder.received(batch, on: socket)
    }
}
