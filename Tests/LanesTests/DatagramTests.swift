import PluginABI
import Synchronization
import Testing

@testable import Lanes

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

    @Test func `a burst of equal datagrams leaves in few messages`() throws {
        try withLanes(1) { group in
            let listener = try group.listen(DatagramOptions(Endpoint("127.0.0.1:0")!)) { _ in Echo() }
            let peer = UDPPeer()
            group.lanes[0].whileHeld {
                for number in 0..<100 {
                    peer.send([UInt8](repeating: UInt8(number), count: 1200), to: listener.local)
                }
            }
            for number in 0..<100 {
                #expect(try #require(peer.receive()).octets == [UInt8](repeating: UInt8(number), count: 1200))
            }
            #expect(group.total(\.sentDatagrams) == 100)
            #expect(group.total(\.sentMessages) < 10)
        }
    }

    @Test func `interleaved flows are coalesced each by itself and keep their order`() throws {
        try withLanes(1) { group in
            let listener = try group.listen(DatagramOptions(Endpoint("0.0.0.0:0")!)) { _ in Echo() }
            let asked = Endpoint(host: "127.0.0.1", port: listener.local.port)!
            let peers = (0..<4).map { _ in UDPPeer() }
            group.lanes[0].whileHeld {
                for number in 0..<64 {
                    let octets = [UInt8](repeating: UInt8(number), count: number % 9 == 8 ? 50 : 900)
                    peers[number % 4].send(octets, to: asked)
                }
            }
            for number in 0..<64 {
                #expect(try #require(peers[number % 4].receive()).octets[0] == UInt8(number))
            }
            #expect(group.total(\.sentMessages) < 32)
        }
    }

    @Test func `a coalesced message arrives as its datagrams`() throws {
        try withLanes(2) { group in
            let log = Log<Recorder.Entry>()
            let receiver = try group.listen(DatagramOptions(Endpoint("127.0.0.1:0")!)) { _ in Recorder(log) }
            let sender = try group.listen(DatagramOptions(Endpoint("127.0.0.1:0")!)) { _ in Echo() }
            let remote = receiver.local
            group.lanes[0].post { lane in
                var address = remote.address
                for number in 0..<40 {
                    let payload = lane.slice(
                        [UInt8](repeating: UInt8(number), count: number == 39 ? 100 : 1000))
                    withUnsafePointer(to: &address) {
                        sender.sockets[0].send(pa_datagram_v1(payload: payload, remote: $0, local: nil))
                    }
                }
            }
            let entries = log.wait(for: 40)
            #expect(entries.map(\.octets.count) == [Int](repeating: 1000, count: 39) + [100])
            #expect(entries.map { Int($0.octets[0]) } == Array(0..<40))
            #expect(group.total(\.receivedMessages) < 5)
            let first = try #require(entries.first)
            let last = try #require(entries.last)
            #expect(first.headroom >= 256 && first.tailroom == 0)
            #expect(last.headroom == 0 && last.tailroom >= 256)
        }
    }

    @Test func `without coalescing every datagram is a message`() throws {
        try withLanes(1) { group in
            let options = DatagramOptions(Endpoint("127.0.0.1:0")!, coalesces: false)
            let listener = try group.listen(options) { _ in Echo() }
            let peer = UDPPeer()
            group.lanes[0].whileHeld {
                for number in 0..<10 {
                    peer.send([UInt8](repeating: UInt8(number), count: 3000), to: listener.local)
                }
            }
            for number in 0..<10 { #expect(try #require(peer.receive()).octets[0] == UInt8(number)) }
            #expect(group.total(\.sentMessages) == 10)
        }
    }

    @Test func `ports of one address stay on one lane where the source is what counts`() throws {
        try withLanes(4) { group in
            let log = Log<Recorder.Entry>()
            let options = DatagramOptions(Endpoint("0.0.0.0:0")!, pinning: .source)
            let listener = try group.listen(options) { _ in Recorder(log) }
            for host in 1...20 {
                for _ in 0..<3 {
                    let peer = UDPPeer(host: "127.0.7.\(host)")
                    peer.send([1], to: Endpoint(host: "127.0.0.1", port: listener.local.port)!)
                }
            }
            let entries = log.wait(for: 60)
            #expect(entries.count == 60)
            for entry in entries { #expect(entry.lane == group.lane(forSource: entry.source.address).index) }
            #expect(Set(entries.map(\.lane)).count > 1)
        }
    }

    @Test func `a port that somebody else listens on is refused`() throws {
        try withLanes(2) { group in
            let listener = try group.listen(DatagramOptions(Endpoint("127.0.0.1:0")!)) { _ in Echo() }
            let taken = DatagramOptions(listener.local)
            let error = #expect(throws: SocketError.self) { try group.listen(taken) { _ in Echo() } }
            #expect(error?.description == "cannot listen on udp \(listener.local): Address already in use")
        }
    }

    @Test func `a socket that cannot be watched is refused in words`() throws {
        try withLanes(1) { group in
            let listener = try group.listen(DatagramOptions(Endpoint("127.0.0.1:0")!)) { _ in Echo() }
            let error = #expect(throws: SocketError.self) {
                try group.lanes[0].onLane("listen on it") { () throws(SocketError) in
                    try listener.sockets[0].start(Echo())
                }
            }
            #expect(error?.description == "cannot listen on it: File exists")
        }
    }

    @Test func `a closed listener's port can be opened again`() throws {
        try withLanes(2) { group in
            let listener = try group.listen(DatagramOptions(Endpoint("127.0.0.1:0")!)) { _ in Echo() }
            listener.close()
            for lane in group.lanes { lane.performAndWait { _ in } }
            // Descriptors are given back at the end of the turn in which the listener was closed.
            for lane in group.lanes { lane.performAndWait { _ in } }
            _ = try group.listen(DatagramOptions(listener.local)) { _ in Echo() }
        }
    }

    @Test func `IPv6 is answered from the address that was asked`() throws {
        try withLanes(1) { group in
            let server = try group.listen(DatagramOptions(Endpoint("[::]:0")!)) { _ in Echo() }
            let log = Log<Recorder.Entry>()
            let client = try group.listen(DatagramOptions(Endpoint("[::1]:0")!)) { _ in Recorder(log) }
            let asked = Endpoint(host: "::1", port: server.local.port)!
            group.lanes[0].post { lane in
                var address = asked.address
                let payload = lane.slice([1, 2, 3])
                withUnsafePointer(to: &address) {
                    client.sockets[0].send(pa_datagram_v1(payload: payload, remote: $0, local: nil))
                }
            }
            let entry = try #require(log.wait(for: 1).first)
            #expect(entry.octets == [1, 2, 3])
            #expect(entry.source == asked)
        }
    }
}
