import Glibc
import Lanes
import PluginABI
import Testing

/// Sends every frame back with its addresses exchanged, and notes what it saw.
private final class Mirror: FrameHandler {
    private let log: Log<String>
    init(_ log: Log<String>) { self.log = log }

    func received(_ frames: UnsafeMutableBufferPointer<pa_slice_v1>, on port: FramePort) {
        log.add("\(frames.count) frames")
        for frame in frames {
            if frame.headroom < 256 || frame.tailroom < 256 { log.add("no room") }
            for octet in 0..<6 {
                let own = frame.start[octet]
                frame.start[octet] = frame.start[octet + 6]
                frame.start[octet + 6] = own
            }
        }
        port.send(UnsafeBufferPointer(frames))
    }

    func ended(_ port: FramePort, error: SocketError?) { log.add(error.map { "ended: \($0)" } ?? "ended") }
}

@Suite struct FramePortTests {
    private func pair(_ type: __socket_type) -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        precondition(socketpair(AF_UNIX, Int32(type.rawValue), 0, &ends) == 0)
        setDeadline(ends[1])
        return (ends[0], ends[1])
    }

    private func frame(_ number: UInt8, _ count: Int) -> [UInt8] {
        [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 8, 0] + [UInt8](repeating: number, count: count)
    }

    @Test(arguments: [SOCK_SEQPACKET.rawValue, SOCK_DGRAM.rawValue])
    func `frames of a socket pair come in batches and leave in order`(type: UInt32) throws {
        let (own, other) = pair(__socket_type(rawValue: type))
        defer { close(own); close(other) }
        try withLanes(1) { group in
            let log = Log<String>()
            let lane = group.lanes[0]
            lane.post { lane in
                #expect(throws: Never.self) {
                    _ = try lane.attachFrameDevice(descriptor: own, kind: .socketPair, handler: Mirror(log))
                }
            }
            lane.whileHeld {
                for number in 0..<8 as Range<UInt8> {
                    let octets = frame(number, 100 + Int(number) * 150)
                    #expect(send(other, octets, octets.count, 0) == octets.count)
                }
            }
            for number in 0..<8 as Range<UInt8> {
                var room = [UInt8](repeating: 0, count: 4096)
                let count = recv(other, &room, room.count, 0)
                #expect(count == 114 + Int(number) * 150)
                #expect(Array(room[..<15]) == [2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 8, 0, number])
            }
            #expect(log.now == ["8 frames"])
        }
    }

    @Test func `the end of a device is told once`() throws {
        let (own, other) = pair(SOCK_SEQPACKET)
        defer { close(own) }
        let log = Log<String>()
        try withLanes(1) { group in
            group.lanes[0].performAndWait { lane in
                _ = try? lane.attachFrameDevice(descriptor: own, kind: .socketPair, handler: Mirror(log))
            }
            close(other)
            #expect(log.wait(for: 1) == ["ended: cannot use a frame device: Broken pipe"])
        }
        #expect(log.now.count == 1)
    }

    @Test func `a port that is closed, or whose lane stops, lets go of its descriptor`() throws {
        let (own, other) = pair(SOCK_SEQPACKET)
        defer { close(own); close(other) }
        let log = Log<String>()
        try withLanes(1) { group in
            group.lanes[0].performAndWait { lane in
                let port = try? lane.attachFrameDevice(
                    descriptor: own, kind: .socketPair, handler: Mirror(log))
                port?.close()
            }
            #expect(log.wait(for: 1) == ["ended"])
            group.lanes[0].performAndWait { lane in
                _ = try? lane.attachFrameDevice(descriptor: own, kind: .socketPair, handler: Mirror(log))
            }
        }
        #expect(log.now == ["ended", "ended"])
    }

    @Test func `what a full device does not take is counted`() throws {
        let (own, other) = pair(SOCK_SEQPACKET)
        defer { close(own); close(other) }
        try withLanes(1) { group in
            let log = Log<String>()
            group.lanes[0].performAndWait { lane in
                let port = try? lane.attachFrameDevice(
                    descriptor: own, kind: .socketPair, handler: Mirror(log))
                let octets = lane.slice([UInt8](repeating: 1, count: 1500))
                for _ in 0..<3000 { port?.send(octets) }
            }
            #expect(group.total(\.sentDatagrams) + group.total(\.unsentFull) == 3000)
            #expect(group.total(\.unsentFull) > 0)
        }
    }
}
