import PluginABI
import Testing

@testable import Lanes

@Suite struct ClaimTests {
    /// Claims streams that begin with the text, once there is enough of it.
    private func candidate(_ text: String, _ log: Log<String>) -> StreamCandidate {
        let wanted = Array(text.utf8)
        var candidate = StreamCandidate { _ in
            let handler = Closures()
            handler.onReceived = { octets, _ in
                log.add("\(text) \(String(decoding: octets.octets, as: UTF8.self))")
                return Int(octets.length)
            }
            return handler
        }
        candidate.claims = { first, _ in
            let known = min(first.count, wanted.count)
            guard Array(first[..<known]) == Array(wanted[..<known]) else { return .no }
            return known == wanted.count ? .yes : .needMore(wanted.count)
        }
        return candidate
    }

    @Test func `the candidate that knows the first octets gets all of them`() throws {
        try withLanes(2) { group in
            let log = Log<String>()
            let listener = try group.listen(
                StreamOptions(Endpoint("127.0.0.1:0")!),
                candidates: [candidate("GET", log), candidate("SSTP", log)])
            let first = TCPPeer(to: listener.local)
            first.send(Array("S".utf8))
            first.send(Array("STP_DUPLEX_POST".utf8))
            #expect(log.wait(for: 1).first?.hasPrefix("SSTP SSTP") == true)
            let second = TCPPeer(to: listener.local)
            second.send(Array("GET /".utf8))
            #expect(log.wait(for: 2).last == "GET GET /")
        }
    }

    @Test func `a stream that nobody claims is closed`() throws {
        try withLanes(1) { group in
            let log = Log<String>()
            let listener = try group.listen(
                StreamOptions(Endpoint("127.0.0.1:0")!), candidates: [candidate("GET", log)])
            let peer = TCPPeer(to: listener.local)
            peer.send([0])
            #expect(peer.isAtEnd())
            #expect(log.now.isEmpty)
        }
    }

    @Test func `nobody may ask for more than four kibibytes`() throws {
        try withLanes(1) { group in
            let greedy = StreamCandidate(claims: { first, _ in .needMore(first.count + 1) }) { _ in Closures()
            }
            let listener = try group.listen(StreamOptions(Endpoint("127.0.0.1:0")!), candidates: [greedy])
            let peer = TCPPeer(to: listener.local)
            peer.send([UInt8](repeating: 1, count: 4096))
            #expect(peer.isAtEnd())
        }
    }

    @Test func `silent streams of one source do not keep others of it out`() throws {
        try withLanes(1) { group in
            let log = Log<String>()
            let listener = try group.listen(
                StreamOptions(Endpoint("127.0.0.1:0")!), candidates: [candidate("GET", log)])
            let silent = (0..<UnclaimedStreams<ByteStream>.capacityPerSource).map { _ in
                TCPPeer(to: listener.local)
            }
            let peer = TCPPeer(to: listener.local)
            peer.send(Array("GET".utf8))
            #expect(log.wait(for: 1) == ["GET GET"])
            #expect(silent[0].isReset(), "the oldest gave way")
            silent[1].send(Array("GET".utf8))
            #expect(log.wait(for: 2).count == 2, "and nobody else")
        }
    }

    @Test func `of all silent streams the oldest gives way`() {
        final class Stream {}
        var table = UnclaimedStreams<Stream>()
        let streams = (0..<1100).map { _ in Stream() }
        func remote(_ number: Int) -> Endpoint { Endpoint("[2001:db8:0:\(number % 32)::\(number)]:1")! }
        for number in 0..<1024 { #expect(table.insert(streams[number], from: remote(number)) == nil) }
        #expect(table.insert(streams[1024], from: remote(1)) === streams[0], "32 networks hold 32 each")
        table.remove(streams[5])
        #expect(table.insert(streams[1025], from: Endpoint("192.0.2.1:1")!) == nil)
        #expect(table.insert(streams[1026], from: Endpoint("192.0.2.1:2")!) === streams[1])
        #expect(table.count == 1024)
        for number in 2..<1024 { table.remove(streams[number]) }
        for number in 0..<62 { #expect(table.insert(streams[number], from: Endpoint("192.0.2.1:9")!) == nil) }
        #expect(table.insert(streams[62], from: Endpoint("192.0.2.1:10")!) === streams[1025])
    }

    @Test func `who takes the rest gets what the others refuse`() throws {
        try withLanes(1) { group in
            let log = Log<String>()
            let rest = StreamCandidate { _ in
                let handler = Closures()
                handler.onReceived = { octets, _ in
                    log.add("rest \(octets.octets)")
                    return Int(octets.length)
                }
                return handler
            }
            let listener = try group.listen(
                StreamOptions(Endpoint("127.0.0.1:0")!), candidates: [rest, candidate("GET", log)])
            let peer = TCPPeer(to: listener.local)
            peer.send([7])
            #expect(log.wait(for: 1) == ["rest [7]"])
            listener.setCandidates([candidate("PUT", log)])
            group.lanes[0].performAndWait { _ in }
            let other = TCPPeer(to: listener.local)
            other.send(Array("PUT".utf8))
            #expect(log.wait(for: 2).last == "PUT PUT")
        }
    }
}
