import Lanes
import PluginABI
import Testing

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
