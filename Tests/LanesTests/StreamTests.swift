import PluginABI
import Synchronization
import Testing

@testable import Lanes

@Suite struct StreamTests {
    @Test func `who could not write hears when there is room`() throws {
        try withLanes(1) { group in
            let events = Log<StreamEvent>()
            let listener = try group.listen { _ in
                let handler = Closures()
                handler.onReceived = { octets, stream in
                    stream.announceNextRoom()
                    return Int(octets.length)
                }
                handler.onWritable = { _ in events.add(.writable) }
                return handler
            }
            let peer = TCPPeer(to: listener.local)
            peer.send([1])
            #expect(events.wait(for: 1) == [.writable])
        }
    }

    @Test(arguments: [1, 2])
    func `messages that arrive in pieces are answered whole`(lanes: Int) throws {
        try withLanes(lanes) { group in
            let log = Log<StreamEvent>()
            let listener = try group.listen { _ in MessageEcho(log) }
            let peer = TCPPeer(to: listener.local)
            let messages: [[UInt8]] = [[3, 1, 2, 3], [0], [5, 9, 8, 7, 6, 5], [1, 4]]
            for octet in messages.joined() {
                peer.send([octet])
            }
            #expect(peer.receive(13) == Array(messages.joined()))
            peer.finish()
            #expect(peer.isAtEnd())
            let events = log.wait(for: 5)
            let received = events.compactMap { if case .received(_, let octets) = $0 { octets } else { nil } }
            #expect(received == messages)
            #expect(events.last == .ended(.closed))
        }
    }

    @Test func `a megabyte comes back as it was sent`() throws {
        try withLanes(2) { group in
            let listener = try group.listen(limits: StreamLimits(queued: 2 << 20)) { _ in
                let echo = Closures()
                echo.onReceived = { octets, stream in
                    stream.write(octets)
                    return Int(octets.length)
                }
                return echo
            }
            let peer = TCPPeer(to: listener.local)
            let octets = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            peer.send(octets)
            peer.finish()
            #expect(peer.receive(octets.count) == octets)
            #expect(peer.isAtEnd())
        }
    }

    @Test func `a slow reader fills the queue to its bound and no further`() throws {
        try withLanes(1) { group in
            let limit = 64 << 10
            let queued = Log<Int>()
            let events = Log<StreamEvent>()
            let listener = try group.listen(limits: StreamLimits(queued: limit)) { _ in
                let flood = Closures()
                flood.onReceived = { octets, stream in
                    var written = 0
                    while stream.write(
                        stream.lane.slice([UInt8](repeating: UInt8(written % 251), count: 1000)))
                    {
                        written += 1
                    }
                    queued.add(written)
                    queued.add(stream.queuedOctets)
                    return Int(octets.length)
                }
                flood.onWritable = { _ in events.add(.writable) }
                return flood
            }
            let peer = TCPPeer(to: listener.local, receiveBuffer: 8192)
            peer.send([1])
            let seen = queued.wait(for: 2)
            #expect(seen[0] > 64)
            #expect(seen[1] <= limit && seen[1] > limit - 1000)
            let octets = peer.receive(seen[0] * 1000)
            #expect(octets.count == seen[0] * 1000)
            for index in stride(from: 0, to: octets.count, by: 1000) {
                #expect(octets[index] == UInt8(index / 1000 % 251))
            }
            #expect(events.wait(for: 1) == [.writable])
        }
    }

    @Test func `what was written before closing arrives`() throws {
        try withLanes(1) { group in
            let listener = try group.listen(limits: StreamLimits(queued: 4 << 20)) { stream in
                let handler = Closures()
                handler.onReceived = { octets, stream in
                    for _ in 0..<300 { stream.write(stream.lane.slice([UInt8](repeating: 5, count: 10_000))) }
                    stream.close()
                    return Int(octets.length)
                }
                return handler
            }
            let peer = TCPPeer(to: listener.local, receiveBuffer: 8192)
            peer.send([1])
            // Octets that nobody reads must not turn the farewell into a reset.
            peer.send([UInt8](repeating: 2, count: 1000))
            #expect(peer.receive(3_000_000).count == 3_000_000)
            #expect(peer.isAtEnd())
        }
    }

    @Test func `a half closed stream still receives`() throws {
        try withLanes(1) { group in
            let log = Log<[UInt8]>()
            let listener = try group.listen { stream in
                stream.write(stream.lane.slice([1, 2]))
                stream.finishWriting()
                let handler = Closures()
                handler.onReceived = { octets, _ in
                    log.add(octets.octets)
                    return Int(octets.length)
                }
                return handler
            }
            let peer = TCPPeer(to: listener.local)
            #expect(peer.receive(3) == [1, 2])
            peer.send([7])
            #expect(log.wait(for: 1) == [[7]])
        }
    }

    @Test func `a reset reaches both sides`() throws {
        try withLanes(1) { group in
            let log = Log<StreamEvent>()
            let listener = try group.listen { _ in
                let handler = Closures()
                handler.onReceived = { octets, stream in
                    stream.reset()
                    return Int(octets.length)
                }
                handler.onEnded = { log.add(.ended($0)) }
                return handler
            }
            let peer = TCPPeer(to: listener.local)
            peer.send([1])
            #expect(log.wait(for: 1) == [.ended(.closed)])
            #expect(!peer.isAtEnd())
        }
    }

    @Test func `a handler that consumes nothing is ended at its limit`() throws {
        try withLanes(1) { group in
            let log = Log<StreamEvent>()
            let listener = try group.listen(limits: StreamLimits(unread: 10_000)) { _ in
                let handler = Closures()
                handler.onReceived = { _, _ in 0 }
                handler.onEnded = { log.add(.ended($0)) }
                return handler
            }
            let peer = TCPPeer(to: listener.local)
            peer.send([UInt8](repeating: 0, count: 20_000))
            #expect(log.wait(for: 1) == [.ended(.overrun)])
        }
    }

    @Test func `a paused stream gives what it received when it is resumed`() throws {
        try withLanes(1) { group in
            let log = Log<StreamEvent>()
            let streams = Log<ByteStream>()
            let listener = try group.listen { stream in
                let handler = Closures()
                handler.onReceived = { octets, stream in
                    log.add(.received(lane: 0, octets.octets))
                    if octets.length == 1 {
                        stream.isReading = false
                        streams.add(stream)
                        return 0
                    }
                    return Int(octets.length)
                }
                return handler
            }
            let peer = TCPPeer(to: listener.local)
            peer.send([1])
            let stream = try #require(streams.wait(for: 1).first)
            peer.send([2, 3])
            group.lanes[0].performAndWait { _ in }
            #expect(log.now == [.received(lane: 0, [1])])
            group.lanes[0].post { _ in
                (stream.handler as? Closures)?.onReceived = { octets, _ in
                    log.add(.received(lane: 0, octets.octets))
                    return Int(octets.length)
                }
                stream.isReading = true
            }
            let later = log.wait(for: 3).dropFirst().flatMap { event -> [UInt8] in
                if case .received(_, let octets) = event { octets } else { [] }
            }
            #expect(later == [1, 2, 3])
        }
    }

    @Test func `a stream moves to another lane with its rest and what it has not consumed`() throws {
        try withLanes(3) { group in
            let log = Log<StreamEvent>()
            let listener = try group.listen { _ in
                let handler = Closures()
                handler.onReceived = { octets, stream in
                    stream.write(stream.lane.slice([9]))
                    let next = stream.lane.group.lanes[(stream.lane.index + 1) % 3]
                    stream.move(to: next, rest: [2]) { _ in MessageEcho(log) }
                    return 2
                }
                handler.onEnded = { _ in Issue.record("the first handler hears no end") }
                return handler
            }
            let peer = TCPPeer(to: listener.local)
            peer.send([0, 2, 5])
            #expect(peer.receive(1) == [9])
            peer.send([6, 1, 7])
            #expect(peer.receive(5) == [2, 5, 6, 1, 7])
            peer.finish()
            #expect(peer.isAtEnd())
            let events = log.wait(for: 3)
            #expect(events.count == 3)
            #expect(events.last == .ended(.closed))
        }
    }

    @Test func `a listener's port is refused to a second listener`() throws {
        try withLanes(2) { group in
            let listener = try group.listen { _ in Closures() }
            #expect(throws: SocketError.self) {
                try group.listen(StreamOptions(listener.local), candidates: [])
            }
        }
    }

    @Test func `stopping the lanes ends their streams`() throws {
        let log = Log<StreamEvent>()
        let peer = try withLanes(2) { group in
            let listener = try group.listen { _ in MessageEcho(log) }
            let peer = TCPPeer(to: listener.local)
            peer.send([1, 2])
            #expect(peer.receive(2) == [1, 2])
            return peer
        }
        #expect(log.now.last == .ended(.laneStopped))
        #expect(peer.isAtEnd())
    }
}
